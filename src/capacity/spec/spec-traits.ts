/**
 * What the KV cache managers ask of a spec. Sizes and planning are elsewhere.
 * Source: vllm/v1/kv_cache_interface.py (0.33.0).
 */
import { cdiv } from '../../shared/integers.ts';
import type {
  ChunkedLocalAttentionSpec,
  KVCacheSpec,
  SlidingWindowMLASpec,
  SlidingWindowSpec,
} from './spec.ts';

/** True for FullAttentionSpec and its subclasses. */
export function isFullAttention(spec: KVCacheSpec): boolean {
  switch (spec.kind) {
    case 'full_attention':
    case 'mla_attention':
    case 'hidden_state_cache':
    case 'sink_full_attention':
    case 'rswa':
      return true;
    default:
      return false;
  }
}

/** Whether the group takes part in prefix caching. Source: KVCacheSpec.prefix_cacheable. */
export function isPrefixCacheable(spec: KVCacheSpec): boolean {
  if (spec.kind === 'circular_buffer') return false;
  return !(spec.kind === 'sliding_window_mla' && spec.boundedReplay);
}

/**
 * The most blocks one request holds at a time in a group that gives blocks back while it runs.
 * Source: SlidingWindowSpec / ChunkedLocalAttentionSpec.max_admission_blocks_per_request.
 */
export function maxAdmissionBlocksPerRequest(
  spec: SlidingWindowSpec | SlidingWindowMLASpec | ChunkedLocalAttentionSpec,
  limits: { readonly maxInFlightTokens: number; readonly maxModelLen: number },
): number {
  const { maxInFlightTokens, maxModelLen } = limits;
  if (spec.kind === 'chunked_local_attention') {
    return cdiv(Math.min(spec.attentionChunkSize + maxInFlightTokens, maxModelLen), spec.blockSize);
  }
  const numTokens = Math.min(
    spec.slidingWindow - 1 + spec.extraRetainedTokens + maxInFlightTokens,
    maxModelLen,
  );
  // One more, because the window may start inside a block.
  return cdiv(numTokens, spec.blockSize) + 1;
}

/** The kind as KV events name it. Source: get_kv_cache_spec_kind. */
export function getKVCacheSpecKind(spec: KVCacheSpec): string {
  switch (spec.kind) {
    case 'hidden_state_cache':
      return 'mla_attention';
    case 'rswa':
      return 'full_attention';
    case 'circular_buffer':
      return 'unknown';
    default:
      return spec.kind;
  }
}

/** Source: get_kv_cache_spec_sliding_window. */
export function getKVCacheSpecSlidingWindow(spec: KVCacheSpec): number | null {
  return spec.kind === 'sliding_window' || spec.kind === 'sliding_window_mla'
    ? spec.slidingWindow
    : null;
}
