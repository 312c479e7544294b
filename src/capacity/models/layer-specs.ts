/**
 * One declared layer to its spec, as the layer class and its backend report it.
 * Source: get_kv_cache_spec of vllm/model_executor/layers/attention/{attention,mla_attention,chunked_local_attention,
 * cross_attention}.py and mamba/*.py; vllm/v1/worker/utils.py customize_attention_spec (0.33.0).
 */

import { createSpec } from '../spec/create-spec.ts';
import { cacheElementType, kvQuantMode } from '../spec/dtypes.ts';
import type { AttentionSpec, KVCacheSpec } from '../spec/spec.ts';
import { numHeads, stateContentSizeBytes } from '../spec/spec-size.ts';
import type { BackendContext, KernelBlockSize } from './attention/backend.ts';
import type { CacheSizes, SizingContext } from './cache-sizes.ts';
import type { AttentionLayer, DeclaredLayer, MlaLayer, StateLayer } from './layers.ts';

/** Bytes per token of the packed MLA layouts. Source: mla_attention.py MLAAttention.get_kv_cache_spec. */
const PACKED_MLA_BYTES: Readonly<Record<string, number>> = {
  fp8_ds_mla: 656,
  nvfp4_ds_mla: 352,
};

/** The layer's spec, or null for a layer without a cache of its own. */
export function layerSpec(
  layer: DeclaredLayer,
  sizes: CacheSizes,
  context: SizingContext,
  checkpointGrid: number | null,
): KVCacheSpec | null {
  const spec = rawSpec(layer, sizes, context, checkpointGrid);
  if (spec === null) return null;
  const customized = spec.kind === 'mamba' ? spec : customize(layer, spec, context.backends);
  return layer.isDraft ? { ...customized, isDraft: true } : customized;
}

function rawSpec(
  layer: DeclaredLayer,
  sizes: CacheSizes,
  context: SizingContext,
  checkpointGrid: number | null,
): KVCacheSpec | null {
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
): AttentionSpec | null {
  if (layer.sharesCache) return null;
  if (layer.attnType === 'encoder' || layer.attnType === 'encoder_only') return null;
  const common = {
    numKvHeads: layer.numKvHeads,
    headSize: layer.headSize,
    headSizeV: layer.headSizeV,
    dtype: cacheElementType(layer.cacheDtype, context.model.dtype),
    kvQuantMode: kvQuantMode(layer.cacheDtype),
  };
  const { blockSize } = sizes;
  if (layer.attnType === 'encoder_decoder') {
    return createSpec({ kind: 'cross_attention', blockSize, ...common });
  }
  const { attentionChunkSize, slidingWindow } = layer;
  if (attentionChunkSize !== null) {
    return createSpec({
      kind: 'chunked_local_attention',
      blockSize,
      ...common,
      attentionChunkSize,
    });
  }
  if (slidingWindow === null) {
    const { nonCausal } = layer;
    return createSpec({ kind: 'full_attention', blockSize, ...common, nonCausal });
  }
  const probe = createSpec({ kind: 'sliding_window', blockSize: 1, ...common, slidingWindow });
  return {
    ...probe,
    blockSize: slidingBlockSize(layer, probe, sizes, context.backends),
    pageSizePadded: sizes.skipPagePadded,
  };
}

/** The largest kernel block whose page fits the shared page or the primary block. Source: _largest_kernel_block_within. */
function slidingBlockSize(
  layer: AttentionLayer,
  probe: AttentionSpec,
  sizes: CacheSizes,
  context: BackendContext,
): number {
  const spec = layer.backend.customizeSpec(probe, context);
  const tokenBytes = numHeads(spec) * stateContentSizeBytes(spec);
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
  const base = size.multipleOf;
  return Math.max(base, Math.floor(most / base) * base);
}

function mlaSpec(layer: MlaLayer, blockSize: number, modelDtype: string): AttentionSpec {
  return createSpec({
    kind: 'mla_attention',
    blockSize,
    maxTpShards: 1,
    numKvHeads: 1,
    headSize: layer.headSize,
    dtype: cacheElementType(layer.cacheDtype, modelDtype),
    cacheDtypeStr: layer.cacheDtype,
    kvQuantMode: kvQuantMode(layer.cacheDtype),
    stateContentBytes: PACKED_MLA_BYTES[layer.cacheDtype] ?? null,
    topkBufferWidth: layer.topkBufferWidth,
    isIndexGroupLeader: layer.isIndexGroupLeader,
  });
}

function stateSpec(
  layer: StateLayer,
  sizes: CacheSizes,
  context: SizingContext,
  checkpointGrid: number | null,
): KVCacheSpec {
  const { run } = context;
  const checkpoint =
    layer.checkpoints === 'any' ? 1 : layer.checkpoints === 'grid' ? checkpointGrid : null;
  return createSpec({
    kind: 'mamba',
    blockSize: sizes.mambaBlockSize,
    shapes: layer.state.shapes,
    dtypes: layer.state.dtypes,
    pageSizePadded: sizes.mambaPagePadded,
    mambaType: layer.state.mambaType,
    mambaCacheMode: run.mambaCacheMode,
    numSpeculativeBlocks: run.numSpeculativeTokens,
    numPrefillCheckpointBlocks: checkpoint === null ? 0 : 1,
    prefillCheckpointAlignment: checkpoint,
  });
}

/** Blocks larger than every fixed kernel size are split, so packed blocks keep them whole. */
function customize(
  layer: DeclaredLayer,
  spec: AttentionSpec,
  context: BackendContext,
): AttentionSpec {
  const customized = layer.backend.customizeSpec(spec, context);
  const sizes = layer.backend.kernelBlockSizes(customized, context);
  const fixed = sizes.filter((size) => typeof size === 'number');
  if (customized.blockStrideAlignment !== null || fixed.length === 0) return customized;
  if (fixed.length !== sizes.length) return customized;
  return { ...customized, blockStrideAlignment: { multipleOf: Math.max(...fixed) } };
}
