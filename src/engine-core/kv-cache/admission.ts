/**
 * What KVCacheManager.allocateSlots has to know besides, when a waiting or preempted request is to be admitted.
 * Source: vllm/v1/core/kv_cache_manager.py KVCacheManager.allocate_slots (0.33.0).
 */
import type { KVCacheBlocks } from './kv-cache-blocks.ts';

export interface Admission {
  readonly newComputedBlocks: KVCacheBlocks;
  readonly numNewComputedTokens: number;
  /** Cross attention: length of the encoder's output. Default 0. */
  readonly numEncoderTokens?: number;
  /** Admit only if the whole current sequence fits, not just this chunk (scheduler_reserve_full_isl). */
  readonly fullSequenceMustFit: boolean;
  /** Keep the watermark free: true when some request is running already. */
  readonly applyWatermark: boolean;
  /** Tokens that a KV connector brings, behind the prefix hit. Default 0. */
  readonly numExternalComputedTokens?: number;
  /** The blocks are filled later: they get no hash now. */
  readonly delayCacheBlocks?: boolean;
  /** Free blocks that are left to others. Default 0. */
  readonly reservedBlocks?: number;
}
