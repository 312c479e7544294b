/**
 * The attention backends of layers with a key and a value per head. Called by select.ts in vLLM's order of preference.
 * Source: vllm/v1/attention/backends/{flash_attn,flash_attn_diffkv,flashinfer,triton_attn,composite,flex_attention}.py
 * (0.33.0). FlashInfer's TRTLLM kernels count as present wherever the GPU has them, as on a machine that may download
 * them or has the package flashinfer-cubin; without either vLLM chooses otherwise on Blackwell.
 */

import { dtypeBytes, isQuantizedCache } from '../../spec/dtypes.ts';
import type { AttentionSpec } from '../../spec/spec.ts';
import {
  type AttentionBackend,
  type AttentionType,
  type BackendContext,
  type BackendDescription,
  type BackendRequest,
  defaultPreferredBlockSize,
  defineBackend,
  isFamily,
  type KernelBlockSize,
  packPerTokenHead,
} from './backend.ts';
import {
  FA4_HD256_PAGE_SIZE,
  flashAttnSupportsCacheDtype,
  getFlashAttnVersion,
  isFlashAttnVersionSupported,
  usesHd256Kernel,
} from './flash-attn-version.ts';

const ALL_ATTENTION_TYPES: readonly AttentionType[] = [
  'decoder',
  'encoder',
  'encoder_only',
  'encoder_decoder',
];
const MULTIPLE_OF_16: readonly KernelBlockSize[] = [{ multipleOf: 16 }];
const FLASH_ATTN_CACHE_DTYPES = ['auto', 'float16', 'bfloat16', 'fp8', 'fp8_e4m3'];
const FP8_TYPES = ['fp8', 'fp8_e4m3'];

/** A fixed kernel page that some head sizes need, or null. `headSizeV` is the class default of diff-KV backends. */
function flashAttnFixedPage(
  spec: AttentionSpec | null,
  context: BackendContext,
  defaultHeadSizeV: number | undefined,
): number | null {
  const headSize = spec === null ? context.modelHeadSize : spec.headSize;
  const headSizeV = spec === null ? defaultHeadSizeV : spec.headSizeV;
  if (headSize === undefined) return null;
  const usesFp8 =
    spec === null
      ? FP8_TYPES.includes(context.runCacheDtype)
      : spec.kvQuantMode === 'fp8_per_tensor';
  if (isFamily(context, 9) && usesFp8 && headSize === 512) {
    if (getFlashAttnVersion({ headSize }, context) === 4) return 64;
  }
  const query = headSizeV === undefined ? { headSize } : { headSize, headSizeV };
  const isHd256 =
    usesHd256Kernel(query, context) &&
    getFlashAttnVersion({ ...query, supportsFa4Hd256: true }, context) === 4;
  return isHd256 ? FA4_HD256_PAGE_SIZE : null;
}

function flashAttnCombination(request: BackendRequest, context: BackendContext): string | null {
  const quantized = isQuantizedCache(request.cacheDtype);
  const { major, minor } = context.capability;
  if (request.hasSink && major < 9) return 'sink not supported on compute capability < 9.0';
  if (request.useMmPrefix && quantized && major === 9 && minor === 0) {
    return 'SM90 FP8 KV with mm_prefix requires Triton';
  }
  const query = {
    headSize: request.headSize,
    hasSinks: request.hasSink,
    cacheBlockSize: context.userBlockSize,
    supportsFa4Hd256: true,
  };
  if (
    quantized &&
    !flashAttnSupportsCacheDtype(
      request.cacheDtype,
      { ...query, headSizeV: request.headSize },
      context,
    )
  ) {
    return 'FP8 KV cache requires FA3 on SM90, FA4 with head_size=512 on SM90, or FA4 on SM100';
  }
  if (request.useMmPrefix && getFlashAttnVersion(query, context) !== 4) {
    return 'mm_prefix (PrefixLM bidirectional attention) requires FlashAttention v4';
  }
  return null;
}

function flashAttention(
  changes: Partial<BackendDescription>,
  headSizeV?: number,
): AttentionBackend {
  const backend = defineBackend({
    name: 'FLASH_ATTN',
    className: 'FlashAttentionBackend',
    attnTypes: ALL_ATTENTION_TYPES,
    supportsSlidingWindow: true,
    supportsDcp: true,
    supportsHeadSize: (headSize, context) =>
      headSize % 8 === 0 &&
      (headSize <= 256 || (headSize <= 512 && isFlashAttnVersionSupported(4, context))),
    supportsCacheDtype: (cacheDtype, context) =>
      FLASH_ATTN_CACHE_DTYPES.includes(cacheDtype) &&
      (!isQuantizedCache(cacheDtype) || flashAttnSupportsCacheDtype(cacheDtype, {}, context)),
    supportsCapability: (capability) => capability.major >= 8,
    supportsMmPrefix: (context) => isFlashAttnVersionSupported(4, context),
    supportsSink: (context) => [3, 4].includes(getFlashAttnVersion({}, context) ?? 0),
    supportsPerHeadQuantScales: (context) => (getFlashAttnVersion({}, context) ?? 0) >= 3,
    combination: flashAttnCombination,
    kernelBlockSizes: (spec, context) => {
      const page = flashAttnFixedPage(spec, context, headSizeV);
      return page === null ? MULTIPLE_OF_16 : [page];
    },
    preferredBlockSize: (defaultBlockSize, context) => {
      const page = flashAttnFixedPage(null, context, headSizeV);
      return page === null
        ? defaultPreferredBlockSize(backend, defaultBlockSize, context)
        : Math.max(defaultBlockSize, page);
    },
    ...changes,
  });
  return backend;
}

export const FLASH_ATTN = flashAttention({});

/** Keys and values of different widths; the layer names it itself. */
export function flashAttnDiffKv(headSizeV: number): AttentionBackend {
  return flashAttention(
    { name: 'FLASH_ATTN_DIFFKV', className: 'FlashAttentionDiffKVBackend' },
    headSizeV,
  );
}

const FLASHINFER_CACHE_DTYPES = ['auto', 'float16', 'bfloat16', 'fp8', 'fp8_e4m3', 'fp8_e5m2'];
const FLASHINFER_BLOCK_SIZES: readonly KernelBlockSize[] = [16, 32, 64];
const NVFP4_TYPES = ['nvfp4', 'nvfp4_4over6'];
/** Pages of 128 and more run on the TRTLLM kernels for grouped queries only. */
const TRTLLM_BLOCK_SIZES: readonly KernelBlockSize[] = [16, 32, 64, 128, 256, 512, 1024];

/** Source: vllm/utils/flashinfer.py supports_trtllm_attention. Hopper and SM12x have the decode kernel (XQA) only. */
function supportsTrtllm(phase: 'decode' | 'prefill', { capability }: BackendContext): boolean {
  const { major, minor } = capability;
  if (major === 10) return true;
  return phase === 'decode' && (major === 12 || (major === 9 && minor === 0));
}

/** Source: FlashInferBackend.get_supported_kernel_block_sizes: one size for the model, whatever the layer. */
function flashInferBlockSizes(context: BackendContext): readonly KernelBlockSize[] {
  const { modelNumHeads, modelNumKvHeads } = context;
  const hasGroups = modelNumHeads >= 2 * modelNumKvHeads && modelNumHeads % modelNumKvHeads === 0;
  return isFamily(context, 10) && hasGroups ? TRTLLM_BLOCK_SIZES : FLASHINFER_BLOCK_SIZES;
}

function flashInferCombination(request: BackendRequest, context: BackendContext): string | null {
  if (!request.cacheDtype.startsWith('nvfp4')) return null;
  if (![8, 9, 12].includes(context.capability.major)) return null;
  if (request.headSize === 64) return 'fa2 prefill misreads an NVFP4 KV cache at head_size 64';
  return request.hasSink ? 'the sink prefill wrapper cannot read an NVFP4 KV cache' : null;
}

/** NVFP4 keeps keys and values as separate head slots of packed fp4 data and fp8 block scales. */
function packNvfp4(spec: AttentionSpec): AttentionSpec {
  if (spec.kvQuantMode !== 'nvfp4' || spec.stateContentBytes !== null) return spec;
  const packed = Math.floor(spec.headSize / 2) + Math.floor(spec.headSize / 16);
  return {
    ...spec,
    numHeadSlots: 2 * spec.numKvHeads,
    stateContentBytes: packed * dtypeBytes(spec.dtype),
  };
}

export const FLASHINFER = defineBackend({
  name: 'FLASHINFER',
  className: 'FlashInferBackend',
  supportsSlidingWindow: true,
  supportsDcp: true,
  supportsHeadSize: (headSize) => [64, 128, 256, 512].includes(headSize),
  // Blackwell has the kernels of both phases or none.
  supportsSink: (context) => supportsTrtllm('decode', context),
  supportsCacheDtype: (cacheDtype, context) => {
    if (!cacheDtype.startsWith('nvfp4')) return FLASHINFER_CACHE_DTYPES.includes(cacheDtype);
    return supportsTrtllm('prefill', context)
      ? NVFP4_TYPES.includes(cacheDtype)
      : cacheDtype === 'nvfp4' && [8, 9, 12].includes(context.capability.major);
  },
  supportsCapability: ({ major, minor }) =>
    major >= 8 && (major < 12 || (major === 12 && minor <= 1)),
  combination: flashInferCombination,
  kernelBlockSizes: (_, context) => flashInferBlockSizes(context),
  layouts: (context) => (isFamily(context, 10) ? ['LBHNC', 'BLHNC'] : null),
  customizeSpec: packNvfp4,
});

export const TRITON_ATTN = defineBackend({
  name: 'TRITON_ATTN',
  className: 'TritonAttentionBackend',
  dtypes: ['float16', 'bfloat16', 'float32'],
  cacheDtypes: [
    ...FLASHINFER_CACHE_DTYPES,
    'int4_per_token_head',
    'int8_per_token_head',
    'fp8_per_token_head',
  ],
  attnTypes: ALL_ATTENTION_TYPES,
  supportsSlidingWindow: true,
  supportsHeadSize: (headSize) => headSize >= 32,
  supportsMmPrefix: () => true,
  supportsSink: () => true,
  kernelBlockSizes: () => MULTIPLE_OF_16,
  customizeSpec: packPerTokenHead,
});

/** Triton's twin of FLASH_ATTN_DIFFKV, where FlashAttention 3 or 4 is missing. Source: triton_attn_diffkv.py. */
export const TRITON_ATTN_DIFFKV = defineBackend({
  name: 'TRITON_ATTN_DIFFKV',
  className: 'TritonAttentionDiffKVBackend',
  dtypes: ['float16', 'bfloat16', 'float32'],
  cacheDtypes: ['auto', 'bfloat16', 'fp8', 'fp8_e4m3'],
  attnTypes: ALL_ATTENTION_TYPES,
  supportsSlidingWindow: true,
  supportsSink: () => true,
  kernelBlockSizes: () => MULTIPLE_OF_16,
});

/** Triton for image spans, FlashAttention for the rest (Hopper). Source: triton_flash_attn.py, composite.py. */
export const TRITON_FLASH_ATTN = defineBackend({
  name: 'TRITON_FLASH_ATTN',
  className: 'TritonFlashAttentionBackend',
  supportsSlidingWindow: true,
  supportsHeadSize: (headSize) => headSize === 256 || headSize === 512,
  supportsCacheDtype: (cacheDtype, context) =>
    FLASH_ATTN_CACHE_DTYPES.includes(cacheDtype) &&
    (!isQuantizedCache(cacheDtype) || flashAttnSupportsCacheDtype(cacheDtype, {}, context)),
  supportsCapability: (capability) => capability.major === 9,
  supportsMmPrefix: () => true,
  combination: (request, context) => {
    const causal = { ...request, useMmPrefix: false };
    const reason = flashAttnCombination(causal, context);
    if (reason !== null) return reason;
    const version = getFlashAttnVersion(
      {
        headSize: request.headSize,
        hasSinks: request.hasSink,
        cacheBlockSize: context.userBlockSize,
        supportsFa4Hd256: true,
      },
      context,
    );
    return version === 3 || version === 4 ? null : 'causal route requires FlashAttention v3 or v4';
  },
  kernelBlockSizes: (spec, context) => FLASH_ATTN.kernelBlockSizes(spec, context),
});

/** Triton for image spans, FlashInfer for the rest (Blackwell). Source: triton_flashinfer.py, composite.py. */
export const TRITON_FLASHINFER = defineBackend({
  name: 'TRITON_FLASHINFER',
  className: 'TritonFlashInferBackend',
  supportsSlidingWindow: true,
  supportsHeadSize: (headSize) => headSize === 256 || headSize === 512,
  cacheDtypes: FLASHINFER_CACHE_DTYPES,
  supportsCapability: (capability) => capability.major === 10,
  supportsMmPrefix: () => true,
  kernelBlockSizes: () => [64],
  layouts: (context) => FLASHINFER.layouts(context),
});

export const FLEX_ATTENTION = defineBackend({
  name: 'FLEX_ATTENTION',
  className: 'FlexAttentionBackend',
  dtypes: ['float16', 'bfloat16', 'float32'],
  attnTypes: ['decoder', 'encoder_only'],
  supportsSlidingWindow: true,
  supportsMmPrefix: () => true,
  kernelBlockSizes: () => MULTIPLE_OF_16,
  layouts: () => ['LBNHC'],
});
