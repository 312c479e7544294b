/** Statistics that travel with outputs. Source: vllm/v1/metrics/stats.py (0.33.0). */

/** Prefix cache counts since the last message; queries and hits are tokens. Source: PrefixCacheStats. */
export interface PrefixCacheStats {
  /** True once after a reset of the prefix cache. */
  readonly reset: boolean;
  readonly requests: number;
  readonly queries: number;
  readonly hits: number;
  readonly preemptedRequests: number;
  readonly preemptedQueries: number;
  readonly preemptedHits: number;
  readonly hitsBySource: Readonly<Record<string, number>>;
}

/** A block's life, sampled for the residency histograms. Source: KVCacheEvictionEvent. */
export interface KVCacheEvictionEvent {
  readonly lifetimeSeconds: number;
  readonly idleSeconds: number;
  readonly reuseGapsSeconds: readonly number[];
}

/** Drafts of a step, over its requests. Source: vllm/v1/spec_decode/metrics.py SpecDecodingStats. */
export interface SpecDecodingStats {
  /** The most drafts of one request. */
  readonly numSpecTokens: number;
  /** Requests that had drafts. */
  readonly numDrafts: number;
  readonly numDraftTokens: number;
  readonly numAcceptedTokens: number;
  /** How often the draft at each position was accepted. */
  readonly numAcceptedTokensPerPos: readonly number[];
  readonly numDraftTokensPerPos: readonly number[];
}

/** Estimated work of a step on one GPU; a bigint where a number would not be exact. Source: vllm/v1/metrics/perf.py PerfStats. */
export interface PerfStats {
  readonly numFlopsPerGpu: number | bigint;
  readonly numReadBytesPerGpu: number | bigint;
  readonly numWriteBytesPerGpu: number | bigint;
  /** Only vLLM makes them, with VLLM_DEBUG_MFU_METRICS. */
  readonly debugStats: unknown;
}

/** The scheduler's state after a step. Always all fields on the wire. Source: SchedulerStats. */
export interface SchedulerStats {
  readonly numRunningReqs: number;
  readonly numWaitingReqs: number;
  readonly numSkippedWaitingReqs: number;
  readonly numKvFetchReqsByStage: Readonly<Record<string, number>>;
  readonly stepCounter: number;
  readonly currentWave: number;
  /** A fraction, 0 to 1. */
  readonly kvCacheUsage: number;
  readonly iterationDetails: unknown;
  readonly prefixCacheStats: PrefixCacheStats;
  readonly connectorPrefixCacheStats: PrefixCacheStats | null;
  readonly kvCacheEvictionEvents: readonly KVCacheEvictionEvent[];
  readonly specDecodingStats: SpecDecodingStats | null;
  readonly kvConnectorStats: unknown;
  readonly ecConnectorStats: unknown;
  readonly waitingLoraAdapters: Readonly<Record<string, number>>;
  readonly runningLoraAdapters: Readonly<Record<string, number>>;
  readonly cudagraphStats: unknown;
  readonly perfStats: PerfStats | null;
}

/** How a request's prompt was filled, in tokens. Source: PrefillStats. */
export interface PrefillStats {
  readonly numPromptTokens: number;
  readonly numComputedTokens: number;
  readonly numCachedTokens: number;
  readonly numLocalCachedTokens: number;
  readonly numExternalCachedTokens: number;
  readonly numCacheCreationTokens: number;
}
