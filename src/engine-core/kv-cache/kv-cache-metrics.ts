/**
 * Samples blocks and reports how long each lived, lay idle and waited between uses, when it is evicted.
 * Source: vllm/v1/core/kv_cache_metrics.py KVCacheMetricsCollector (0.33.0). Differs: the sample is drawn from a
 * seeded generator.
 */
import { assert } from '../../shared/assert.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Prng } from '../../shared/prng.ts';
import type { KVCacheEvictionEvent } from '../../shared/protocol/stats.ts';

/** Uses that are kept of a block; the gaps between them are reported. */
const MAX_ACCESS_HISTORY = 4;

interface BlockResidency {
  readonly birthMs: number;
  lastAccessMs: number;
  accessHistoryMs: number[];
}

export class KVCacheMetricsCollector {
  readonly #sampleRate: number;
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #sampled = new Map<number, BlockResidency>();
  #evictions: KVCacheEvictionEvent[] = [];

  /** `sampleRate`: the share of allocations that is watched, above 0 and at most 1. */
  constructor(options: {
    readonly sampleRate: number;
    readonly clock: Clock;
    readonly prng: Prng;
  }) {
    const { sampleRate } = options;
    assert(
      sampleRate > 0 && sampleRate <= 1,
      () => `sample_rate must be in (0, 1], got ${sampleRate}`,
    );
    this.#sampleRate = sampleRate;
    this.#clock = options.clock;
    this.#prng = options.prng;
  }

  onBlockAllocated(block: number): void {
    if (this.#prng.nextFloat() >= this.#sampleRate) return;
    const now = this.#clock.monotonicMs();
    this.#sampled.set(block, { birthMs: now, lastAccessMs: now, accessHistoryMs: [] });
  }

  onBlockAccessed(block: number): void {
    const residency = this.#sampled.get(block);
    if (residency === undefined) return;
    residency.lastAccessMs = this.#clock.monotonicMs();
    residency.accessHistoryMs.push(residency.lastAccessMs);
    if (residency.accessHistoryMs.length > MAX_ACCESS_HISTORY) residency.accessHistoryMs.shift();
  }

  onBlockEvicted(block: number): void {
    const residency = this.#sampled.get(block);
    if (residency === undefined) return;
    this.#sampled.delete(block);
    const now = this.#clock.monotonicMs();
    const history = residency.accessHistoryMs;
    this.#evictions.push({
      lifetimeSeconds: (now - residency.birthMs) / 1000,
      idleSeconds: (now - residency.lastAccessMs) / 1000,
      reuseGapsSeconds: history.slice(1).map((at, i) => (at - (history[i] as number)) / 1000),
    });
  }

  reset(): void {
    this.#sampled.clear();
    this.#evictions = [];
  }

  /** The evictions since the last call. */
  drainEvents(): KVCacheEvictionEvent[] {
    const events = this.#evictions;
    if (events.length > 0) this.#evictions = [];
    return events;
  }
}
