import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../../src/frontend/llm/errors.ts';
import { OutputProcessor } from '../../../../src/frontend/llm/output-processor.ts';
import { ParentRequest } from '../../../../src/frontend/llm/parallel-sampling.ts';
import type { SamplingFields } from '../../../../src/frontend/llm/sampling-params.ts';
import { IterationStats } from '../../../../src/frontend/metrics/iteration-stats.ts';
import {
  createEngineCoreOutput,
  createEngineCoreRequest,
  createPrefillStats,
} from '../../../../src/shared/protocol/defaults.ts';
import { type EngineCoreOutput, FinishReason } from '../../../../src/shared/protocol/outputs.ts';
import {
  type EngineCoreRequest,
  RequestOutputKind,
} from '../../../../src/shared/protocol/request.ts';
import { ByteTokenizer } from '../../../support/byte-tokenizer.ts';
import { logprobsLists, logprobsTensors } from '../../../support/logprobs.ts';
import { RecordingSink } from '../../../support/recording-sink.ts';
import { createTestSamplingParams } from '../../../support/sampling-fields.ts';

const { CUMULATIVE, DELTA, FINAL_ONLY } = RequestOutputKind;
const bytes = (text: string) => [...Buffer.from(text)];

/** An output processor with the few moves that tests need; a request is `a` with a prompt of three tokens. */
class Bench {
  readonly tokenizer = new ByteTokenizer();
  readonly processor: OutputProcessor;

  constructor({ streamInterval = 1 } = {}) {
    this.processor = new OutputProcessor(this.tokenizer, streamInterval);
  }

  add(
    fields: Partial<SamplingFields> = {},
    request: Partial<EngineCoreRequest> = {},
  ): RecordingSink {
    const sink = new RecordingSink();
    const params = createTestSamplingParams({ outputKind: DELTA, ...fields });
    this.processor.addRequest(
      createEngineCoreRequest({ requestId: 'a', promptTokenIds: [1, 2, 3], ...request }),
      params,
      { parent: null, index: 0, sink },
    );
    return sink;
  }

  /** `n` answers of the request `p`, whose client knows it as `client`. */
  addParallel(fields: Partial<SamplingFields> = {}): RecordingSink {
    const sink = new RecordingSink();
    const params = createTestSamplingParams({ outputKind: DELTA, n: 2, ...fields });
    const request = createEngineCoreRequest({
      requestId: 'p',
      externalReqId: 'client',
      promptTokenIds: [1, 2, 3],
    });
    const parent = new ParentRequest(request, params);
    for (let index = 0; index < params.n; index++) {
      const child = parent.createChild(request, index);
      this.processor.addRequest(child, child.samplingParams ?? params, { parent, index, sink });
    }
    return sink;
  }

  /** One message with this one output of `a`. */
  output(
    fields: Partial<EngineCoreOutput> & { readonly text?: string } = {},
    {
      stats = null,
      timestamp = 0,
      weightVersion = null,
    }: { stats?: IterationStats | null; timestamp?: number; weightVersion?: string | null } = {},
  ): readonly string[] {
    const { text = '', ...output } = fields;
    return this.processor.processOutputs(
      [createEngineCoreOutput({ requestId: 'a', newTokenIds: bytes(text), ...output })],
      timestamp,
      stats,
      weightVersion,
    );
  }
}

describe('the output of one request', () => {
  it('streams text and tokens as they come, and ends with the engine’s reason', () => {
    const bench = new Bench();
    const sink = bench.add();

    expect(bench.output({ text: 'ab' })).toEqual([]);
    expect(
      bench.output({ text: 'c', finishReason: FinishReason.LENGTH, stopReason: null }),
    ).toEqual([]);

    expect(sink.completions).toEqual([
      {
        index: 0,
        text: 'ab',
        tokenIds: bytes('ab'),
        logprobs: null,
        finishReason: null,
        stopReason: null,
        weightVersions: null,
        samplingMask: null,
      },
      {
        index: 0,
        text: 'c',
        tokenIds: bytes('c'),
        logprobs: null,
        finishReason: 'length',
        stopReason: null,
        weightVersions: null,
        samplingMask: null,
      },
    ]);
    expect(sink.outputs.map(({ isFinished }) => isFinished)).toEqual([false, true]);
    expect(bench.processor.numUnfinishedRequests).toBe(0);
  });

  it('is all so far where the client wants the whole each time', () => {
    const bench = new Bench();
    const sink = bench.add({ outputKind: CUMULATIVE });

    bench.output({ text: 'ab' });
    bench.output({ text: 'c' });

    expect(sink.completions.map(({ text }) => text)).toEqual(['ab', 'abc']);
    expect(sink.completions.at(-1)?.tokenIds).toEqual(bytes('abc'));
  });

  it('is the end alone where only that counts', () => {
    const bench = new Bench();
    const sink = bench.add({ outputKind: FINAL_ONLY });

    bench.output({ text: 'ab' });
    expect(sink.outputs).toEqual([]);
    bench.output({ text: 'c', finishReason: FinishReason.STOP, stopReason: 99 });

    expect(sink.completions).toMatchObject([
      { text: 'ab', tokenIds: bytes('abc'), finishReason: 'stop', stopReason: 99 },
    ]);
  });

  it('has the prompt and what of it came from the cache', () => {
    const bench = new Bench();
    const sink = bench.add();
    const prefillStats = createPrefillStats({ numCachedTokens: 2, numCacheCreationTokens: 1 });

    bench.output({ text: 'a', prefillStats });

    expect(sink.outputs[0]).toMatchObject({
      promptTokenIds: [1, 2, 3],
      promptLogprobs: null,
      numCachedTokens: 2,
      numCacheCreationTokens: 1,
      kvTransferParams: null,
      ecTransferParams: null,
    });
  });

  it('keeps the cached tokens of its first output', () => {
    const bench = new Bench();
    const sink = bench.add();

    bench.output({ text: 'a', prefillStats: createPrefillStats({ numCachedTokens: 2 }) });
    bench.output({ text: 'b', prefillStats: createPrefillStats({ numCachedTokens: 9 }) });

    expect(sink.outputs[1]?.numCachedTokens).toBe(2);
  });

  it('reports what another engine’s cache had where the prompt was prefilled there', () => {
    const cachedWith = (extraArgs: SamplingFields['extraArgs']) => {
      const bench = new Bench();
      const sink = bench.add({ extraArgs });
      bench.output({ text: 'a', prefillStats: createPrefillStats({ numCachedTokens: 2 }) });
      return sink.outputs[0]?.numCachedTokens;
    };
    const kv = { do_remote_prefill: true, remote_prefill_cached_tokens: 48 };

    expect(cachedWith({ kv_transfer_params: kv })).toBe(48);
    expect(cachedWith({ kv_transfer_params: { ...kv, do_remote_prefill: false } })).toBe(2);
    expect(cachedWith({ kv_transfer_params: { do_remote_prefill: true } })).toBe(2);
    expect(cachedWith({ kv_transfer_params: { ...kv, remote_prefill_cached_tokens: '48' } })).toBe(
      2,
    );
    expect(cachedWith({ kv_transfer_params: { ...kv, remote_prefill_cached_tokens: 4.5 } })).toBe(
      2,
    );
    expect(cachedWith({ other: kv })).toBe(2);
  });

  it('hands the connectors’ parameters through', () => {
    const bench = new Bench();
    const sink = bench.add();

    bench.output({ text: 'a', kvTransferParams: { kv: 1 }, ecTransferParams: { ec: 2 } });

    expect(sink.outputs[0]).toMatchObject({
      kvTransferParams: { kv: 1 },
      ecTransferParams: { ec: 2 },
    });
  });

  it('is decoded after the prompt, with the request’s own wishes', () => {
    const bench = new Bench();

    bench.add({ skipSpecialTokens: false });

    expect(bench.tokenizer.streams).toEqual([{ prompt: [1, 2, 3], skipSpecialTokens: false }]);
  });

  it('that comes after the end is dropped', () => {
    const bench = new Bench();
    const sink = bench.add();
    bench.output({ text: 'a', finishReason: FinishReason.STOP });

    expect(bench.output({ text: 'late', finishReason: FinishReason.STOP })).toEqual([]);
    expect(sink.outputs).toHaveLength(1);
  });

  it('leaves out the stop token that ended it', () => {
    const bench = new Bench();
    const sink = bench.add();

    bench.output({ text: 'ab!', finishReason: FinishReason.STOP });

    expect(sink.completions).toMatchObject([{ text: 'ab', tokenIds: bytes('ab!') }]);
  });

  it('has the last token’s text where the length ended it', () => {
    const bench = new Bench();
    const sink = bench.add();

    bench.output({ text: 'ab!', finishReason: FinishReason.LENGTH });

    expect(sink.completions).toMatchObject([{ text: 'ab!' }]);
  });
});

describe('a stop string', () => {
  it('ends the request here, and the engine must be told', () => {
    const bench = new Bench();
    const sink = bench.add({ stop: 'END' });

    expect(bench.output({ text: 'ab EN' })).toEqual([]);
    expect(bench.output({ text: 'D and more' })).toEqual(['a']);

    expect(sink.completions.map(({ text }) => text).join('')).toBe('ab ');
    expect(sink.completions.at(-1)).toMatchObject({
      tokenIds: bytes('D'),
      finishReason: 'stop',
      stopReason: 'END',
    });
    expect(bench.processor.numUnfinishedRequests).toBe(0);
  });

  it('in the engine’s own last output needs no word to the engine', () => {
    const bench = new Bench();
    const sink = bench.add({ stop: 'END' });

    expect(bench.output({ text: 'END', finishReason: FinishReason.LENGTH })).toEqual([]);
    expect(sink.completions).toMatchObject([{ finishReason: 'stop', stopReason: 'END' }]);
  });

  it('takes the log probabilities of the tokens after it away', () => {
    const bench = new Bench();
    const sink = bench.add({ stop: 'b', logprobs: 0 });
    const rows = bytes('abc').map((id) => ({ ids: [id], logprobs: [-1] }));

    bench.output({ text: 'abc', newLogprobs: logprobsLists(rows) });

    expect(sink.completions[0]?.logprobs?.map((position) => [...position.keys()])).toEqual([
      [97],
      [98],
    ]);
  });

  it('of several requests in a message ends those alone that wrote it', () => {
    const bench = new Bench();
    bench.add({ stop: 'x' });
    bench.add({ stop: 'x' }, { requestId: 'b' });
    bench.add({}, { requestId: 'c' });
    const outputs = ['a', 'b', 'c'].map((requestId) =>
      createEngineCoreOutput({ requestId, newTokenIds: bytes('x') }),
    );

    expect(bench.processor.processOutputs(outputs, 0, null, null)).toEqual(['a', 'b']);
    expect(bench.processor.requestIds).toEqual(['c']);
  });
});

describe('log probabilities', () => {
  const row = (id: number) => ({ ids: [id], logprobs: [-1] });

  it('go out with the tokens that they belong to', () => {
    const bench = new Bench();
    const sink = bench.add({ logprobs: 0 });

    bench.output({ text: 'ab', newLogprobs: logprobsLists(bytes('ab').map(row)) });
    bench.output({ text: 'c', newLogprobs: logprobsLists(bytes('c').map(row)) });
    bench.output({ finishReason: FinishReason.LENGTH });

    expect(
      sink.completions.map(({ logprobs }) => logprobs?.flatMap((each) => [...each.keys()])),
    ).toEqual([bytes('ab'), bytes('c'), []]);
  });

  it('are all so far where the client wants the whole each time', () => {
    const bench = new Bench();
    const sink = bench.add({ logprobs: 0, outputKind: CUMULATIVE });

    bench.output({ text: 'a', newLogprobs: logprobsLists([row(97)]) });
    bench.output({ text: 'b', newLogprobs: logprobsLists([row(98)]) });

    expect(sink.completions[1]?.logprobs).toHaveLength(2);
  });

  it('of the prompt go out once in a stream and each time otherwise', () => {
    const newPromptLogprobsTensors = logprobsTensors([row(98)]);
    const counts = (outputKind: RequestOutputKind) => {
      const bench = new Bench();
      const sink = bench.add({ promptLogprobs: 0, outputKind });
      bench.output({ text: 'a', newPromptLogprobsTensors });
      bench.output({ text: 'b' });
      return sink.outputs.map(({ promptLogprobs }) => promptLogprobs?.length);
    };

    expect(counts(DELTA)).toEqual([2, 0]);
    expect(counts(CUMULATIVE)).toEqual([2, 2]);
  });
});

describe('a stream interval', () => {
  it('sends the first token at once, then as many together, and the rest at the end', () => {
    const bench = new Bench({ streamInterval: 3 });
    const sink = bench.add();

    for (const letter of 'abcdef') bench.output({ text: letter });
    bench.output({ text: 'g', finishReason: FinishReason.LENGTH });

    expect(sink.completions.map(({ text }) => text)).toEqual(['a', 'bcd', 'efg']);
    expect(sink.completions.map(({ tokenIds }) => tokenIds)).toEqual(
      ['a', 'bcd', 'efg'].map(bytes),
    );
  });

  it('can be longer for a request, not shorter', () => {
    const textsWith = (engine: number, request: number | null) => {
      const bench = new Bench({ streamInterval: engine });
      const sink = bench.add({ streamInterval: request });
      for (const letter of 'abcde') bench.output({ text: letter });
      return sink.completions.map(({ text }) => text);
    };

    expect(textsWith(1, 2)).toEqual(['a', 'bc', 'de']);
    expect(textsWith(2, 1)).toEqual(['a', 'bc', 'de']);
    expect(textsWith(2, null)).toEqual(['a', 'bc', 'de']);
    expect(textsWith(1, null)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('does not thin out whole texts', () => {
    const bench = new Bench({ streamInterval: 2 });
    const sink = bench.add({ outputKind: CUMULATIVE });

    for (const letter of 'abc') bench.output({ text: letter });

    expect(sink.completions.map(({ text }) => text)).toEqual(['a', 'ab', 'abc']);
    expect(sink.completions.at(-1)?.tokenIds).toEqual(bytes('abc'));
  });

  it('keeps each token’s log probabilities with it', () => {
    const bench = new Bench({ streamInterval: 2 });
    const sink = bench.add({ logprobs: 0 });

    for (const id of bytes('abc')) {
      const newLogprobs = logprobsLists([{ ids: [id], logprobs: [-1] }]);
      bench.output({ newTokenIds: [id], newLogprobs });
    }

    expect(
      sink.completions.map(({ logprobs }) => logprobs?.flatMap((each) => [...each.keys()])),
    ).toEqual([bytes('a'), bytes('bc')]);
  });
});

describe('weight versions', () => {
  it('are named at the end with the tokens that each made', () => {
    const bench = new Bench();
    const sink = bench.add();

    bench.output({ text: 'ab' }, { weightVersion: 'v1' });
    bench.output({ text: 'c' }, { weightVersion: 'v1' });
    bench.output({}, { weightVersion: 'ignored: no token' });
    bench.output({ text: 'de', finishReason: FinishReason.LENGTH }, { weightVersion: 'v2' });

    expect(sink.completions.map(({ weightVersions }) => weightVersions)).toEqual([
      null,
      null,
      null,
      [
        { version: 'v1', start: 0, end: 3 },
        { version: 'v2', start: 3, end: 5 },
      ],
    ]);
  });

  it('are unknown where no engine said one, and none where no token was made', () => {
    const finish = (text: string) => {
      const bench = new Bench();
      const sink = bench.add();
      bench.output({ text, finishReason: FinishReason.LENGTH });
      return sink.completions[0]?.weightVersions;
    };

    expect(finish('a')).toBeNull();
    expect(finish('')).toEqual([]);
  });
});

describe('parallel sampling', () => {
  it('has one sink for all children, whose index tells them apart', () => {
    const bench = new Bench();
    const sink = bench.addParallel();

    bench.output({ requestId: '1_p', text: 'x', finishReason: FinishReason.LENGTH });
    bench.output({ requestId: '0_p', text: 'y' });
    bench.output({ requestId: '0_p', text: 'z', finishReason: FinishReason.LENGTH });

    expect(sink.completions.map(({ index, text }) => [index, text])).toEqual([
      [1, 'x'],
      [0, 'y'],
      [0, 'z'],
    ]);
    expect(sink.outputs.map(({ isFinished }) => isFinished)).toEqual([false, false, true]);
    expect(bench.processor.requestIds).toEqual([]);
  });

  it('hands final outputs over together', () => {
    const bench = new Bench();
    const sink = bench.addParallel({ outputKind: FINAL_ONLY });

    bench.output({ requestId: '1_p', text: 'x', finishReason: FinishReason.LENGTH });
    expect(sink.outputs).toEqual([]);
    bench.output({ requestId: '0_p', text: 'y', finishReason: FinishReason.LENGTH });

    expect(sink.outputs).toHaveLength(1);
    expect(sink.completions.map(({ index, text }) => [index, text])).toEqual([
      [0, 'y'],
      [1, 'x'],
    ]);
  });

  it('is known by the parent’s id until the last child is done', () => {
    const bench = new Bench();
    bench.addParallel();

    bench.output({ requestId: '0_p', finishReason: FinishReason.LENGTH });
    expect(bench.processor.requestIds).toEqual(['1_p', 'p']);
    bench.output({ requestId: '1_p', finishReason: FinishReason.LENGTH });
    expect(bench.processor.requestIds).toEqual([]);
  });
});

describe('statistics', () => {
  it('are fed with every output and with the end', () => {
    const bench = new Bench();
    bench.add({ maxTokens: 7 }, { arrivalTime: 100 });
    const first = new IterationStats(101);
    const last = new IterationStats(103);

    bench.output(
      { text: 'ab', prefillStats: createPrefillStats({ numPromptTokens: 3, numCachedTokens: 2 }) },
      { stats: first, timestamp: 10 },
    );
    bench.output({ text: 'c', finishReason: FinishReason.STOP }, { stats: last, timestamp: 12 });

    expect(first).toMatchObject({
      numGenerationTokens: 2,
      promptTokensTotal: 3,
      timeToFirstTokens: [1],
      finishedRequests: [],
      nParams: [],
    });
    expect(last).toMatchObject({
      numGenerationTokens: 1,
      promptTokensTotal: 0,
      interTokenLatencies: [2],
      maxNumGenerationTokens: [3],
      nParams: [1],
      finishedRequests: [
        {
          finishReason: FinishReason.STOP,
          e2eLatency: 3,
          numPromptTokens: 3,
          numGenerationTokens: 3,
          numCachedTokens: 2,
          maxTokensParam: 7,
        },
      ],
    });
  });

  it('count a stop string’s end as a stop', () => {
    const bench = new Bench();
    bench.add({ stop: 'x' });
    const stats = new IterationStats(1);

    bench.output({ text: 'x' }, { stats });

    expect(stats.finishedRequests).toMatchObject([{ finishReason: FinishReason.STOP }]);
  });

  it('count n and the largest child with the last child', () => {
    const bench = new Bench();
    bench.addParallel();
    const first = new IterationStats(1);
    const last = new IterationStats(2);

    bench.output(
      { requestId: '0_p', text: 'abc', finishReason: FinishReason.LENGTH },
      { stats: first },
    );
    bench.output(
      { requestId: '1_p', text: 'a', finishReason: FinishReason.LENGTH },
      { stats: last },
    );

    expect(first).toMatchObject({ maxNumGenerationTokens: [], nParams: [] });
    expect(first.finishedRequests).toHaveLength(1);
    expect(last).toMatchObject({ maxNumGenerationTokens: [3], nParams: [2] });
  });
});

describe('prompt tokens in prefill', () => {
  it('are those of the requests that have had no output', () => {
    const bench = new Bench();
    bench.add();
    bench.add({}, { requestId: 'b', promptTokenIds: [1, 2, 3, 4, 5] });
    expect(bench.processor.numQueuedTokens).toBe(8);

    bench.output({ text: 'a' });
    expect(bench.processor.numQueuedTokens).toBe(5);
    bench.output({ text: 'a', finishReason: FinishReason.LENGTH });
    expect(bench.processor.numQueuedTokens).toBe(5);
    bench.processor.abortRequests(['b'], { areInternal: true });
    expect(bench.processor.numQueuedTokens).toBe(0);
  });

  it('are given back by a request that ends without an output', () => {
    const bench = new Bench();
    bench.add();

    bench.output({ error: { code: 'engine_paused', message: 'paused', retryable: true } });

    expect(bench.processor.numQueuedTokens).toBe(0);
  });
});

describe('an error of the engine about one request', () => {
  it('reaches its client as an error, and the others go on', () => {
    const bench = new Bench();
    const sink = bench.add();
    const other = bench.add({}, { requestId: 'b' });
    const error = { code: 'engine_paused', message: 'The engine is paused.', retryable: true };
    const outputs = [
      createEngineCoreOutput({ requestId: 'a', error, finishReason: FinishReason.ERROR }),
      createEngineCoreOutput({ requestId: 'b', newTokenIds: bytes('x') }),
    ];

    expect(bench.processor.processOutputs(outputs, 0, null, null)).toEqual([]);

    expect(sink.outputs).toEqual([]);
    expect(sink.errors).toHaveLength(1);
    expect(sink.errors[0]).toBeInstanceOf(ApiError);
    expect(sink.errors[0]).toMatchObject({
      isGenerationError: true,
      info: { message: 'The engine is paused.', code: 503, type: 'ServiceUnavailableError' },
    });
    expect(other.completions).toMatchObject([{ text: 'x' }]);
    expect(bench.processor.requestIds).toEqual(['b']);
  });
});

describe('an abort', () => {
  it('by the engine’s id ends the request with what it has', () => {
    const bench = new Bench();
    const sink = bench.add({ outputKind: CUMULATIVE });
    bench.output({ text: 'ab' });

    expect(bench.processor.abortRequests(['a'], { areInternal: true })).toEqual(['a']);

    expect(sink.outputs.at(-1)).toMatchObject({
      isFinished: true,
      kvTransferParams: null,
      outputs: [{ text: 'ab', finishReason: 'abort', stopReason: null }],
    });
    expect(bench.processor.numUnfinishedRequests).toBe(0);
  });

  it('of what is not there does nothing', () => {
    const bench = new Bench();
    bench.add();

    expect(bench.processor.abortRequests(['x'], { areInternal: true })).toEqual([]);
    expect(bench.processor.abortRequests(['x'], { areInternal: false })).toEqual([]);
    expect(bench.processor.numUnfinishedRequests).toBe(1);
  });

  it('by the client’s id ends every request of that id', () => {
    const bench = new Bench();
    bench.add({}, { requestId: 'a-1', externalReqId: 'a' });
    bench.add({}, { requestId: 'a-2', externalReqId: 'a' });
    bench.add({}, { requestId: 'b-1', externalReqId: 'b' });

    expect(bench.processor.abortRequests(['a'], { areInternal: false })).toEqual(['a-1', 'a-2']);
    expect(bench.processor.requestIds).toEqual(['b-1']);
    expect(bench.processor.abortRequests(['a'], { areInternal: false })).toEqual([]);
  });

  it('by the client’s id spares those that have ended', () => {
    const bench = new Bench();
    bench.add({}, { requestId: 'a-1', externalReqId: 'a' });
    bench.add({}, { requestId: 'a-2', externalReqId: 'a' });
    bench.output({ requestId: 'a-1', finishReason: FinishReason.STOP });

    expect(bench.processor.abortRequests(['a'], { areInternal: false })).toEqual(['a-2']);
  });

  it('takes the engine’s id for the client’s where the client has none', () => {
    const bench = new Bench();
    bench.add();

    expect(bench.processor.abortRequests(['a'], { areInternal: false })).toEqual(['a']);
  });

  it('of a parent ends its children', () => {
    const bench = new Bench();
    const sink = bench.addParallel();

    expect(bench.processor.abortRequests(['p'], { areInternal: true })).toEqual(['0_p', '1_p']);

    expect(sink.completions.map(({ finishReason }) => finishReason)).toEqual(['abort', 'abort']);
    expect(sink.outputs.map(({ isFinished }) => isFinished)).toEqual([false, true]);
    expect(bench.processor.requestIds).toEqual([]);
  });

  it('of a parent by the client’s id ends its children too, and leaves nothing behind', () => {
    const bench = new Bench();
    bench.addParallel();

    expect(bench.processor.abortRequests(['client'], { areInternal: false })).toEqual([
      '0_p',
      '1_p',
    ]);
    expect(bench.processor.requestIds).toEqual([]);
  });

  it('of the last child forgets the parent', () => {
    const bench = new Bench();
    bench.addParallel();
    bench.output({ requestId: '0_p', finishReason: FinishReason.STOP });

    expect(bench.processor.abortRequests(['1_p'], { areInternal: true })).toEqual(['1_p']);
    expect(bench.processor.requestIds).toEqual([]);
  });
});

it('the death of the engines ends every request with the error', () => {
  const bench = new Bench();
  const sinks = [bench.add(), bench.add({}, { requestId: 'b' }), bench.addParallel()];
  const error = new Error('dead');

  bench.processor.propagateError(error);

  expect(sinks.map(({ errors }) => errors)).toEqual([[error], [error], [error, error]]);
  expect(bench.processor.requestIds).toEqual([]);
  expect(bench.processor.numQueuedTokens).toBe(0);
  expect(bench.processor.abortRequests(['a'], { areInternal: false })).toEqual([]);
});

describe('an output that means nothing', () => {
  it('ends its request with an error, tells of the fault, and leaves the others alone', () => {
    const faults: string[] = [];
    const processor = new OutputProcessor(new ByteTokenizer(), 1, (requestId, error) =>
      faults.push(`${requestId}: ${error instanceof Error ? error.message : error}`),
    );
    const params = createTestSamplingParams({ outputKind: DELTA, logprobs: 1 });
    const sinks = ['a', 'b'].map((requestId) => {
      const sink = new RecordingSink();
      const request = createEngineCoreRequest({ requestId, promptTokenIds: [1, 2, 3] });
      processor.addRequest(request, params, { parent: null, index: 0, sink });
      return sink;
    });
    const ids = { dtype: 'complex128', shape: [1, 1], data: Buffer.alloc(16) };
    const newLogprobs = {
      logprobTokenIds: ids,
      logprobs: ids,
      sampledTokenRanks: ids,
      cuNumGeneratedTokens: null,
    };
    const toAbort = processor.processOutputs(
      [
        createEngineCoreOutput({ requestId: 'a', newTokenIds: [65], newLogprobs }),
        createEngineCoreOutput({ requestId: 'b', newTokenIds: [66] }),
      ],
      1,
      new IterationStats(1),
      null,
    );
    expect(toAbort).toEqual(['a']);
    expect(faults).toEqual(['a: logprobs of type complex128']);
    expect(sinks[0]?.errors.map((error) => (error as ApiError).info.code)).toEqual([500]);
    expect(sinks[1]?.outputs).toHaveLength(1);
    expect(processor.numUnfinishedRequests).toBe(1);
  });
});
