import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import type { DraftCaching } from './draft-caching.ts';
import type { KVCacheMetricsCollector } from './kv-cache-metrics.ts';

export interface KVCacheManagerOptions {
  readonly kvCacheConfig: KVCacheConfig;
  readonly maxModelLen: number;
  /** Tokens that may be scheduled and not yet processed: max_num_batched_tokens times concurrent batches. */
  readonly maxInFlightTokens: number;
  readonly schedulerBlockSize: number;
  readonly hashBlockSize: number;
  readonly enableCaching: boolean;
  /** prefix_cache_retention_interval; null = dense. */
  readonly retentionInterval: number | null;
  readonly logStats: boolean;
  readonly enableKvCacheEvents: boolean;
  /** Fraction of the pool to keep free when requests are admitted. */
  readonly watermark: number;
  /** Slots past a step's tokens, for a drafter with a KV cache of its own. Default 0. */
  readonly numLookaheadTokens?: number;
  /** Default: no drafter reads ahead. */
  readonly draftCaching?: DraftCaching;
  readonly metricsCollector?: KVCacheMetricsCollector | null;
}
