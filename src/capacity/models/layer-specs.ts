/**
 * One declared layer to its spec record, as the layer class and its backend report it.
 * Source: get_kv_cache_spec of vllm/model_executor/layers/attention/{attention,mla_attention,chunked_local_attention,
 * cross_attention}.py and mamba/*.py; vllm/v1/worker/utils.py customize_attention_spec (0.33.0).
 */

import type { LayerSpecRecord } from '../file/capacity-input.ts';
import { cacheElementType, dtypeBytes, kvQuantMode } from '../spec/dtypes.ts';
import type { BackendContext, KernelBlockSize } from './attention/backend.ts';
import type { CacheSizes, SizingContext } from './block-sizes.ts';
import type { AttentionLayer, DeclaredLayer, MlaLayer, StateLayer } from './layers.ts';

/** Bytes per token of the packed MLA layouts. Source: mla_attention.py MLAAttention.get_kv_cache_spec. */
const PACKED_MLA_BYTES: Readonly<Record<string, number>> = {
  fp8_ds_mla: 656,
  nvfp4_ds_mla: 352,
};

/** The layer's spec with defaults left out, or null for a layer without a cache of its own. */
export function layerSpec(
  layer: DeclaredLayer,
  sizes: CacheSizes,
  context: SizingContext,
  checkpointGrid: number | null,
): LayerSpecRecord | null {
  const spec = rawSpec(layer, sizes, context, checkpointGrid);
  if (spec === null) return null;
  const customized = layer.type === 'state' ? spec : customize(layer, spec, context.backends);
  const draft = layer.isDraft ? { is_draft: true } : {};
  return withoutDefaults({ ...customized, ...draft });
}

function rawSpec(
  layer: DeclaredLayer,
  sizes: CacheSizes,
  context: SizingContext,
  checkpointGrid: number | null,
): LayerSpecRecord | null {
  switch (layer.type) {
    case 'attention':
      return attentionSpec(layer, sizes, context);
    case 'mla':
      return mlaSpec(layer, sizes.blockSize, context.model.dtype);
    case 'state':
      return stateSpec(layer, sizes, context, checkpointGrid);
    case 'custom':
      return layer.spec(sizes.blockSize);
  }
}

function attentionSpec(
  layer: AttentionLayer,
  sizes: CacheSizes,
  context: SizingContext,
): LayerSpecRecord | null {
  if (layer.sharesCache) return null;
  if (layer.attnType === 'encoder' || layer.attnType === 'encoder_only') return null;
  const common = {
    num_kv_heads: layer.numKvHeads,
    head_size: layer.headSize,
    head_size_v: layer.headSizeV,
    dtype: cacheElementType(layer.cacheDtype, context.model.dtype),
    kv_quant_mode: kvQuantMode(layer.cacheDtype),
  };
  const { blockSize } = sizes;
  if (layer.attnType === 'encoder_decoder') {
    return { kind: 'cross_attention', block_size: blockSize, ...common };
  }
  if (layer.attentionChunkSize !== null) {
    const attention_chunk_size = layer.attentionChunkSize;
    return {
      kind: 'chunked_local_attention',
      block_size: blockSize,
      ...common,
      attention_chunk_size,
    };
  }
  if (layer.slidingWindow === null) {
    return { kind: 'full_attention', block_size: blockSize, ...common };
  }
  const sliding_window = layer.slidingWindow;
  const probe: LayerSpecRecord = {
    kind: 'sliding_window',
    block_size: 1,
    ...common,
    sliding_window,
  };
  return {
    ...probe,
    block_size: slidingBlockSize(layer, probe, sizes, context.backends),
    page_size_padded: sizes.skipPagePadded,
  };
}

/** The largest kernel block whose page fits the shared page or the primary block. Source: _largest_kernel_block_within. */
function slidingBlockSize(
  layer: AttentionLayer,
  probe: LayerSpecRecord,
  sizes: CacheSizes,
  context: BackendContext,
): number {
  const spec = layer.backend.customizeSpec(probe, context);
  const width = (spec.head_size ?? 0) + (spec.head_size_v ?? 0);
  const content = spec.state_content_bytes ?? width * dtypeBytes(spec.dtype ?? 'bfloat16');
  const tokenBytes = (spec.num_head_slots ?? spec.num_kv_heads ?? 1) * content;
  const budget = sizes.skipPagePadded ?? tokenBytes * sizes.blockSize;
  const most = Math.floor(budget / tokenBytes);
  const candidates = layer.backend
    .kernelBlockSizes(spec, context)
    .map((size) => largestKernelBlock(size, most));
  if (candidates.length === 0) return sizes.blockSize;
  const fitting = candidates.filter((size) => size * tokenBytes <= budget);
  return fitting.length > 0 ? Math.max(...fitting) : Math.min(...candidates);
}

function largestKernelBlock(size: KernelBlockSize, most: number): number {
  if (typeof size === 'number') return size;
  const base = size.multiple_of;
  return Math.max(base, Math.floor(most / base) * base);
}

function mlaSpec(layer: MlaLayer, blockSize: number, modelDtype: string): LayerSpecRecord {
  return {
    kind: 'mla_attention',
    block_size: blockSize,
    max_tp_shards: 1,
    num_kv_heads: 1,
    head_size: layer.headSize,
    head_size_v: 0,
    dtype: cacheElementType(layer.cacheDtype, modelDtype),
    cache_dtype_str: layer.cacheDtype,
    kv_quant_mode: kvQuantMode(layer.cacheDtype),
    state_content_bytes: PACKED_MLA_BYTES[layer.cacheDtype] ?? null,
    topk_buffer_width: layer.topkBufferWidth,
    is_index_group_leader: layer.isIndexGroupLeader,
  };
}

function stateSpec(
  layer: StateLayer,
  sizes: CacheSizes,
  context: SizingContext,
  checkpointGrid: number | null,
): LayerSpecRecord {
  const { run } = context;
  const checkpoint =
    layer.checkpoints === 'any' ? 1 : layer.checkpoints === 'grid' ? checkpointGrid : null;
  return {
    kind: 'mamba',
    block_size: sizes.mambaBlockSize,
    shapes: layer.state.shapes,
    dtypes: layer.state.dtypes,
    page_size_padded: sizes.mambaPagePadded,
    mamba_type: layer.state.mambaType,
    mamba_cache_mode: run.mambaCacheMode,
    num_speculative_blocks: run.numSpeculativeTokens,
    num_prefill_checkpoint_blocks: checkpoint === null ? 0 : 1,
    prefill_checkpoint_alignment: checkpoint,
  };
}

/** Blocks larger than every fixed kernel size are split, so packed blocks keep them whole. */
function customize(
  layer: DeclaredLayer,
  spec: LayerSpecRecord,
  context: BackendContext,
): LayerSpecRecord {
  const customized = layer.backend.customizeSpec(spec, context);
  const sizes = layer.backend.kernelBlockSizes(customized, context);
  const fixed = sizes.filter((size) => typeof size === 'number');
  if (customized.block_stride_alignment != null || fixed.length === 0) return customized;
  if (fixed.length !== sizes.length) return customized;
  return { ...customized, block_stride_alignment: { multiple_of: Math.max(...fixed) } };
}

const DEFAULTS: Readonly<Record<string, unknown>> = {
  kv_quant_mode: 'none',
  mamba_type: 'mamba2',
  num_speculative_blocks: 0,
  num_prefill_checkpoint_blocks: 0,
  is_index_group_leader: false,
  tokens_per_state: 1,
  cache_role: 'sparse',
};

function withoutDefaults(spec: LayerSpecRecord): LayerSpecRecord {
  const entries = Object.entries(spec).filter(
    ([key, value]) => value !== null && value !== undefined && DEFAULTS[key] !== value,
  );
  // The kept entries are a subset of a valid record's, and the required ones have no default.
  return Object.fromEntries(entries) as unknown as LayerSpecRecord;
}
