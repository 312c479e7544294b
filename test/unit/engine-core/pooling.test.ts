import { describe, expect, it } from 'vitest';
import type { EngineCore } from '../../../src/engine-core/engine-core.ts';
import { createPoolingParams } from '../../../src/shared/protocol/defaults.ts';
import {
  EngineCoreEventType,
  type EngineCoreOutput,
  FinishReason,
  type NdArray,
} from '../../../src/shared/protocol/outputs.ts';
import type { PoolingParams } from '../../../src/shared/protocol/pooling.ts';
import { createTestEngine, createTestRequest, type TestRequest } from '../../support/engine.ts';
import { testPooling } from '../../support/pooling-facts.ts';

function ask(core: EngineCore, params: Partial<PoolingParams>, request: TestRequest = {}): void {
  const poolingParams = createPoolingParams({ task: 'embed', useActivation: true, ...params });
  core.handleInput({
    type: 'ADD',
    request: { ...createTestRequest({ ...request, poolingParams }), samplingParams: null },
  });
}

function step(core: EngineCore): EngineCoreOutput[] {
  core.beginStep();
  core.finishStep();
  return core.takeOutputs().flatMap(({ outputs }) => outputs.outputs);
}

/** The one result, after as many steps as it takes. */
function poolOne(core: EngineCore, params: Partial<PoolingParams>, request: TestRequest = {}) {
  ask(core, params, request);
  for (let i = 0; i < 20; i += 1) {
    const [output] = step(core);
    if (output !== undefined) return output;
  }
  throw new Error('nothing was pooled');
}

function elements(array: NdArray | null): number[] {
  if (array === null) throw new Error('no array');
  return [...new Float32Array(array.data.buffer, array.data.byteOffset, array.data.length / 4)];
}

const length = (vector: readonly number[]) => Math.hypot(...vector);

describe('a pooling request', () => {
  it('ends with the step that computes its last prompt token, stopped, with a vector and no token', () => {
    const { core } = createTestEngine({ pooling: testPooling() });
    const output = poolOne(core, {}, { requestId: 'a' });
    expect(output).toMatchObject({
      requestId: 'a',
      newTokenIds: [],
      finishReason: FinishReason.STOP,
      stopReason: null,
      prefillStats: { numPromptTokens: 20, numComputedTokens: 20 },
    });
    expect(output.events?.map(({ type }) => type)).toEqual([
      EngineCoreEventType.QUEUED,
      EngineCoreEventType.SCHEDULED,
    ]);
    expect(output.poolingOutput).toMatchObject({ dtype: 'float32', shape: [32] });
    expect(length(elements(output.poolingOutput))).toBeCloseTo(1, 6);
    expect(core.scheduler.state.requests.size).toBe(0);
    expect(core.kvCacheUsage).toBe(0);
  });

  it('takes chunks where the prompt is longer than a step, and has one output', () => {
    const { core } = createTestEngine({
      pooling: testPooling(),
      scheduler: { maxNumBatchedTokens: 64 },
    });
    ask(core, {}, { numPromptTokens: 200 });
    const outputs = [1, 2, 3, 4].map(() => step(core).length);
    expect(outputs).toEqual([0, 0, 0, 1]);
  });

  it('may fill the whole context: nothing is sampled behind it', () => {
    const { core } = createTestEngine({
      pooling: testPooling(),
      scheduler: { maxNumBatchedTokens: 100, maxModelLen: 256 },
    });
    expect(poolOne(core, {}, { numPromptTokens: 256 }).finishReason).toBe(FinishReason.STOP);
  });

  it('needs no KV cache where the model has none', () => {
    const { core } = createTestEngine({
      pooling: testPooling(),
      groups: [],
      numBlocks: 1,
      enablePrefixCaching: false,
      scheduler: { enableChunkedPrefill: false },
    });
    for (let i = 0; i < 5; i += 1) ask(core, {}, { numPromptTokens: 100 });
    expect(step(core)).toHaveLength(5);
    expect(core.kvCacheUsage).toBe(0);
  });

  it.each([1, 2, 3])('ends once with %i batches under way', (maxConcurrentBatches) => {
    const { core } = createTestEngine({ pooling: testPooling(), maxConcurrentBatches });
    for (const requestId of ['a', 'b', 'c']) ask(core, {}, { requestId });
    const ended = Array.from({ length: 6 }, () => step(core)).flat();
    expect(ended.map(({ requestId }) => requestId)).toEqual(['a', 'b', 'c']);
  });

  it('of a task that the model has not, or to generate, is answered with an error', () => {
    const { core } = createTestEngine({ pooling: testPooling() });
    ask(core, { task: 'classify' }, { requestId: 'classify' });
    ask(core, { task: null }, { requestId: 'nothing' });
    core.handleInput({ type: 'ADD', request: createTestRequest({ requestId: 'generate' }) });
    const ended = core.takeOutputs().flatMap(({ outputs }) => outputs.outputs);
    expect(ended.map(({ requestId, finishReason }) => [requestId, finishReason])).toEqual([
      ['classify', FinishReason.ERROR],
      ['nothing', FinishReason.ERROR],
      ['generate', FinishReason.ERROR],
    ]);
    const generating = createTestEngine().core;
    ask(generating, {}, { requestId: 'embed' });
    expect(generating.takeOutputs()[0]?.outputs.outputs[0]?.finishReason).toBe(FinishReason.ERROR);
  });

  it('is aborted like any other', () => {
    const { core } = createTestEngine({ pooling: testPooling() });
    ask(core, {}, { requestId: 'a', numPromptTokens: 200 });
    core.beginStep();
    core.noteAbort(['a']);
    core.finishStep();
    expect(core.takeOutputs().flatMap(({ outputs }) => outputs.outputs)).toEqual([]);
    expect(core.kvCacheUsage).toBe(0);
  });

  it('reads the prefix cache unless it needs a row for each token', () => {
    const { core } = createTestEngine({ pooling: testPooling() });
    const promptTokenIds = Array.from({ length: 40 }, (_, i) => 500 + i);
    poolOne(core, {}, { promptTokenIds });
    const cachedOf = (params: Partial<PoolingParams>) =>
      poolOne(core, params, { promptTokenIds }).prefillStats?.numCachedTokens;
    expect(cachedOf({})).toBe(32);
    expect(cachedOf({ task: 'token_embed', skipReadingPrefixCache: true })).toBe(0);
  });
});

describe('what is pooled', () => {
  const { core } = createTestEngine({ pooling: testPooling() });
  const embed = (promptTokenIds: number[], params: Partial<PoolingParams> = {}) =>
    elements(poolOne(core, params, { promptTokenIds }).poolingOutput);
  const cosine = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

  it('is the same for the same tokens, and nearer for tokens in common', () => {
    const base = [10, 20, 30, 40, 50, 60];
    expect(embed(base)).toEqual(embed(base));
    const near = cosine(embed(base), embed([10, 20, 30, 40, 50, 61]));
    const far = cosine(embed(base), embed([11, 21, 31, 41, 51, 61]));
    expect(near).toBeGreaterThan(far + 0.2);
    expect(near).toBeLessThan(0.9999);
  });

  it('is the first dimensions of the whole, normalized anew', () => {
    const whole = embed([1, 2, 3]);
    const cut = embed([1, 2, 3], { dimensions: 8 });
    expect(cut).toHaveLength(8);
    expect(length(cut)).toBeCloseTo(1, 6);
    const scale = length(whole.slice(0, 8));
    for (const [i, element] of cut.entries())
      expect(element).toBeCloseTo((whole[i] ?? 0) / scale, 5);
  });

  it('is not normalized where no activation is asked for', () => {
    expect(length(embed([1, 2, 3], { useActivation: false }))).toBeGreaterThan(2);
  });

  it('has a row for each token, or for each chunk of them', () => {
    const rows = poolOne(core, { task: 'token_embed' }, { promptTokenIds: [5, 6, 7] });
    expect(rows.poolingOutput?.shape).toEqual([3, 32]);
    const chunks = poolOne(
      core,
      { task: 'token_embed', lateChunkingParams: { chunkSize: 2 } },
      { promptTokenIds: [5, 6, 7] },
    );
    expect(chunks.poolingOutput?.shape).toEqual([2, 32]);
    expect(length(elements(chunks.poolingOutput).slice(32))).toBeCloseTo(1, 5);
  });

  it('are probabilities of classes that sum to 1, or logits', () => {
    const labels = { 0: 'a', 1: 'b', 2: 'c' };
    const { core: classifier } = createTestEngine({
      pooling: testPooling({ architecture: 'Qwen3ForSequenceClassification', id2label: labels }),
    });
    const probabilities = elements(poolOne(classifier, { task: 'classify' }).poolingOutput);
    expect(probabilities).toHaveLength(3);
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
    const logits = elements(
      poolOne(classifier, { task: 'classify', useActivation: false }).poolingOutput,
    );
    expect(logits.some((logit) => logit < 0)).toBe(true);
    const rows = poolOne(classifier, { task: 'token_classify' }, { promptTokenIds: [1, 2] });
    expect(rows.poolingOutput?.shape).toEqual([2, 3]);
  });

  it('is a score in (0, 1), higher where query and document share tokens', () => {
    const { core: reranker } = createTestEngine({
      pooling: testPooling({ architecture: 'Qwen3ForSequenceClassification', num_labels: 1 }),
    });
    const score = (promptTokenIds: number[]) =>
      elements(poolOne(reranker, { task: 'classify' }, { promptTokenIds }).poolingOutput)[0] ?? 0;
    const [shared, apart] = [score([1, 2, 3, 1, 2, 3]), score([1, 2, 3, 4, 5, 6])];
    expect(shared).toBeGreaterThan(0.5);
    expect(apart).toBeLessThan(0.1);
    expect(apart).toBeGreaterThan(0);
  });

  it('is the score of a document against a query that was sent before', () => {
    const score = (promptTokenIds: number[], uses: number) => {
      const late = { queryKey: 'q', queryUses: uses };
      poolOne(
        core,
        { task: 'token_embed', lateInteractionParams: { mode: 'cache_query', ...late } },
        { promptTokenIds: [1, 2, 3] },
      );
      return poolOne(
        core,
        { task: 'token_embed', lateInteractionParams: { mode: 'score_doc', ...late } },
        { promptTokenIds },
      ).poolingOutput;
    };
    expect(score([1, 2, 3], 1)?.shape).toEqual([]);
    expect(elements(score([1, 2, 3], 1))[0]).toBeCloseTo(3, 4);
    expect(elements(score([7, 8, 9], 1))[0]).toBeLessThan(2);
  });
});
