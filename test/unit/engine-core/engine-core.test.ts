import { describe, expect, it } from 'vitest';
import type { EngineCore } from '../../../src/engine-core/engine-core.ts';
import { WorkerCallError } from '../../../src/engine-core/executor/worker-call-error.ts';
import { ModelCrashError } from '../../../src/engine-core/faults/crash-on-request.ts';
import {
  type EngineCoreOutputs,
  FinishReason,
  type UtilityOutput,
} from '../../../src/shared/protocol/outputs.ts';
import type { EngineCoreRequest } from '../../../src/shared/protocol/request.ts';
import { WIRE_VERSIONS } from '../../../src/shared/protocol/versions/wire-versions.ts';
import { createTestAdapters, createTestEngine, createTestRequest } from '../../support/engine.ts';

function add(core: EngineCore, request: EngineCoreRequest): void {
  core.handleInput({ type: 'ADD', request });
}

function call(
  core: EngineCore,
  method: string,
  args: readonly unknown[] = [],
): UtilityOutput | null {
  core.handleInput({ type: 'UTILITY', call: { clientIndex: 0, callId: 7, method, args } });
  return (
    core.takeOutputs().find(({ outputs }) => outputs.utilityOutput)?.outputs.utilityOutput ?? null
  );
}

function step(core: EngineCore): EngineCoreOutputs[] {
  core.beginStep();
  core.finishStep();
  return core.takeOutputs().map(({ outputs }) => outputs);
}

function finishOf(outputs: readonly EngineCoreOutputs[]) {
  return outputs
    .flatMap((message) => message.outputs)
    .map(({ requestId, finishReason, error }) => [requestId, finishReason, error?.code ?? null]);
}

describe('a request', () => {
  it('is answered with an error where vLLM cannot take it, and the engine goes on', () => {
    const { core } = createTestEngine();
    add(core, createTestRequest({ requestId: 'open', sampling: { maxTokens: null } }));
    add(core, createTestRequest({ requestId: 'empty', promptTokenIds: [] }));
    add(core, createTestRequest({ requestId: 'long', numPromptTokens: 300 }));
    add(core, createTestRequest({ requestId: 'good', sampling: { maxTokens: 1 } }));
    const messages = core.takeOutputs();
    expect(finishOf(messages.map(({ outputs }) => outputs))).toEqual([
      ['open', FinishReason.ERROR, null],
      ['empty', FinishReason.ERROR, null],
      ['long', FinishReason.ERROR, null],
    ]);
    expect(messages[0]?.outputs.finishedRequests).toEqual(['open']);
    expect(core.counters.rejectedRequests).toBe(3);
    expect(finishOf(step(core))).toEqual([['good', FinishReason.LENGTH, null]]);
  });

  it('does not disturb the one that runs under the same id', () => {
    const { core } = createTestEngine();
    add(core, createTestRequest({ requestId: 'a', sampling: { maxTokens: 1 } }));
    add(core, createTestRequest({ requestId: 'a', sampling: { maxTokens: 9 } }));
    expect(core.counters.duplicateRequests).toBe(1);
    expect(finishOf(step(core))).toEqual([['a', FinishReason.LENGTH, null]]);
  });

  it('that is to be aborted at once never runs', () => {
    const { core } = createTestEngine();
    add(core, createTestRequest({ abortImmediately: true }));
    expect(core.getRequestCounts()).toEqual({ numRunning: 0, numWaiting: 0 });
  });

  it('takes the engine down if it asks for that and faults are enabled', () => {
    const { core } = createTestEngine({ enableFaults: true });
    add(core, createTestRequest({ sampling: { extraArgs: { oracle_crash: true } } }));
    core.beginStep();
    expect(() => core.finishStep()).toThrow(ModelCrashError);
  });

  it.each([
    ['our own name', { vllm_twin_fault: 'engine.crash-on-request' }],
    ['the recorded name', { oracle_crash: 1 }],
    ['a fault that nobody knows', { vllm_twin_fault: 'engine.rust' }],
  ])('is served as any other with %s where faults are not enabled', (_, extraArgs) => {
    const { core } = createTestEngine();
    add(core, createTestRequest({ requestId: 'a', sampling: { maxTokens: 1, extraArgs } }));
    expect(finishOf(step(core))).toEqual([['a', FinishReason.LENGTH, null]]);
  });

  it('with a fault that nobody knows is answered with an error that names the known ones', () => {
    const { core } = createTestEngine({ enableFaults: true });
    const extraArgs = { vllm_twin_fault: 'engine.rust' };
    add(core, createTestRequest({ requestId: 'a', sampling: { extraArgs } }));
    const [message] = core.takeOutputs();
    expect(message?.outputs.outputs[0]).toMatchObject({
      requestId: 'a',
      finishReason: FinishReason.ERROR,
      error: {
        code: 'bad_fault',
        message:
          "There is no fault 'engine.rust' that a request may carry; known are engine.crash-on-request, http.error, http.latency, http.cut-stream, with parameters as http.latency;delay=1s",
      },
    });
    expect(core.counters.rejectedRequests).toBe(1);
    expect(core.hasWork()).toBe(false);
  });
});

describe('an abort', () => {
  it('that comes while the model runs drops the token of that step', () => {
    const { core } = createTestEngine();
    add(core, createTestRequest({ requestId: 'a' }));
    add(core, createTestRequest({ requestId: 'b' }));
    core.beginStep();
    core.noteAbort(['a']);
    core.finishStep();
    expect(core.takeOutputs().flatMap(({ outputs }) => finishOf([outputs]))).toEqual([
      ['b', null, null],
    ]);
    core.handleInput({ type: 'ABORT', requestIds: ['a', 'never heard of'] });
    expect(core.getRequestCounts()).toEqual({ numRunning: 1, numWaiting: 0 });
  });
});

describe('time', () => {
  it('of a step is what the shell has to wait', () => {
    const { core, clock } = createTestEngine({ latency: { kind: 'constant', stepMs: 8 } });
    add(core, createTestRequest());
    expect(core.beginStep()).toBe(8);
    clock.advance(3);
    core.finishStep();
    // The simulated GPU is busy for 5 ms more before it can start the next step.
    expect(core.beginStep()).toBe(13);
  });

  it('overlaps with scheduling when batches queue up', () => {
    const { core, clock } = createTestEngine({
      latency: { kind: 'constant', stepMs: 8 },
      maxConcurrentBatches: 2,
    });
    add(core, createTestRequest());
    expect(core.beginStep()).toBe(0);
    expect(core.finishStep()).toBe(true);
    expect(core.takeOutputs()).toEqual([]);
    expect(core.beginStep()).toBe(8);
    clock.advance(8);
    core.finishStep();
    expect(core.takeOutputs()).toHaveLength(1);
    expect(core.beginStep()).toBe(8);
  });
});

describe('a shutdown', () => {
  it('aborts what runs, refuses what comes and then is done', () => {
    const { core } = createTestEngine();
    add(core, createTestRequest({ requestId: 'a', clientIndex: 1 }));
    core.requestShutdown();
    add(core, createTestRequest({ requestId: 'late' }));
    expect(call(core, 'is_sleeping')?.failureMessage).toBe('Server shutting down');
    add(core, createTestRequest({ requestId: 'later' }));
    expect(finishOf(core.takeOutputs().map(({ outputs }) => outputs))).toEqual([
      ['later', FinishReason.ABORT, null],
    ]);
    expect(core.handleShutdown()).toBe(true);
    const [message] = core.takeOutputs();
    expect(message?.clientIndex).toBe(1);
    expect(finishOf(message ? [message.outputs] : [])).toEqual([['a', FinishReason.ABORT, null]]);
    step(core);
    expect(core.handleShutdown()).toBe(false);
  });

  it('lets requests finish where there is time for it', () => {
    const { core } = createTestEngine({ shutdownTimeoutS: 30 });
    add(core, createTestRequest({ requestId: 'a', sampling: { maxTokens: 2 } }));
    step(core);
    core.requestShutdown();
    expect(core.handleShutdown()).toBe(true);
    expect(core.takeOutputs()).toEqual([]);
    expect(finishOf(step(core))).toEqual([['a', FinishReason.LENGTH, null]]);
    step(core);
    expect(core.handleShutdown()).toBe(false);
  });
});

describe('utilities', () => {
  it.each([
    ['get_supported_tasks', [], ['generate']],
    ['is_sleeping', [], false],
    ['is_scheduler_paused', [], false],
    ['reset_prefix_cache', [], true],
    ['reset_mm_cache', [], null],
    ['reset_encoder_cache', [], null],
    ['get_weight_version', [], 'default'],
    ['add_lora', [['adapter', 3, '/lora']], true],
    ['list_loras', [], []],
    ['remove_lora', [3], false],
    ['profile', [true, null, null, null, null], null],
    ['execute_dummy_batch', [], null],
    ['save_sharded_state', ['/tmp/x'], null],
    ['collective_rpc', ['echo', null, [1], { k: 2 }], [[[1], { k: 2 }]]],
    [
      'get_kv_cache_group_metadata',
      [],
      [{ group_idx: 0, kind: 'full_attention', block_size: 16, sliding_window: null }],
    ],
  ] as const)('%s answers', (method, args, expected) => {
    const { core } = createTestEngine();
    expect(call(core, method, args)).toEqual({ callId: 7, failureMessage: null, result: expected });
  });

  it.each([
    ['no_such_method', [], "'EngineCoreProc' object has no attribute 'no_such_method'"],
    ['is_sleeping', [1], ''],
    ['pause_scheduler', ['bogus'], 'Invalid pause mode: bogus'],
    ['pin_lora', [5], 'Pinning failed. LoRA 5 is not registered.'],
    [
      'set_weight_version',
      [],
      "EngineCore.set_weight_version() missing 1 required positional argument: 'weight_version'",
    ],
  ] as const)("%s fails with vLLM's words", (method, args, message) => {
    const { core } = createTestEngine();
    expect(call(core, method, args)?.failureMessage).toBe(
      `Call to ${method} method failed: ${message}`,
    );
  });

  it('put the weight version on every step from then on', () => {
    const { core } = createTestEngine();
    add(core, createTestRequest());
    call(core, 'set_weight_version', ['v2']);
    expect(step(core)[0]?.weightVersion).toBe('v2');
  });

  it('answer a pause only when nothing is left to do, and then clear the cache', () => {
    const { core } = createTestEngine();
    add(
      core,
      createTestRequest({ requestId: 'a', numPromptTokens: 40, sampling: { maxTokens: 3 } }),
    );
    step(core);
    expect(call(core, 'pause_scheduler', ['wait', true])).toBeNull();
    add(core, createTestRequest({ requestId: 'b' }));
    while (core.hasWork()) step(core);
    core.notifyIdle();
    const [message] = core.takeOutputs();
    expect(message?.outputs.utilityOutput).toEqual({
      callId: 7,
      failureMessage: null,
      result: null,
    });
    expect(core.getRequestCounts()).toEqual({ numRunning: 0, numWaiting: 1 });
    call(core, 'resume_scheduler');
    const stats = step(core)[0]?.schedulerStats;
    expect(stats?.prefixCacheStats).toMatchObject({ reset: true, hits: 0, requests: 1 });
  });

  it("turn new requests away while a user's pause lasts", () => {
    const { core } = createTestEngine();
    expect(call(core, 'pause_generation')?.failureMessage).toBeNull();
    add(core, createTestRequest({ requestId: 'a' }));
    expect(finishOf(core.takeOutputs().map(({ outputs }) => outputs))).toEqual([
      ['a', FinishReason.ERROR, 'engine_paused'],
    ]);
    call(core, 'resume_scheduler');
    add(core, createTestRequest({ requestId: 'b' }));
    expect(core.getRequestCounts().numWaiting).toBe(1);
  });

  it('are not there where the version has them not', () => {
    const { core } = createTestEngine({ versionRules: WIRE_VERSIONS['0.32.0'] });
    expect(call(core, 'pause_generation')?.failureMessage).toBe(
      "Call to pause_generation method failed: 'EngineCoreProc' object has no attribute 'pause_generation'",
    );
    expect(call(core, 'pause_scheduler')?.failureMessage).toBeNull();
    add(core, createTestRequest({ requestId: 'a' }));
    expect(core.getRequestCounts().numWaiting).toBe(1);
  });

  it('keep the scheduler paused until all memory is awake', () => {
    const { core } = createTestEngine();
    expect(call(core, 'sleep', [2, 'abort'])?.result).toBeNull();
    expect(call(core, 'is_sleeping')?.result).toBe(true);
    expect(call(core, 'wake_up', [['weights']])?.result).toBe(false);
    expect(call(core, 'is_scheduler_paused')?.result).toBe(true);
    expect(call(core, 'wake_up', [['kv_cache']])?.result).toBe(true);
    expect(call(core, 'is_sleeping')?.result).toBe(false);
  });

  it('release the KV cache only under a completed pause', () => {
    const { core } = createTestEngine();
    expect(call(core, 'release_kv_cache_memory')?.failureMessage).toContain(
      'completed pause first',
    );
    call(core, 'pause_scheduler', ['keep', false]);
    expect(call(core, 'release_kv_cache_memory')?.failureMessage).toBeNull();
    expect(call(core, 'wake_up', [['kv_cache']])?.result).toBe(true);
  });
});

describe('statistics', () => {
  it('count requests that wait for their adapter apart from those that wait for room', () => {
    const { core } = createTestEngine({ scheduler: { maxLoras: 1, maxNumSeqs: 2 } });
    const lora = (loraIntId: number) => ({
      loraName: `lora-${loraIntId}`,
      loraIntId,
      loraPath: '/lora',
      baseModelName: null,
      loadInplace: false,
      is3dLoraWeight: false,
    });
    for (const id of [1, 2, 1, 1]) add(core, createTestRequest({ loraRequest: lora(id) }));
    expect(step(core)[0]?.schedulerStats).toMatchObject({
      numRunningReqs: 2,
      numWaitingReqs: 1,
      numSkippedWaitingReqs: 1,
    });
  });

  it('are not made where they are off, and then an empty step sends nothing', () => {
    const { core } = createTestEngine({ logStats: false });
    add(core, createTestRequest({ sampling: { maxTokens: 1 } }));
    const [message] = step(core);
    expect(message?.schedulerStats).toBeNull();
    expect(message?.outputs[0]?.events).toBeNull();
    expect(step(core)).toEqual([]);
  });
});

describe('an adapter', () => {
  const sql = ['sql', 1, '/sql', null, false, false];
  const json = ['json', 2, '/json', null, false, false];
  const lora = (loraIntId: number, loraName: string) => ({
    loraName,
    loraIntId,
    loraPath: `/${loraName}`,
    baseModelName: null,
    loadInplace: false,
    is3dLoraWeight: false,
  });

  it('is added, listed, pinned and removed by the calls of a frontend', () => {
    const { core } = createTestEngine();
    const results = [
      call(core, 'add_lora', [sql]),
      call(core, 'list_loras'),
      call(core, 'pin_lora', [1]),
      call(core, 'remove_lora', [1]),
      call(core, 'remove_lora', [1]),
    ];
    expect(results.map((answer) => answer?.result)).toEqual([true, [1], true, true, false]);
  });

  it('that cannot be loaded fails that call with the reason, as where LoRA is off', () => {
    const load = (): void => {
      throw new WorkerCallError('vLLM does not yet support DoRA.');
    };
    const { core } = createTestEngine({ adapters: createTestAdapters({ load }) });
    expect(call(core, 'add_lora', [sql])?.failureMessage).toBe(
      'Call to add_lora method failed: vLLM does not yet support DoRA.',
    );
    expect(call(core, 'list_loras')?.result).toEqual([]);
    const { core: without } = createTestEngine({ adapters: null });
    expect(call(without, 'add_lora', [sql])?.failureMessage).toBe(
      'Call to add_lora method failed: LoRA is not enabled. Use --enable-lora to enable LoRA.',
    );
    expect(call(core, 'remove_lora', ['x'])?.failureMessage).toBe(
      "Call to remove_lora method failed: '>' not supported between instances of 'str' and 'int'",
    );
  });

  it('that left the cache is loaded again for its request, which alone fails where that cannot be', () => {
    const gone = new Set<string>();
    const load = ({ loraName }: { readonly loraName: string }): void => {
      if (gone.has(loraName)) throw new WorkerCallError(`Loading lora ${loraName} failed`);
    };
    const adapters = createTestAdapters({ maxLoras: 1, maxCpuLoras: 1, load });
    const { core } = createTestEngine({ adapters });
    for (const adapter of [sql, json]) call(core, 'add_lora', [adapter]);
    expect(call(core, 'list_loras')?.result).toEqual([2]);
    add(core, createTestRequest({ requestId: 'a', loraRequest: lora(1, 'sql') }));
    expect(call(core, 'list_loras')?.result).toEqual([1]);
    gone.add('json');
    add(core, createTestRequest({ requestId: 'b', loraRequest: lora(2, 'json') }));
    expect(finishOf(core.takeOutputs().map(({ outputs }) => outputs))).toEqual([
      ['b', FinishReason.ERROR, 'lora_load_failed'],
    ]);
  });
});
