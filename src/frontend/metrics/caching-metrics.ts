import type { PrefixCacheStats } from '../../shared/protocol/stats.ts';

/**
 * The prefix cache hit rate over the most recent requests. Source: vllm/v1/metrics/stats.py CachingMetrics (0.33.0).
 */
export class CachingMetrics {
  readonly #maxRecentRequests: number;
  #requests = 0;
  #queries = 0;
  #hits = 0;
  readonly #recent: { requests: number; queries: number; hits: number }[] = [];

  constructor(maxRecentRequests = 1000) {
    this.#maxRecentRequests = maxRecentRequests;
  }

  observe({ reset, requests, queries, hits }: PrefixCacheStats): void {
    if (reset) this.#reset();
    // Empty updates would push real ones out of the window.
    if (requests === 0) return;
    this.#recent.push({ requests, queries, hits });
    this.#requests += requests;
    this.#queries += queries;
    this.#hits += hits;
    let numOutdated = 0;
    for (const outdated of this.#recent) {
      // The latest update stays, however many requests it is about.
      const isLatest = numOutdated === this.#recent.length - 1;
      if (isLatest || this.#requests <= this.#maxRecentRequests) break;
      this.#requests -= outdated.requests;
      this.#queries -= outdated.queries;
      this.#hits -= outdated.hits;
      numOutdated += 1;
    }
    // Unlike splice, shift does not move the other thousand.
    for (let i = 0; i < numOutdated; i++) this.#recent.shift();
  }

  get isEmpty(): boolean {
    return this.#requests === 0;
  }

  /** A fraction, 0 to 1; 0 where nothing was queried. */
  get hitRate(): number {
    return this.#queries === 0 ? 0 : this.#hits / this.#queries;
  }

  #reset(): void {
    this.#requests = 0;
    this.#queries = 0;
    this.#hits = 0;
    this.#recent.length = 0;
  }
}
