import { describe, expect, it } from 'vitest';
import { DPEngineCore } from '../../../src/engine-core/dp-engine-core.ts';
import { buildEngineCore, setUpEngine } from '../../../src/engine-core/engine-setup.ts';
import { VirtualClock } from '../../../src/shared/clock.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../src/shared/config/registry.ts';
import { FinishReason } from '../../../src/shared/protocol/outputs.ts';
import { createTestRequest } from '../../support/engine.ts';
import { TINYMODEL } from '../../support/twin.ts';

const GIB = 2 ** 30;
const argsOf = (fields: Partial<EngineArgs> = {}): EngineArgs => ({
  ...defaultEngineArgs(),
  model: TINYMODEL,
  ...fields,
});

describe('an engine sized from its flags', () => {
  it("allocates weights and KV cache on every GPU, within the engine's share", () => {
    const { gpus, model, plan } = setUpEngine(argsOf({ tensorParallelSize: 2 }));
    expect(gpus).toHaveLength(2);
    for (const [index, gpu] of gpus.entries()) {
      const names = gpu.allocations.map(({ name }) => name);
      expect(names).toEqual([
        'weights',
        'non-torch memory',
        'CUDA graphs',
        'peak activations',
        'KV cache',
      ]);
      expect(gpu.allocations.at(-1)?.bytes).toBe(plan.workers[index]?.poolBytes);
      const used = gpu.allocations.reduce((sum, { bytes }) => sum + bytes, 0);
      const share = 0.92 * model.gpu.memoryBytes;
      expect(used).toBeLessThanOrEqual(share);
      expect(used).toBeGreaterThan(0.99 * share);
    }
  });

  it('takes the memory of the KV cache as given, and keeps room for the weights beside it', () => {
    const { gpus, model } = setUpEngine(argsOf({ kvCacheMemoryBytes: GIB }));
    const kvCache = gpus[0]?.allocations.find(({ name }) => name === 'KV cache');
    expect(kvCache?.bytes).toBeGreaterThan(0.99 * GIB);
    expect(kvCache?.bytes).toBeLessThanOrEqual(GIB);
    const wholeGpu = argsOf({ kvCacheMemoryBytes: model.gpu.memoryBytes });
    expect(() => setUpEngine(wholeGpu)).toThrow(
      expect.objectContaining({ code: 'E_GPU_OUT_OF_MEMORY' }),
    );
  });

  it('refuses more blocks than the GPU has memory for', () => {
    expect(() => setUpEngine(argsOf({ numGpuBlocksOverride: 1e9 }))).toThrow(
      expect.objectContaining({
        code: 'E_GPU_OUT_OF_MEMORY',
        message: expect.stringMatching(
          /^CUDA out of memory. Tried to allocate .* for KV cache. GPU 0 /,
        ),
      }),
    );
  });

  it('refuses weights that do not fit beside blocks of a given number', () => {
    const args = argsOf({ weightsBytes: 100 * GIB, numGpuBlocksOverride: 1025, maxModelLen: 64 });
    expect(() => setUpEngine(args)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /^CUDA out of memory. Tried to allocate 100.00 GiB for weights. GPU 0 .* Raise --tensor-parallel-size, or take/,
        ),
      }),
    );
  });

  it("refuses a context that does not fit, in vLLM's words", () => {
    expect(() => setUpEngine(argsOf({ kvCacheMemoryBytes: 1e6 }))).toThrow(
      expect.objectContaining({
        code: 'E_KV_CACHE',
        message: expect.stringContaining('larger than the available KV cache memory'),
      }),
    );
  });

  it('refuses weights that do not fit', () => {
    expect(() => setUpEngine(argsOf({ weightsBytes: 100 * GIB }))).toThrow(
      expect.objectContaining({
        code: 'E_KV_CACHE',
        message: expect.stringContaining('No available memory for the cache blocks'),
      }),
    );
  });

  it('schedules as the flags say', () => {
    const { scheduler } = setUpEngine(
      argsOf({
        maxNumSeqs: 7,
        schedulingPolicy: 'priority',
        longPrefillTokenThreshold: 99,
        watermark: 0.1,
        asyncScheduling: false,
        enableLora: true,
        maxLoras: 3,
      }),
    );
    expect(scheduler).toMatchObject({
      maxNumSeqs: 7,
      policy: 'priority',
      longPrefillTokenThreshold: 99,
      watermark: 0.1,
      asyncScheduling: false,
      maxLoras: 3,
      enableChunkedPrefill: true,
    });
  });

  it.each([
    ['zero', 0],
    ['2.5', 2.5],
  ])('takes %s as the time of a step', (stepTime, ms) => {
    const setup = setUpEngine(argsOf({ stepTime, asyncScheduling: false, tokenSource: 'rule' }));
    const placement = { rank: 3, hasInternalLb: false, isMoeDp: false };
    const core = buildEngineCore(setup, placement, new VirtualClock(), null);
    core.handleInput({ type: 'ADD', request: createTestRequest({ sampling: { maxTokens: 1 } }) });
    expect(core.beginStep()).toBe(ms);
    core.finishStep();
    const [message] = core.takeOutputs();
    expect(message?.outputs.engineIndex).toBe(3);
    expect(message?.outputs.outputs[0]?.finishReason).toBe(FinishReason.LENGTH);
    expect(message?.outputs.finishedRequests).toBeNull();
  });

  it('has a step time of its model and GPU by default', () => {
    const setup = setUpEngine(argsOf({ asyncScheduling: false, model: 'meta-llama/Llama-3.1-8B' }));
    const placement = { rank: 0, hasInternalLb: true, isMoeDp: false };
    const core = buildEngineCore(setup, placement, new VirtualClock(), null);
    core.handleInput({ type: 'ADD', request: createTestRequest({ sampling: { maxTokens: 1 } }) });
    const ms = core.beginStep();
    expect(ms).toBeGreaterThan(2);
    expect(ms).toBeLessThan(20);
  });

  it('is a rank of a mixture-of-experts model where it is one', () => {
    const setup = setUpEngine(argsOf({ prefillScheduleInterval: 4 }));
    const placement = { rank: 1, hasInternalLb: true, isMoeDp: true };
    const core = buildEngineCore(setup, placement, new VirtualClock(), null, DPEngineCore);
    expect(core).toBeInstanceOf(DPEngineCore);
    expect(core.parts.vllmClass).toBe('DPEngineCoreProc');
  });
});
