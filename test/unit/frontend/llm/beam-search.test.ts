import { describe, expect, it } from 'vitest';
import { beamStepParams, searchBeams } from '../../../../src/frontend/llm/beam-search.ts';
import type { BeamSearchParams } from '../../../../src/frontend/llm/beams.ts';
import type { GenerateRequest } from '../../../../src/frontend/llm/input-processor.ts';
import type { RequestOutput, RequestSink } from '../../../../src/frontend/llm/request-output.ts';
import { ByteTokenizer } from '../../../support/byte-tokenizer.ts';
import { createOutput, createPosition } from '../../../support/openai.ts';

const EOS = 0;
const LIMITS = { maxNumSequences: 16, asksForWatermarks: false };

function createParams(params: Partial<BeamSearchParams> = {}): BeamSearchParams {
  return {
    beamWidth: 2,
    maxTokens: 2,
    ignoreEos: false,
    temperature: 0.5,
    lengthPenalty: 1,
    includeStopStrInOutput: false,
    skipSpecialTokens: true,
    allowedTokenIds: null,
    ...params,
  };
}

class Bench {
  readonly asked: { request: GenerateRequest; sink: RequestSink; isAborted: boolean }[] = [];
  readonly outputs: RequestOutput[] = [];
  readonly errors: Error[] = [];
  readonly abort: () => void;
  failure: Error | null = null;

  constructor(params: Partial<BeamSearchParams> = {}) {
    const handle = searchBeams(
      {
        llm: {
          generate: (request, sink) => {
            if (this.failure !== null) throw this.failure;
            const entry = { request, sink, isAborted: false };
            this.asked.push(entry);
            const abort = () => {
              entry.isAborted = true;
            };
            return { abort };
          },
        },
        tokenizer: new ByteTokenizer(),
        eosTokenIds: new Set([EOS]),
        ...LIMITS,
        nowSeconds: () => 5,
      },
      {
        requestId: 'cmpl-1',
        promptTokenIds: [104, 105],
        priority: 3,
        dataParallelRank: null,
        cacheSalt: 'salt',
        sessionId: 'session',
        loraRequest: null,
      },
      createParams(params),
      {
        onOutput: (output) => this.outputs.push(output),
        onError: (error) => this.errors.push(error),
      },
    );
    this.abort = () => handle.abort();
  }

  /** Answers what was asked `index`-th. `[id, logprob]` a candidate. */
  answer(index: number, ...candidates: (readonly [number, number])[]): Promise<void> {
    return this.finish(index, 'length', candidates);
  }

  async finish(
    index: number,
    finishReason: string,
    candidates: readonly (readonly [number, number])[] = [],
  ): Promise<void> {
    const logprobs = candidates.length === 0 ? null : [createPosition(...candidates)];
    this.asked[index]?.sink.onOutput(createOutput({ finishReason, logprobs }));
    await Promise.resolve();
  }
}

describe('a beam search', () => {
  it('asks for one token of each beam, and answers once', async () => {
    const bench = new Bench();
    expect(bench.asked.map(({ request }) => request.promptTokenIds)).toEqual([[104, 105]]);
    await bench.answer(0, [97, -1], [98, -2], [99, -3]);
    expect(bench.asked.slice(1).map(({ request }) => request.promptTokenIds)).toEqual([
      [104, 105, 97],
      [104, 105, 98],
    ]);
    await bench.answer(1, [100, -9]);
    expect(bench.outputs).toEqual([]);
    await bench.answer(2, [100, -1], [EOS, -0.5]);
    expect(bench.outputs).toHaveLength(1);
    expect(bench.outputs[0]).toMatchObject({
      promptTokenIds: [104, 105],
      promptLogprobs: null,
      isFinished: true,
      outputs: [
        { index: 0, text: 'b', tokenIds: [98], finishReason: 'stop', stopReason: EOS },
        { index: 1, text: 'bd', tokenIds: [98, 100], finishReason: 'length', stopReason: null },
      ],
    });
  });

  it('hands on what belongs to the request, under ids of its own', async () => {
    const bench = new Bench();
    await bench.answer(0, [97, -1], [98, -2]);
    const ids = bench.asked.map(({ request }) => request.requestId);
    expect(ids[0]).toMatch(/^cmpl-1-[0-9a-f]{16}-beam-0$/);
    expect(new Set(ids).size).toBe(3);
    expect(bench.asked[2]?.request).toMatchObject({
      arrivalTime: 5,
      priority: 3,
      cacheSalt: 'salt',
      sessionId: 'session',
      params: { n: 1, maxTokens: 1, logprobs: 4, temperature: 0.5, detokenize: false },
    });
    expect(bench.asked[1]?.request.params).not.toBe(bench.asked[2]?.request.params);
  });

  it('ends early where every beam has ended', async () => {
    const bench = new Bench();
    await bench.answer(0, [EOS, -1]);
    expect(bench.asked).toHaveLength(1);
    expect(bench.outputs[0]?.outputs).toMatchObject([{ text: '', finishReason: 'stop' }]);
  });

  it('asks nothing for no tokens', async () => {
    const bench = new Bench({ maxTokens: 0 });
    await Promise.resolve();
    expect(bench.asked).toEqual([]);
    expect(bench.outputs[0]?.outputs).toMatchObject([{ text: '', finishReason: 'length' }]);
  });

  it('ends with what one of its requests ends with', async () => {
    const failed = new Bench();
    await failed.finish(0, 'error');
    expect(failed.outputs[0]?.outputs).toMatchObject([{ text: '', finishReason: 'error' }]);
    const aborted = new Bench();
    await aborted.answer(0, [97, -1], [98, -2]);
    await aborted.answer(1, [97, -1]);
    await aborted.finish(2, 'abort');
    expect(aborted.outputs[0]?.outputs).toMatchObject([
      { text: 'a', finishReason: 'abort' },
      { text: 'b', finishReason: 'abort' },
    ]);
  });

  it('tells an error once and aborts what still runs', async () => {
    const bench = new Bench();
    await bench.answer(0, [97, -1], [98, -2]);
    bench.asked[1]?.sink.onError(new Error('engine dead'));
    bench.asked[2]?.sink.onError(new Error('engine dead'));
    expect(bench.errors.map(({ message }) => message)).toEqual(['engine dead']);
    expect(bench.asked.slice(1).map(({ isAborted }) => isAborted)).toEqual([true, true]);
    const refused = new Bench();
    refused.failure = new Error('full');
    await refused.answer(0, [97, -1]);
    expect(refused.errors.map(({ message }) => message)).toEqual(['full']);
  });

  it('stops when its client leaves', async () => {
    const bench = new Bench();
    await bench.answer(0, [97, -1], [98, -2]);
    bench.abort();
    expect(bench.asked.slice(1).map(({ isAborted }) => isAborted)).toEqual([true, true]);
    await bench.answer(1, [97, -1]);
    await bench.answer(2, [97, -1]);
    expect([bench.asked.length, bench.outputs.length]).toEqual([3, 0]);
  });
});

describe('the parameters of a step', () => {
  it('score what is allowed instead of the likeliest', () => {
    expect(beamStepParams(createParams({ allowedTokenIds: [5, 6] }), LIMITS)).toMatchObject({
      logprobs: null,
      logprobTokenIds: [5, 6],
      allowedTokenIds: null,
    });
  });

  it.each([
    [false, false],
    [true, null],
  ])('leave watermarks to the engine only where requests ask for them: %s', (asks, said) => {
    const { watermarking } = beamStepParams(createParams(), { ...LIMITS, asksForWatermarks: asks });
    expect(watermarking).toBe(said);
  });

  it.each([
    [{ beamWidth: 0 }, 'beam_width must be at least 1, got 0.'],
    [{ beamWidth: 17 }, 'beam_width must be at most 16, got 17.'],
    [{ allowedTokenIds: [] }, 'Beam search allowed_token_ids must not be empty'],
    [{ temperature: -1 }, 'temperature must be non-negative, got -1.0.'],
  ])('refuse %j', (params, words) => {
    expect(() => beamStepParams(createParams(params), LIMITS)).toThrow(words);
  });
});
