import { describe, expect, it } from 'vitest';
import { createLatencyModel } from '../../../../src/engine-core/executor/latency-model.ts';
import { ScriptedTokenSource } from '../../../../src/engine-core/executor/scripted-token-source.ts';
import {
  SimulatedExecutor,
  type SimulatedExecutorOptions,
} from '../../../../src/engine-core/executor/simulated-executor.ts';
import {
  createTokenSource,
  type TokenSource,
  type TokenSourceKind,
} from '../../../../src/engine-core/executor/token-source.ts';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import {
  NO_SAMPLE,
  ScheduleKind,
  SchedulerOutput,
} from '../../../../src/engine-core/scheduler/scheduler-output.ts';
import type { LoRARequest } from '../../../../src/shared/protocol/request.ts';
import {
  createTestAdapters,
  createTestRequest,
  EOS_TOKEN_ID,
  type TestRequest,
} from '../../../support/engine.ts';

function tokenSource(kind: TokenSourceKind): TokenSource {
  return createTokenSource({
    kind,
    seed: 0,
    vocabSize: 4000,
    eosTokenId: EOS_TOKEN_ID,
    maxModelLen: 256,
  });
}

function createExecutor(options: Partial<SimulatedExecutorOptions> = {}): SimulatedExecutor {
  return new SimulatedExecutor({
    tokenSource: tokenSource('rule'),
    latencyModel: createLatencyModel({ kind: 'zero' }),
    vocabSize: 4000,
    numWorkers: 2,
    adapters: createTestAdapters({ maxLoras: 2, maxCpuLoras: 2 }),
    ...options,
  });
}

function lora(loraIntId: number): LoRARequest {
  return {
    loraName: `lora-${loraIntId}`,
    loraIntId,
    loraPath: '/lora',
    baseModelName: null,
    loadInplace: false,
    is3dLoraWeight: false,
  };
}

/** What one request samples at a position. */
function sample(executor: SimulatedExecutor, options: TestRequest, position: number): number {
  const request = new Request(createTestRequest(options));
  executor.prepareRequest(request);
  const output = new SchedulerOutput(1);
  output.append(request, ScheduleKind.RUNNING, 1, undefined);
  output.samplePositions[0] = position;
  executor.sampleTokens(output);
  return output.sampledTokenIds[0] ?? NO_SAMPLE;
}

function int32s(data: Uint8Array): number[] {
  return [...new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
}
function float32s(data: Uint8Array): number[] {
  return [...new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
}

describe('sampling', () => {
  it('samples nothing for a prefill chunk', () => {
    expect(sample(createExecutor(), { promptTokenIds: [1] }, NO_SAMPLE)).toBe(NO_SAMPLE);
  });

  it('masks every stop token until min_tokens, also where eos is ignored', () => {
    const sampling = {
      minTokens: 2,
      ignoreEos: true,
      stopTokenIds: [3],
      extraArgs: { scripted_token_ids: [2, 3, 2] },
    };
    const scripted = new ScriptedTokenSource(tokenSource('rule'));
    const executor = createExecutor({ tokenSource: scripted });
    const tokens = [0, 1, 2].map((k) => sample(executor, { sampling }, k));
    expect(tokens).toEqual([4, 4, 2]);
  });
});

describe('log probabilities', () => {
  it('put the sampled token first, as the golden recordings do', () => {
    const request = new Request(createTestRequest({ sampling: { logprobs: 2 } }));
    const lists = createExecutor().sampleLogprobs(request, 1108, 0);
    expect(lists?.logprobTokenIds).toMatchObject({ dtype: '<i4', shape: [1, 3] });
    expect(int32s(lists?.logprobTokenIds.data ?? new Uint8Array())).toEqual([1108, 1109, 1110]);
    expect(float32s(lists?.logprobs.data ?? new Uint8Array())).toEqual([-0.25, -0.75, -1.25]);
    expect(int32s(lists?.sampledTokenRanks.data ?? new Uint8Array())).toEqual([1]);
  });

  it('name the tokens that were asked for', () => {
    const sampling = { logprobs: null, logprobTokenIds: [7, 9] };
    const request = new Request(createTestRequest({ sampling }));
    const lists = createExecutor().sampleLogprobs(request, 1108, 0);
    expect(int32s(lists?.logprobTokenIds.data ?? new Uint8Array())).toEqual([1108, 7, 9]);
  });

  it('cover the vocabulary for -1', () => {
    const request = new Request(createTestRequest({ sampling: { logprobs: -1 } }));
    expect(createExecutor().sampleLogprobs(request, 5, 0).logprobs.shape).toEqual([1, 4001]);
  });

  it('of a prompt have a row for every token but the first', () => {
    const options = { promptTokenIds: [10, 11, 12], sampling: { promptLogprobs: 1 } };
    const golden = createExecutor().promptLogprobs(new Request(createTestRequest(options)));
    expect(golden.logprobTokenIds).toMatchObject({ dtype: 'int32', shape: [2, 2] });
    expect(int32s(golden.logprobTokenIds.data ?? new Uint8Array())).toEqual([0, 1, 2, 3]);
    expect(float32s(golden.logprobs.data ?? new Uint8Array())).toEqual([-0, -0.125, -0.25, -0.375]);
    const own = createExecutor({ tokenSource: tokenSource('random') }).promptLogprobs(
      new Request(createTestRequest(options)),
    );
    const ids = int32s(own.logprobTokenIds.data);
    expect([ids[0], ids[2]]).toEqual([11, 12]);
  });
});

describe('adapters', () => {
  it('keeps the most recently used ones and lists them in order', () => {
    const executor = createExecutor();
    expect([3, 1, 3, 2].map((id) => executor.addLora(lora(id)))).toEqual([true, true, true, true]);
    expect(executor.listLoras()).toEqual([2, 3]);
    expect(executor.removeLora(3)).toBe(true);
    expect(executor.removeLora(3)).toBe(false);
  });

  it('never evicts a pinned one', () => {
    const executor = createExecutor();
    for (const id of [1, 2]) executor.addLora(lora(id));
    expect(executor.pinLora(1)).toBe(true);
    executor.addLora(lora(3));
    expect(executor.listLoras()).toEqual([1, 3]);
    executor.pinLora(3);
    expect(() => executor.addLora(lora(4))).toThrow('All items are pinned');
  });

  it('refuses in words where LoRA is off or the id is not known', () => {
    expect(() => createExecutor({ adapters: null }).addLora(lora(1))).toThrow('--enable-lora');
    expect(() => createExecutor().pinLora(9)).toThrow('not registered');
    expect(() => createExecutor().removeLora(0)).toThrow('greater than 0');
  });
});

describe('sleep', () => {
  it('wakes by tags, and leaves everything asleep for a tag that does not sleep', () => {
    const executor = createExecutor();
    executor.sleep();
    executor.wakeUp(['weights']);
    expect(executor.isSleeping).toBe(true);
    executor.wakeUp(['weights', 'kv_cache']);
    expect(executor.isSleeping).toBe(true);
    executor.wakeUp(['kv_cache']);
    expect(executor.isSleeping).toBe(false);
  });

  it('wakes all at once without tags', () => {
    const executor = createExecutor();
    executor.sleep();
    executor.wakeUp(null);
    expect(executor.isSleeping).toBe(false);
  });
});

describe('collective calls', () => {
  it('answer once per worker', () => {
    const answers = createExecutor().collectiveRpc('echo', [1, 'x'], { a: 2 });
    expect(answers).toEqual([
      [[1, 'x'], { a: 2 }],
      [[1, 'x'], { a: 2 }],
    ]);
    expect(createExecutor().collectiveRpc('reset_mm_cache', [], {})).toEqual([null, null]);
  });

  it('answer null for a method that only a GPU would act on', () => {
    expect(createExecutor().collectiveRpc('no_such', [], {})).toEqual([null, null]);
  });
});
