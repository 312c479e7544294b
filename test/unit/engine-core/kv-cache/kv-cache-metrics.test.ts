import { describe, expect, it } from 'vitest';
import { KVCacheMetricsCollector } from '../../../../src/engine-core/kv-cache/kv-cache-metrics.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { Prng } from '../../../../src/shared/prng.ts';
import { KVCacheBench } from '../../../support/kv-cache.ts';

function createCollector(sampleRate = 1) {
  const clock = new VirtualClock();
  return {
    clock,
    collector: new KVCacheMetricsCollector({ sampleRate, clock, prng: new Prng(1) }),
  };
}

describe('KVCacheMetricsCollector', () => {
  it('reports lifetime, idle time and gaps between uses when a block is evicted', () => {
    const { clock, collector } = createCollector();
    collector.onBlockAllocated(3);
    for (const ms of [1000, 500, 250]) {
      clock.advance(ms);
      collector.onBlockAccessed(3);
    }
    clock.advance(2000);
    collector.onBlockEvicted(3);
    collector.onBlockEvicted(3);
    expect(collector.drainEvents()).toEqual([
      { lifetimeSeconds: 3.75, idleSeconds: 2, reuseGapsSeconds: [0.5, 0.25] },
    ]);
    expect(collector.drainEvents()).toEqual([]);
  });

  it('keeps the last four uses', () => {
    const { clock, collector } = createCollector();
    collector.onBlockAllocated(3);
    for (let i = 1; i <= 6; i++) {
      clock.advance(1000 * i);
      collector.onBlockAccessed(3);
    }
    collector.onBlockEvicted(3);
    expect(collector.drainEvents()[0]?.reuseGapsSeconds).toEqual([4, 5, 6]);
  });

  it('watches the share of blocks that was asked for', () => {
    const { collector } = createCollector(0.1);
    for (let block = 1; block <= 10_000; block++) collector.onBlockAllocated(block);
    for (let block = 1; block <= 10_000; block++) collector.onBlockEvicted(block);
    const { length } = collector.drainEvents();
    expect(length).toBeGreaterThan(900);
    expect(length).toBeLessThan(1100);
  });

  it('is fed by the pool: a hit is a use, taking the block for something else an eviction', () => {
    const { clock, collector } = createCollector();
    const bench = new KVCacheBench({ numBlocks: 3, metricsCollector: collector });
    const first = bench.request(17);
    bench.admit(first);
    bench.manager.free(first);
    clock.advance(1000);
    const second = bench.request(17);
    bench.admit(second);
    bench.manager.free(second);
    clock.advance(1000);
    collector.drainEvents();
    bench.admit(bench.request(Array.from({ length: 32 }, (_, i) => 500 + i)));
    expect(collector.drainEvents()).toContainEqual({
      lifetimeSeconds: 2,
      idleSeconds: 1,
      reuseGapsSeconds: [],
    });
  });
});
