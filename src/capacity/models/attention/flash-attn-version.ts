/**
 * Which FlashAttention a layer gets on a GPU; several backends decide by it.
 * Source: vllm/v1/attention/backends/fa_utils.py get_flash_attn_version (0.33.0). Leaves out: ALiBi, XPU, ROCm, diffusion
 * models, batch invariance.
 */
import { isQuantizedCache } from '../../spec/dtypes.ts';
import { type BackendContext, isFamily } from './backend.ts';

/** FA4's dedicated head_size 256 kernel on Blackwell reads one page of this many tokens per tile. */
export const FA4_HD256_PAGE_SIZE = 128;

export interface FlashAttnQuery {
  readonly headSize?: number;
  readonly headSizeV?: number;
  readonly hasSinks?: boolean;
  readonly cacheBlockSize?: number | null;
  readonly supportsFa4Hd256?: boolean;
}

/** Source: vllm/vllm_flash_attn/flash_attn_interface.py is_fa_version_supported. */
export function isFlashAttnVersionSupported(
  version: number,
  context: Pick<BackendContext, 'capability'>,
): boolean {
  const { major } = context.capability;
  if (version === 2) return major >= 8;
  if (version === 3) return major === 9;
  return major === 9 || major === 10 || major === 11;
}

/** The version, or null where FlashAttention cannot run at all. */
export function getFlashAttnVersion(query: FlashAttnQuery, context: BackendContext): number | null {
  const version = chooseVersion(query, context);
  return isFlashAttnVersionSupported(version, context) ? version : null;
}

function chooseVersion(query: FlashAttnQuery, context: BackendContext): number {
  const { major } = context.capability;
  let version = context.flashAttnVersion ?? (major === 9 ? 3 : major === 10 ? 4 : 2);
  if (major >= 10 && version === 3) version = isFlashAttnVersionSupported(4, context) ? 4 : 2;
  if (version === 3 && major === 9 && needsFlashAttn4(query)) version = 4;
  if (version === 4 && usesHd256Kernel(query, context)) {
    const usable = query.supportsFa4Hd256 === true && hd256FallbackReason(query, context) === null;
    if (!usable) version = 2;
  }
  if (version === 4 && major >= 10 && !fitsTensorMemory(query)) version = 2;
  return version;
}

function needsFlashAttn4(query: FlashAttnQuery): boolean {
  const { headSize, headSizeV, hasSinks } = query;
  if (headSize === undefined) return false;
  return headSize > 256 || (hasSinks === true && headSizeV !== undefined && headSizeV !== headSize);
}

/** FA4 on Blackwell: TMEM holds 128-wide heads, and two wider shapes with kernels of their own. */
function fitsTensorMemory(query: FlashAttnQuery): boolean {
  const { headSize, headSizeV } = query;
  if (headSize === undefined || headSize <= 128) return true;
  if (headSize === 256) return headSizeV === undefined || headSizeV === 256;
  return headSize === 192 && headSizeV === 128;
}

/** Source: vllm/v1/attention/backends/fa_utils.py uses_fa4_hd256_kernel. */
export function usesHd256Kernel(query: FlashAttnQuery, context: BackendContext): boolean {
  if (query.headSize !== 256) return false;
  if (query.headSizeV !== undefined && query.headSizeV !== 256) return false;
  return isFamily(context, 10) || isFamily(context, 11);
}

function hd256FallbackReason(query: FlashAttnQuery, context: BackendContext): string | null {
  if (query.hasSinks === true) return 'attention sinks';
  if (context.hasLogitSoftcap) return 'logits soft capping';
  if (isQuantizedCache(context.runCacheDtype)) return 'quantized KV cache';
  const blockSize = query.cacheBlockSize ?? null;
  if (blockSize !== null && blockSize % FA4_HD256_PAGE_SIZE !== 0) return 'KV cache block size';
  if (context.isMmPrefixLm) return 'mm_prefix bidirectional attention';
  return context.decodeContextParallelSize > 1 ? 'decode context parallelism' : null;
}

/** Source: vllm/v1/attention/backends/fa_utils.py flash_attn_supports_kv_cache_dtype. */
export function flashAttnSupportsCacheDtype(
  cacheDtype: string,
  query: FlashAttnQuery,
  context: BackendContext,
): boolean {
  if (cacheDtype === 'fp8_e5m2') return false;
  const version = getFlashAttnVersion(query, context);
  const { headSize } = query;
  const onHopper = version === 3 || (version === 4 && (headSize === undefined || headSize === 512));
  return (onHopper && isFamily(context, 9)) || (version === 4 && isFamily(context, 10));
}
