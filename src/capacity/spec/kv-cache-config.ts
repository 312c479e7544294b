import type { KVCacheSpec } from './spec.ts';

/**
 * The scheduler's view of a planned KV cache: one pool, and one block table per group.
 * Source: vllm/v1/kv_cache_interface.py KVCacheConfig, KVCacheGroupSpec (0.33.0).
 */
export interface KVCacheGroup {
  readonly layerNames: readonly string[];
  /** A uniform-type group is represented by its first layer's spec here. */
  readonly spec: KVCacheSpec;
  readonly isEagleGroup: boolean;
}

export interface KVCacheConfig {
  /** Blocks in the pool, the null block (id 0) included. */
  readonly numBlocks: number;
  readonly groups: readonly KVCacheGroup[];
}
