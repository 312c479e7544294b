import { describe, expect, it } from 'vitest';
import { badRequest, engineDead, generationError } from '../../../../src/frontend/llm/errors.ts';
import type { RequestOutput } from '../../../../src/frontend/llm/request-output.ts';
import type { MutableSamplingParams } from '../../../../src/frontend/llm/sampling-params.ts';
import {
  type Answer,
  checkFinishReason,
  Exchange,
  type ExchangeRequest,
} from '../../../../src/frontend/openai/exchange.ts';
import type { RequestHeaders } from '../../../../src/frontend/openai/request-headers.ts';
import { createSamplingParams } from '../../../../src/shared/protocol/defaults.ts';
import { createCompletionOutput, createOutput, createServing } from '../../../support/openai.ts';

/** Writes what it was told, a word a call. */
class WordAnswer implements Answer {
  words: string[] = [];
  failAt: string | null = null;
  errors: string | null = 'error;';

  #say(word: string): string {
    this.words.push(word);
    if (word === this.failAt) throw new Error('cannot answer');
    return `${word};`;
  }

  beginStream(): void {
    this.#say('begin');
  }

  streamOutput(output: RequestOutput, promptIndex: number): void {
    this.#say(`output ${promptIndex} ${output.outputs[0]?.text}`);
  }

  lastEvents(output: RequestOutput): string {
    return this.#say(`last ${output.outputs[0]?.text}`);
  }

  wholeAnswer(finals: readonly RequestOutput[]): string {
    return this.#say(`whole ${finals.map(({ outputs }) => outputs[0]?.text).join('+')}`);
  }

  errorEvents(): string | null {
    return this.errors;
  }
}

function start({
  request = {},
  numPrompts = 1,
  headers = {},
  prepare = () => {},
}: {
  request?: Partial<ExchangeRequest>;
  numPrompts?: number;
  headers?: RequestHeaders;
  prepare?: (serving: ReturnType<typeof createServing>, answer: WordAnswer) => void;
} = {}) {
  const serving = createServing();
  const answer = new WordAnswer();
  prepare(serving, answer);
  const params = createSamplingParams() as MutableSamplingParams;
  new Exchange({
    context: serving.context,
    request: {
      model: 'm',
      stream: false,
      priority: 0,
      cache_salt: null,
      session_id: null,
      vllm_xargs: null,
      ...request,
    },
    headers,
    channel: serving.channel,
    arrivalTime: 12.5,
    prompts: Array.from({ length: numPrompts }, (_, i) => ({
      requestId: `r-${i}`,
      promptTokenIds: [i],
      text: null,
      params,
    })),
    answer,
    log: { id: 'r', skipsEmpty: false, onlyFinal: false },
  }).start();
  return { ...serving, answer };
}

const text = (words: string) => createOutput({ text: words });
const final = (words: string) => createOutput({ text: words, finishReason: 'stop' });

describe('what the engines are asked', () => {
  it('is a request a prompt, with what body and headers say', () => {
    const { llm } = start({
      numPrompts: 2,
      request: { cache_salt: 'salt', priority: 3, vllm_xargs: { session_id: 'from args' } },
      headers: { 'x-data-parallel-rank': '1' },
    });
    expect(llm.calls.map(({ request }) => request)).toMatchObject([
      {
        requestId: 'r-0',
        promptTokenIds: [0],
        arrivalTime: 12.5,
        priority: 3,
        dataParallelRank: 1,
        cacheSalt: 'salt',
        sessionId: 'from args',
        loraRequest: null,
      },
      { requestId: 'r-1', promptTokenIds: [1] },
    ]);
  });

  it('names the adapter that the model name stands for', () => {
    const lora = {
      loraName: 'l',
      loraIntId: 1,
      loraPath: 'p',
      baseModelName: null,
      loadInplace: false,
      is3dLoraWeight: false,
    };
    const { llm } = start({
      request: { model: 'l' },
      prepare: ({ context }) => context.models.add(lora),
    });
    expect(llm.calls[0]?.request.loraRequest).toEqual(lora);
  });
});

describe('a whole answer', () => {
  it('comes once the last prompt has its final output, in the prompts’ order', () => {
    const { llm, channel } = start({ numPrompts: 2 });
    llm.emit(final('b'), 1);
    expect(channel.status).toBeNull();
    llm.emit(text('not yet'), 0);
    llm.emit(final('a'), 0);
    expect([channel.status, channel.body]).toEqual([200, 'whole a+b;']);
    expect(channel.hasBegun).toBe(false);
  });

  it('is an error body when a prompt fails, and the others are aborted', () => {
    const { llm, channel, answer } = start({ numPrompts: 2 });
    llm.calls[1]?.sink.onError(generationError('too busy', true));
    expect(channel.status).toBe(503);
    expect(channel.error).toEqual({
      message: 'too busy',
      type: 'ServiceUnavailableError',
      param: null,
      code: 503,
    });
    expect(llm.calls.map(({ numAborts }) => numAborts)).toEqual([1, 1]);
    llm.emit(final('a'), 0);
    llm.calls[0]?.sink.onError(engineDead());
    expect(channel.status).toBe(503);
    expect(answer.words).toEqual([]);
  });

  it('is an error body when a prompt cannot be asked for, and those after it are not asked for', () => {
    const { llm, channel } = start({
      numPrompts: 3,
      prepare: (serving) => {
        serving.llm.generateError = { index: 1, error: badRequest('no') };
      },
    });
    expect(llm.numAsked).toBe(2);
    expect(llm.calls[0]?.numAborts).toBe(1);
    expect([channel.status, channel.error.message]).toEqual([400, 'no']);
  });

  it('is an error body when the answer cannot be written', () => {
    const { llm, channel } = start({
      prepare: (_serving, answer) => {
        answer.failAt = 'whole a';
      },
    });
    llm.emit(final('a'));
    expect([channel.status, channel.error.type]).toEqual([500, 'InternalServerError']);
  });
});

describe('a stream', () => {
  const request = { stream: true };

  it('begins at once, passes outputs on and ends after the last one of all prompts', () => {
    const { llm, channel, answer } = start({ request, numPrompts: 2 });
    expect([channel.hasBegun, answer.words]).toEqual([true, ['begin']]);
    llm.emit(text('a'), 0);
    llm.emit(final('b'), 1);
    expect(channel.isEnded).toBe(false);
    llm.emit(final('c'), 0);
    expect(answer.words).toEqual(['begin', 'output 0 a', 'output 1 b', 'output 0 c', 'last c']);
    expect([channel.stream, channel.isEnded, channel.status]).toEqual(['last c;', true, null]);
  });

  it('tells of an error as an event and ends', () => {
    const { llm, channel } = start({ request });
    llm.calls[0]?.sink.onError(engineDead());
    expect([channel.stream, channel.isEnded, channel.status]).toEqual(['error;', true, null]);
    expect(llm.calls[0]?.numAborts).toBe(1);
  });

  it('tells of what was thrown before the first output as an event too: the answer has begun', () => {
    const { channel } = start({
      request,
      prepare: (serving) => {
        serving.llm.generateError = { index: 0, error: badRequest('no') };
      },
    });
    expect([channel.hasBegun, channel.stream, channel.isEnded, channel.status]).toEqual([
      true,
      'error;',
      true,
      null,
    ]);
  });

  it('breaks off where the endpoint has no event for an error', () => {
    const { llm, channel } = start({
      request,
      prepare: (_serving, answer) => {
        answer.errors = null;
      },
    });
    llm.calls[0]?.sink.onError(engineDead());
    expect([channel.stream, channel.isEnded, channel.isBroken]).toEqual(['', false, true]);
  });

  it.each(['output 0 a', 'last a'])('ends with the error when %s cannot be written', (failAt) => {
    const { llm, channel } = start({
      request,
      prepare: (_serving, answer) => {
        answer.failAt = failAt;
      },
    });
    llm.emit(final('a'));
    expect([channel.stream, channel.isEnded, llm.calls[0]?.numAborts]).toEqual(['error;', true, 1]);
  });

  it('says nothing more once it is over', () => {
    const { llm, channel, answer } = start({ request });
    llm.emit(final('a'));
    llm.emit(text('late'));
    llm.calls[0]?.sink.onError(engineDead());
    expect(answer.words).toEqual(['begin', 'output 0 a', 'last a']);
    expect(channel.stream).toBe('last a;');
  });
});

describe.each([true, false])('a client that leaves (stream: %s)', (stream) => {
  it('aborts every prompt and gets no more', () => {
    const { llm, channel, answer } = start({ request: { stream }, numPrompts: 2 });
    channel.disconnect();
    expect(llm.calls.map(({ numAborts }) => numAborts)).toEqual([1, 1]);
    llm.emit(final('a'), 0);
    llm.calls[1]?.sink.onError(engineDead());
    expect(answer.words).toEqual(stream ? ['begin'] : []);
    expect([channel.status, channel.stream, channel.isEnded]).toEqual([null, '', false]);
  });
});

describe('checkFinishReason', () => {
  it('throws for an engine’s failure alone', () => {
    for (const finishReason of [null, 'stop', 'length', 'abort']) {
      expect(() => checkFinishReason(createCompletionOutput({ finishReason }))).not.toThrow();
    }
    expect(() => checkFinishReason(createCompletionOutput({ finishReason: 'error' }))).toThrow(
      'Internal server error',
    );
  });
});

describe('a request of many prompts', () => {
  const withoutRoom = () =>
    start({
      numPrompts: 4,
      prepare: ({ llm }) => {
        llm.hasRoom = false;
      },
    });

  it('hands them over as fast as the engines take them', () => {
    const { llm } = withoutRoom();
    expect(llm.calls).toHaveLength(1);
    llm.hasRoom = true;
    llm.resume?.();
    expect(llm.calls.map(({ request }) => request.requestId)).toEqual(['r-0', 'r-1', 'r-2', 'r-3']);
  });

  it('hands over none once its client has gone', () => {
    const { llm, channel } = withoutRoom();
    channel.disconnect();
    llm.hasRoom = true;
    llm.resume?.();
    expect(llm.calls.map(({ numAborts }) => numAborts)).toEqual([1]);
  });
});
