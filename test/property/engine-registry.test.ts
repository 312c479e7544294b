import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineRegistry } from '../../src/frontend/engine-client/engine-registry.ts';
import {
  getBlockSize,
  getEffectiveAttentionBlockSize,
  getMinMaxModelLen,
  getTotalNumGpuBlocks,
} from '../../src/frontend/engine-client/ready-engines.ts';
import { FrontendMetrics } from '../../src/frontend/metrics/frontend-metrics.ts';
import { VirtualClock } from '../../src/shared/clock.ts';
import type { EngineCoreReadyResponse } from '../../src/shared/protocol/ready-response.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from '../support/cache-config-settings.ts';
import { parseExposition } from '../support/exposition.ts';
import { createReadyResponse } from '../support/ready-response.ts';

const engine = fc.record({
  maxModelLen: fc.integer({ min: 1, max: 131_072 }),
  numGpuBlocks: fc.integer({ min: 2, max: 1_000_000 }),
  blockSize: fc.constantFrom(8, 16, 32, 64, 128),
  kvCacheSizeTokens: fc.integer({ min: 0, max: 100_000_000 }),
  kvCacheMaxConcurrency: fc.double({ min: 0.5, max: 10_000, noNaN: true }),
  effectiveAttentionBlockSize: fc.constantFrom(null, 16, 32),
});

/** Unequal engines by rank, and an order in which they report. */
const arrivals = fc
  .array(engine, { minLength: 1, maxLength: 8 })
  .chain((engines) =>
    fc.tuple(
      fc.constant(
        engines.map((own, dataParallelRank) => createReadyResponse({ ...own, dataParallelRank })),
      ),
      fc.shuffledSubarray([...engines.keys()], { minLength: engines.length }),
    ),
  );

function report(engines: readonly EngineCoreReadyResponse[], order: readonly number[]) {
  const registry = new EngineRegistry([...engines.keys()]);
  for (const [i, rank] of order.entries()) {
    expect(registry.isComplete).toBe(false);
    expect(registry.missingRanks).toHaveLength(order.length - i);
    registry.add(rank, engines[rank]!);
  }
  expect(registry.isComplete).toBe(true);
  return registry;
}

describe('engines that report in any order', () => {
  it('keep their own capacity on /metrics; only the block count is a sum', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, async ([engines, order]) => {
        const registry = report(engines, order);
        const metrics = new FrontendMetrics({
          engines: registry.enginesByArrival,
          servedModelName: 'm',
          cacheConfig: DEFAULT_CACHE_CONFIG_SETTINGS,
          dpMetrics: 'per-engine',
          kvCacheMetrics: false,
          maxLoras: null,
          clock: new VirtualClock(),
        });
        const { body } = await metrics.render({ accept: undefined, names: [] });
        const samples = parseExposition(body).get('vllm:cache_config_info')?.samples ?? [];
        const sum = engines.reduce((total, { numGpuBlocks }) => total + numGpuBlocks, 0);
        expect(samples).toHaveLength(engines.length);
        for (const [rank, own] of engines.entries()) {
          const labels = samples.find((sample) => sample.labels['engine'] === String(rank))?.labels;
          expect(labels?.['kv_cache_size_tokens']).toBe(String(own.kvCacheSizeTokens));
          expect(Number(labels?.['kv_cache_max_concurrency'])).toBe(own.kvCacheMaxConcurrency);
          expect(labels?.['block_size']).toBe(String(own.blockSize));
          expect(labels?.['num_gpu_blocks']).toBe(String(sum));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('give the same derived values whatever the order', () => {
    fc.assert(
      fc.property(arrivals, ([engines, order]) => {
        const shuffled = report(engines, order).engines;
        expect([...shuffled.keys()]).toEqual([...engines.keys()]);
        expect(getTotalNumGpuBlocks(shuffled)).toBe(
          engines.reduce((total, { numGpuBlocks }) => total + numGpuBlocks, 0),
        );
        const lens = engines.map(({ maxModelLen }) => maxModelLen);
        expect(getMinMaxModelLen(shuffled)).toBe(Math.min(...lens));
        expect(getBlockSize(shuffled)).toBe(Math.min(...engines.map((own) => own.blockSize)));
        const sizes = new Set(engines.map((own) => own.effectiveAttentionBlockSize));
        expect(getEffectiveAttentionBlockSize(shuffled)).toBe(
          sizes.size === 1 ? engines[0]!.effectiveAttentionBlockSize : null,
        );
      }),
      { numRuns: 200 },
    );
  });

  it('are frozen, and neither a stranger nor a second answer is taken', () => {
    fc.assert(
      fc.property(arrivals, ([engines, order]) => {
        const registry = report(engines, order);
        for (const own of registry.engines.values()) expect(Object.isFrozen(own)).toBe(true);
        expect(() => registry.add(0, createReadyResponse())).toThrow(/Second ready response/);
        expect(() => registry.add(engines.length, createReadyResponse())).toThrow(/unexpected/);
      }),
    );
  });
});
