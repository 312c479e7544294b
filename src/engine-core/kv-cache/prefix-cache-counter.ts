/** Counts prefix cache queries and hits, in tokens, until they are taken. Source: vllm/v1/metrics/stats.py (0.33.0). */
import type { PrefixCacheStats } from '../../shared/protocol/stats.ts';

export class PrefixCacheCounter {
  #reset = false;
  #requests = 0;
  #queries = 0;
  #hits = 0;
  #preemptedRequests = 0;
  #preemptedQueries = 0;
  #preemptedHits = 0;
  #hitsBySource: Record<string, number> | null = null;

  /** One lookup of an admitted request; requests that come back from preemption are counted apart. */
  record(lookup: {
    readonly numTokens: number;
    readonly numHits: number;
    readonly isPreempted: boolean;
  }): void {
    if (lookup.isPreempted) {
      this.#preemptedRequests++;
      this.#preemptedQueries += lookup.numTokens;
      this.#preemptedHits += lookup.numHits;
      return;
    }
    this.#requests++;
    this.#queries += lookup.numTokens;
    this.#hits += lookup.numHits;
  }

  /** Says which cache tiers the `numHits` of a lookup came from; what does not add up is of no known one. */
  recordSources(sources: Readonly<Record<string, number>>, numHits: number): void {
    const counts = Object.values(sources);
    const isWhole = counts.reduce((sum, count) => sum + count, 0) === numHits;
    this.#hitsBySource ??= {};
    const named = isWhole ? sources : { external_unspecified: numHits };
    for (const [source, count] of Object.entries(named)) {
      if (count > 0) this.#hitsBySource[source] = (this.#hitsBySource[source] ?? 0) + count;
    }
  }

  noteReset(): void {
    this.#reset = true;
  }

  /** The counts since the last call. */
  take(): PrefixCacheStats {
    const stats: PrefixCacheStats = {
      reset: this.#reset,
      requests: this.#requests,
      queries: this.#queries,
      hits: this.#hits,
      preemptedRequests: this.#preemptedRequests,
      preemptedQueries: this.#preemptedQueries,
      preemptedHits: this.#preemptedHits,
      hitsBySource: this.#hitsBySource ?? {},
    };
    this.#reset = false;
    this.#hitsBySource = null;
    this.#requests = this.#queries = this.#hits = 0;
    this.#preemptedRequests = this.#preemptedQueries = this.#preemptedHits = 0;
    return stats;
  }
}
