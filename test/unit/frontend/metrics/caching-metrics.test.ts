import { describe, expect, it } from 'vitest';
import { CachingMetrics } from '../../../../src/frontend/metrics/caching-metrics.ts';
import { createSchedulerStats } from '../../../../src/shared/protocol/defaults.ts';
import type { PrefixCacheStats } from '../../../../src/shared/protocol/stats.ts';

function update(fields: Partial<PrefixCacheStats>): PrefixCacheStats {
  return { ...createSchedulerStats().prefixCacheStats, requests: 1, ...fields };
}

describe('the prefix cache hit rate', () => {
  it('is 0 and empty before any request', () => {
    const metrics = new CachingMetrics();
    expect([metrics.isEmpty, metrics.hitRate]).toEqual([true, 0]);
  });

  it('is the hits of all queries, not the mean of the rates', () => {
    const metrics = new CachingMetrics();
    metrics.observe(update({ queries: 10, hits: 10 }));
    metrics.observe(update({ queries: 30, hits: 0 }));
    expect([metrics.isEmpty, metrics.hitRate]).toEqual([false, 0.25]);
  });

  it('forgets the oldest updates once there are more requests than the window takes', () => {
    const metrics = new CachingMetrics(3);
    metrics.observe(update({ queries: 10, hits: 10 }));
    metrics.observe(update({ requests: 2, queries: 10, hits: 5 }));
    expect(metrics.hitRate).toBe(0.75);
    metrics.observe(update({ queries: 10, hits: 0 }));
    expect(metrics.hitRate).toBe(0.25);
    metrics.observe(update({ requests: 2, queries: 10, hits: 10 }));
    expect(metrics.hitRate).toBe(0.5);
  });

  it('forgets several at once where one update brings many requests', () => {
    const metrics = new CachingMetrics(3);
    for (let i = 0; i < 3; i++) metrics.observe(update({ queries: 10, hits: 10 }));
    metrics.observe(update({ requests: 2, queries: 10, hits: 0 }));
    expect(metrics.hitRate).toBe(0.5);
    metrics.observe(update({ queries: 10, hits: 0 }));
    expect(metrics.hitRate).toBe(0);
  });

  it('keeps the latest update however many requests it is about', () => {
    const metrics = new CachingMetrics(3);
    metrics.observe(update({ queries: 10, hits: 0 }));
    metrics.observe(update({ requests: 50, queries: 10, hits: 4 }));
    expect([metrics.isEmpty, metrics.hitRate]).toEqual([false, 0.4]);
    metrics.observe(update({ queries: 10, hits: 9 }));
    expect(metrics.hitRate).toBe(0.9);
  });

  it('counts a thousand requests unless told otherwise', () => {
    const metrics = new CachingMetrics();
    metrics.observe(update({ requests: 1, queries: 10, hits: 10 }));
    metrics.observe(update({ requests: 999, queries: 10, hits: 0 }));
    expect(metrics.hitRate).toBe(0.5);
    metrics.observe(update({ requests: 1, queries: 10, hits: 0 }));
    expect(metrics.hitRate).toBe(0);
  });

  it('is not changed by an update without requests', () => {
    const metrics = new CachingMetrics(1);
    metrics.observe(update({ queries: 10, hits: 5 }));
    metrics.observe(update({ requests: 0, queries: 90, hits: 0 }));
    expect(metrics.hitRate).toBe(0.5);
  });

  it('starts anew with a reset, the update that tells it included', () => {
    const metrics = new CachingMetrics(2);
    metrics.observe(update({ queries: 10, hits: 10 }));
    metrics.observe(update({ reset: true, requests: 0 }));
    expect([metrics.isEmpty, metrics.hitRate]).toEqual([true, 0]);
    metrics.observe(update({ queries: 10, hits: 2 }));
    metrics.observe(update({ reset: true, queries: 10, hits: 8 }));
    expect(metrics.hitRate).toBe(0.8);
    metrics.observe(update({ queries: 10, hits: 6 }));
    metrics.observe(update({ queries: 10, hits: 0 }));
    expect(metrics.hitRate).toBe(0.3);
  });
});
