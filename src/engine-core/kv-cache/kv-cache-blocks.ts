/** Block ids per group. Never changed once handed out. Source: vllm/v1/core/kv_cache_manager.py KVCacheBlocks (0.33.0). */
export interface KVCacheBlocks {
  readonly blocks: readonly (readonly number[])[];
}
