/**
 * The attention backends of layers with one compressed latent per token (MLA), dense and sparse, and the backends of the
 * caches beside them. Source: vllm/v1/attention/backends/mla/*.py (0.33.0). Leaves out: TokenSpeed (a package of its own)
 * and FlashInfer's sparse kernels for SM90, which need a FlashInfer that compiles.
 */
import type { AttentionSpec } from '../../spec/spec.ts';
import { stateContentSizeBytes } from '../../spec/spec-size.ts';
import {
  type AttentionBackend,
  type BackendContext,
  type BackendDescription,
  defineBackend,
  isFamily,
  type KernelBlockSize,
  packPerTokenHead,
} from './backend.ts';

const CACHE_WITH_FP8 = ['auto', 'float16', 'bfloat16', 'fp8', 'fp8_e4m3'];
const MULTIPLE_OF_16: readonly KernelBlockSize[] = [{ multipleOf: 16 }];
const MULTIPLE_OF_64: readonly KernelBlockSize[] = [{ multipleOf: 64 }];

/** Sparse kernels read the cache as flat rows. Source: mla/sparse_utils.py align_blocks_to_rows. */
function alignBlocksToRows(spec: AttentionSpec, rows = 1): AttentionSpec {
  return { ...spec, blockStrideAlignment: rows * stateContentSizeBytes(spec) };
}

/** Source: MLACommonBackend in vllm/model_executor/layers/attention/mla_attention.py. */
function mlaBackend(about: BackendDescription) {
  return defineBackend({
    isMla: true,
    supportsDcp: true,
    supportsHeadSize: (headSize) => [320, 512, 576].includes(headSize),
    customizeSpec: packPerTokenHead,
    ...about,
  });
}

export const FLASH_ATTN_MLA = mlaBackend({
  name: 'FLASH_ATTN_MLA',
  className: 'FlashAttnMLABackend',
  kernelBlockSizes: () => MULTIPLE_OF_16,
  supportsCapability: (capability) => capability.major === 9,
});

export const FLASHMLA = mlaBackend({
  name: 'FLASHMLA',
  className: 'FlashMLABackend',
  cacheDtypes: CACHE_WITH_FP8,
  kernelBlockSizes: () => [64],
  supportsCapability: (capability) => capability.major === 9,
});

export const FLASHINFER_MLA = mlaBackend({
  name: 'FLASHINFER_MLA',
  className: 'FlashInferMLABackend',
  cacheDtypes: CACHE_WITH_FP8,
  kernelBlockSizes: () => [32, 64],
  supportsCapability: (capability) => capability.major === 10,
  combination: (_, context) =>
    [64, 128, 192].includes(context.mla?.qkNopeHeadDim ?? 1)
      ? null
      : 'FlashInfer MLA kernel requires qk_nope_head_dim in [64, 128, 192]',
});

export const CUTLASS_MLA = mlaBackend({
  name: 'CUTLASS_MLA',
  className: 'CutlassMLABackend',
  cacheDtypes: CACHE_WITH_FP8,
  kernelBlockSizes: () => [128],
  supportsCapability: (capability) => capability.major === 10,
});

export const TRITON_MLA = mlaBackend({
  name: 'TRITON_MLA',
  className: 'TritonMLABackend',
  cacheDtypes: CACHE_WITH_FP8,
  kernelBlockSizes: () => MULTIPLE_OF_16,
  supportsHeadSize: () => true,
});

export const FLASH_ATTN_MLA_SPARSE = defineBackend({
  name: 'FLASH_ATTN_MLA_SPARSE',
  className: 'FlashAttnMLASparseBackend',
  isMla: true,
  isSparse: true,
  kernelBlockSizes: () => MULTIPLE_OF_64,
  customizeSpec: (spec) => alignBlocksToRows(spec),
  supportsCapability: (capability) => capability.major === 9,
  combination: (_, context) =>
    context.mla?.indexTopk == null
      ? 'FlashAttention MLA Sparse requires model with index_topk'
      : null,
});

function flashMlaSparseCombination(
  headSize: number,
  cacheDtype: string,
  context: BackendContext,
): string | null {
  const onHopper = isFamily(context, 9);
  if (headSize === 512) {
    const dtypeOk = ['auto', 'bfloat16', 'float16', 'fp8_ds_mla'].includes(cacheDtype);
    if (!onHopper || !dtypeOk || (context.mla?.qkRopeHeadDim ?? 64) !== 0) {
      return 'FLASHMLA_SPARSE supports head_size 512 only for rope-free models on SM90';
    }
  }
  return cacheDtype === 'nvfp4_ds_mla' && !isFamily(context, 10)
    ? 'FLASHMLA_SPARSE only supports nvfp4_ds_mla on SM100'
    : null;
}

export const FLASHMLA_SPARSE = defineBackend({
  name: 'FLASHMLA_SPARSE',
  className: 'FlashMLASparseBackend',
  isMla: true,
  isSparse: true,
  supportsDcp: true,
  dtypes: ['bfloat16'],
  cacheDtypes: ['auto', 'bfloat16', 'fp8_ds_mla', 'fp8', 'nvfp4_ds_mla'],
  supportsHeadSize: (headSize) => headSize === 576 || headSize === 512,
  supportsCapability: (capability) => capability.major === 9 || capability.major === 10,
  kernelBlockSizes: (spec, context) =>
    spec !== null && spec.kvQuantMode !== 'none' && isFamily(context, 10) ? [64] : MULTIPLE_OF_64,
  // Off SM100 the quantized kernel reads 64-token pages, which matters only when blocks span several.
  customizeSpec: (spec, context) =>
    spec.kvQuantMode !== 'none' && !isFamily(context, 10)
      ? { ...spec, blockStrideAlignment: { multipleOf: 64 } }
      : alignBlocksToRows(spec),
  combination: (request, context) =>
    flashMlaSparseCombination(request.headSize, request.cacheDtype, context),
});

/** The same kernels with a sink per head. Source: vllm/models/hy_v4/nvidia/flashmla_sparse.py. */
export const HYV4_FLASHMLA_SPARSE: AttentionBackend = {
  ...FLASHMLA_SPARSE,
  className: 'HYV4FlashMLASparseBackend',
};

function flashInferSparseCombination(context: BackendContext): string | null {
  const { mla } = context;
  if (mla === null) return null;
  if (mla.qkRopeHeadDim === 0) {
    if (mla.qkNopeHeadDim !== 256 || mla.kvLoraRank !== 512) {
      return 'FlashInfer native no-rope MLA requires qk_nope_head_dim=256 and kv_lora_rank=512';
    }
  } else if (![128, 192].includes(mla.qkNopeHeadDim)) {
    return 'FlashInfer MLA Sparse kernel requires qk_nope_head_dim in [128, 192]';
  }
  return mla.indexTopk === null ? 'FlashInfer MLA Sparse requires model with index_topk' : null;
}

export const FLASHINFER_MLA_SPARSE = defineBackend({
  name: 'FLASHINFER_MLA_SPARSE',
  className: 'FlashInferMLASparseTRTLLMBackend',
  isMla: true,
  isSparse: true,
  supportsDcp: true,
  cacheDtypes: CACHE_WITH_FP8,
  supportsHeadSize: (headSize) => headSize === 512 || headSize === 576,
  supportsCapability: (capability) => capability.major === 10,
  kernelBlockSizes: () => [{ multipleOf: 32 }],
  customizeSpec: (spec) => alignBlocksToRows(spec, 32),
  combination: (_, context) => flashInferSparseCombination(context),
});

/** Hopper's, for caches that FlashMLA does not take. Source: mla/flashinfer_mla_sparse_sm90.py. */
export const FLASHINFER_MLA_SPARSE_SM90 = defineBackend({
  name: 'FLASHINFER_MLA_SPARSE_SM90',
  className: 'FlashInferMLASparseSM90Backend',
  isMla: true,
  isSparse: true,
  dtypes: ['bfloat16'],
  cacheDtypes: CACHE_WITH_FP8,
  supportsHeadSize: (headSize) => headSize === 512 || headSize === 576,
  supportsCapability: (capability) => capability.major === 9,
  kernelBlockSizes: () => MULTIPLE_OF_64,
  customizeSpec: (spec) => alignBlocksToRows(spec),
  combination: (_, { mla }) => {
    if (mla === null) return null;
    if (mla.kvLoraRank !== 512) return 'FLASHINFER_MLA_SPARSE_SM90 requires kv_lora_rank=512';
    return [0, 64].includes(mla.qkRopeHeadDim)
      ? null
      : 'FLASHINFER_MLA_SPARSE_SM90 requires qk_rope_head_dim in (0, 64)';
  },
});

function fa4SparseCombination(context: BackendContext): string | null {
  const { mla } = context;
  if (mla === null) return null;
  const topk = mla.indexTopk;
  if (topk === null || topk % 128 !== 0) {
    return `FA4 sparse MLA requires index_topk % 128 == 0, got ${topk ?? 'None'}`;
  }
  if (mla.kvLoraRank !== 512 || mla.qkRopeHeadDim !== 64) {
    return (
      'FA4 sparse MLA requires (kv_lora_rank, qk_rope_head_dim) == (512, 64), got ' +
      `(${mla.kvLoraRank}, ${mla.qkRopeHeadDim})`
    );
  }
  const dcp = context.decodeContextParallelSize;
  const counts = dcp > 1 ? [8, 16, 32, 64] : [8, 16, 32, 64, 128];
  if (!counts.includes(context.modelNumHeads * dcp)) {
    return (
      `FA4 sparse MLA requires (${counts.join(', ')}) gathered query heads, got num_heads=${context.modelNumHeads} * ` +
      `dcp_size=${dcp}`
    );
  }
  return flashInferSparseCombination(context);
}

/** FlashAttention 4 for decodes of few heads, FlashInfer for the rest. Source: mla/flashattn_mla_sparse.py. */
export const FLASH_ATTN_MLA_SPARSE_FA4 = defineBackend({
  name: 'FLASH_ATTN_MLA_SPARSE_FA4',
  className: 'FlashAttnMLASparseFA4Backend',
  isMla: true,
  isSparse: true,
  supportsDcp: true,
  dtypes: ['bfloat16'],
  cacheDtypes: ['auto', 'bfloat16'],
  supportsHeadSize: (headSize) => headSize === 576,
  supportsCapability: (capability) => capability.major === 10,
  kernelBlockSizes: () => MULTIPLE_OF_64,
  customizeSpec: (spec) => alignBlocksToRows(spec, 64),
  combination: (_, context) => fa4SparseCombination(context),
});

/** The key cache of a DeepSeek-V3.2 indexer. Source: mla/indexer.py DeepseekV32IndexerBackend. */
export const DEEPSEEK_V32_INDEXER = defineBackend({
  name: 'DEEPSEEK_V32_INDEXER',
  className: 'DeepseekV32IndexerBackend',
  kernelBlockSizes: () => [64],
});

const BLOCK_OUTER_LAYOUTS: readonly string[] = ['BLHNC', 'BLNHC'];

/** DeepSeek-V4's caches share blocks, so the layer lies inside the block. Source: mla/indexer.py, mla/sparse_swa.py. */
export const DEEPSEEK_V4_INDEXER = defineBackend({
  name: 'DEEPSEEK_V4_INDEXER',
  className: 'DeepseekV4IndexerBackend',
  kernelBlockSizes: () => [256],
  layouts: () => BLOCK_OUTER_LAYOUTS,
});

export const V4_SPARSE_SWA = defineBackend({
  name: 'DEEPSEEK_SPARSE_SWA',
  className: 'DeepseekSparseSWAFlashMLABackend',
  kernelBlockSizes: () => [{ multipleOf: 32 }],
  preferredBlockSize: () => 256,
});

export const V4_FLASHMLA = defineBackend({
  name: 'FLASHMLA_SPARSE_DSV4',
  className: 'DeepseekV4FlashMLABackend',
  isMla: true,
  isSparse: true,
  kernelBlockSizes: () => [256],
  layouts: () => BLOCK_OUTER_LAYOUTS,
});

/** The same on consumer Blackwell. Source: vllm/models/deepseek_v4/nvidia/flashinfer_sparse.py. */
export const V4_FLASHINFER_SWA = defineBackend({
  name: 'DEEPSEEK_SPARSE_SWA',
  className: 'DeepseekSparseSWAFlashInferBackend',
  kernelBlockSizes: () => [{ multipleOf: 32 }],
  preferredBlockSize: () => 256,
});

export const V4_FLASHINFER = defineBackend({
  name: 'FLASHINFER_MLA_SPARSE_DSV4',
  className: 'DeepseekV4FlashInferMLASparseBackend',
  isMla: true,
  isSparse: true,
  kernelBlockSizes: () => [256],
  layouts: () => BLOCK_OUTER_LAYOUTS,
});

/** What a compressor has seen of the block it is in. Source: vllm/models/deepseek_v4/compressor.py. */
export const V4_COMPRESSOR = defineBackend({
  name: 'CompressorBackend',
  className: 'CompressorBackend',
});
