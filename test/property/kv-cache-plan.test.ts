/**
 * What every plan keeps, whatever the layers: each layer in exactly one group, no worker given more than it has, a
 * request of the planned length that fits, and an auto-fit length that is the largest such one.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CapacityInput } from '../../src/capacity/plan/capacity-input.ts';
import { KVCachePlanError } from '../../src/capacity/plan/plan-error.ts';
import { type KVCachePlan, planKVCache } from '../../src/capacity/plan/plan-kv-cache.ts';
import { createSpec } from '../../src/capacity/spec/create-spec.ts';
import type { KVCacheSpec } from '../../src/capacity/spec/spec.ts';
import { createCapacityInput, createFullSpec, GIB } from '../support/capacity-input.ts';

const attention = fc
  .record({
    kind: fc.constantFrom('full_attention', 'sliding_window', 'chunked_local_attention'),
    blockSize: fc.constantFrom(16, 16, 16, 32, 64),
    numKvHeads: fc.constantFrom(1, 2, 4, 8),
    headSize: fc.constantFrom(64, 80, 128, 256),
    dtype: fc.constantFrom('bfloat16', 'uint8'),
    window: fc.constantFrom(128, 1024, 4096),
  } as const)
  .map(({ kind, window, ...fields }): KVCacheSpec => {
    switch (kind) {
      case 'sliding_window':
        return createSpec({ kind, ...fields, slidingWindow: window });
      case 'chunked_local_attention':
        return createSpec({ kind, ...fields, attentionChunkSize: window });
      default:
        return createSpec({ kind, ...fields });
    }
  });

const mamba = fc
  .record({
    blockSize: fc.constantFrom(16, 64, 512),
    channels: fc.integer({ min: 64, max: 8192 }),
  })
  .map(
    ({ blockSize, channels }): KVCacheSpec =>
      createSpec({
        kind: 'mamba',
        blockSize,
        shapes: [
          [3, channels],
          [channels, 16],
        ],
        dtypes: ['bfloat16', 'float32'],
      }),
  );

const problem: fc.Arbitrary<CapacityInput> = fc
  .record({
    palette: fc.array(
      fc.oneof({ weight: 4, arbitrary: attention }, { weight: 1, arbitrary: mamba }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 40 }),
    numStages: fc.constantFrom(1, 1, 2),
    memory: fc.integer({ min: 1, max: 64 * 1024 }),
    maxModelLen: fc.constantFrom(1, 1000, 8192, 131072),
    isAutoFit: fc.boolean(),
    supported: fc.constantFrom(['LBNHC', 'BLHNC'], ['BLHNC', 'BLNHC'], ['LBHNC']),
  })
  .map(({ palette, picks, numStages, memory, maxModelLen, isAutoFit, supported }) => {
    const layers = picks.map((pick) => palette[pick % palette.length] ?? createFullSpec());
    const half = Math.ceil(layers.length / numStages);
    const stages =
      numStages === 1 || half === layers.length
        ? [layers]
        : [layers.slice(0, half), layers.slice(half)];
    return createCapacityInput({
      stages,
      availableMemory: stages.map((_, i) => (memory * GIB) / 1024 + i * 4096),
      config: { maxModelLen, autoFitMaxModelLen: isAutoFit },
      supported,
    });
  });

/** The plan, or null where vLLM's planner refuses the problem as ours does. */
function tryPlan(input: CapacityInput): KVCachePlan | null {
  try {
    return planKVCache(input);
  } catch (error) {
    if (error instanceof KVCachePlanError) return null;
    throw error;
  }
}

it('keeps its promises on random layers, workers and memory', () => {
  let numPlans = 0;
  fc.assert(
    fc.property(problem, (input) => {
      const plan = tryPlan(input);
      if (plan === null) return;
      numPlans += 1;
      const names = plan.groups.flatMap(({ layerNames }) => layerNames);
      const stages = new Set(input.workers.map(({ layers }) => layers));
      const all = [...stages].flatMap((layers) => [...layers.keys()]);
      expect([...names].sort()).toEqual([...all].sort());
      for (const [rank, worker] of plan.workers.entries()) {
        const available = input.workers[rank]?.availableMemory ?? 0;
        expect(worker.numBlocks).toBe(plan.numBlocks);
        expect(worker.localNumBlocks).toBeGreaterThanOrEqual(plan.numBlocks);
        expect(worker.poolBytes).toBeLessThanOrEqual(available);
        expect(worker.neededMemoryBytes).toBeLessThanOrEqual(available - worker.bytesPerBlock);
      }
      // One request of the planned length fits beside the null block.
      expect(plan.totalBlocksPerRequest).toBeLessThan(plan.numBlocks);
      expect(plan.maxModelLen).toBeLessThanOrEqual(input.config.maxModelLen);
    }),
    { numRuns: 400 },
  );
  expect(numPlans).toBeGreaterThan(100);
});

it('fits the largest length that fits: one token more does not', () => {
  let numReduced = 0;
  fc.assert(
    fc.property(problem, (input) => {
      const plan = tryPlan({ ...input, config: { ...input.config, autoFitMaxModelLen: true } });
      if (plan === null || !plan.autoFitReduced) return;
      numReduced += 1;
      const at = (length: number): CapacityInput => ({
        ...input,
        config: { ...input.config, autoFitMaxModelLen: false, maxModelLen: length },
      });
      expect(planKVCache(at(plan.maxModelLen)).capacity).toEqual(plan.capacity);
      expect(tryPlan(at(plan.maxModelLen + 1))).toBeNull();
    }),
    { numRuns: 400 },
  );
  expect(numReduced).toBeGreaterThan(20);
});

it('gives the same plan for the same input', () => {
  fc.assert(
    fc.property(problem, (input) => {
      expect(JSON.stringify(tryPlan(input))).toBe(JSON.stringify(tryPlan(structuredClone(input))));
    }),
    { numRuns: 50 },
  );
});
