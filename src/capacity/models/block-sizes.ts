/**
 * From declared layers to specs: the block size that every backend takes, its alignment to the states of hybrid models and to
 * unquantized layers beside quantized ones, and then one spec per layer.
 * Source: vllm/platforms/interface.py update_block_size_for_backend, vllm/v1/worker/gpu/attn_utils.py get_kv_cache_spec,
 * vllm/model_executor/layers/attention/*.py, vllm/model_executor/layers/mamba/abstract.py (0.33.0).
 */
import { ConfigError } from '../../shared/errors.ts';
import { cdiv, lcm } from '../../shared/integers.ts';
import { createSpec } from '../spec/create-spec.ts';
import { cacheElementType, dtypeBytes, kvQuantMode } from '../spec/dtypes.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import { unpaddedPageSizeBytes } from '../spec/spec-size.ts';
import {
  type AttentionBackend,
  type BackendContext,
  blockSizeBase,
  supportsBlockSize,
} from './attention/backend.ts';
import type { CacheSizes, SizingContext } from './cache-sizes.ts';
import { layerSpec } from './layer-specs.ts';
import type { DeclaredLayer } from './layers.ts';
import type { StateShape } from './run-config.ts';

export const DEFAULT_BLOCK_SIZE = 16;
/** FlashInfer's GDN prefill emits states at this grid. Source: gdn_attn.py FLASHINFER_GDN_CHECKPOINT_ALIGNMENT. */
const GDN_CHECKPOINT_ALIGNMENT = 64;

/** One spec per layer that has a cache, in layer order. */
export function stageSpecs(
  layers: readonly DeclaredLayer[],
  sizes: CacheSizes,
  context: SizingContext,
): { name: string; spec: KVCacheSpec }[] {
  const grid = checkpointGrid(layers, sizes, context);
  const specs: { name: string; spec: KVCacheSpec }[] = [];
  for (const layer of layers) {
    const spec = layerSpec(layer, sizes, context, grid);
    if (spec !== null) specs.push({ name: layer.name, spec });
  }
  return specs;
}

/** Source: vllm/model_executor/layers/mamba/abstract.py get_mamba_prefill_checkpoint_grid. */
function checkpointGrid(
  layers: readonly DeclaredLayer[],
  sizes: CacheSizes,
  context: SizingContext,
): number | null {
  const alignment = checkpointAlignment(layers);
  if (alignment === null) return null;
  return context.prefixMatchUnit === null
    ? sizes.mambaBlockSize
    : lcm(context.prefixMatchUnit, alignment);
}

/** Null unless every state layer keeps its checkpoints on a grid. */
function checkpointAlignment(layers: readonly DeclaredLayer[]): number | null {
  let alignment = 1;
  for (const layer of layers) {
    if (layer.type !== 'state') continue;
    if (layer.checkpoints !== 'grid') return null;
    alignment = lcm(alignment, GDN_CHECKPOINT_ALIGNMENT);
  }
  return alignment;
}

/** Source: vllm/platforms/interface.py update_block_size_for_backend. */
export function resolveCacheSizes(
  layers: readonly DeclaredLayer[],
  initial: CacheSizes,
  context: SizingContext,
): CacheSizes {
  const backends = distinctBackends(layers).filter((backend) => !backend.isSsm);
  const [first] = backends;
  if (first === undefined) return initial;
  let sizes = initial;
  if (context.backends.userBlockSize === null) {
    sizes = { ...sizes, blockSize: preferredBlockSize(backends, context.backends) };
  }
  const before = sizes.blockSize;
  if (context.model.isHybrid) sizes = alignToStates(layers, backends, sizes, context);
  if (context.run.skipLayers.length > 0) sizes = alignToSkippedLayers(first, sizes, context);
  if (sizes.blockSize !== before) checkAlignedBlockSize(backends, sizes.blockSize, context);
  return sizes;
}

export function distinctBackends(layers: readonly DeclaredLayer[]): AttentionBackend[] {
  const byClass = new Map<string, AttentionBackend>();
  for (const { backend } of layers) {
    if (!byClass.has(backend.className)) byClass.set(backend.className, backend);
  }
  return [...byClass.values()];
}

/** The smallest size that every backend accepts. Source: _preferred_block_size_for_backends. */
function preferredBlockSize(
  backends: readonly AttentionBackend[],
  context: BackendContext,
): number {
  const [only] = backends;
  if (backends.length === 1 && only !== undefined) {
    return only.preferredBlockSize(DEFAULT_BLOCK_SIZE, context);
  }
  const allTake = (size: number): boolean =>
    backends.every((backend) => supportsBlockSize(backend, size, context));
  if (allTake(DEFAULT_BLOCK_SIZE)) return DEFAULT_BLOCK_SIZE;
  let candidates = [1];
  for (const backend of backends) {
    const sizes = backend.kernelBlockSizes(null, context).map(blockSizeBase);
    const choices = sizes.length === 0 ? [1] : sizes;
    candidates = candidates.flatMap((candidate) => choices.map((size) => lcm(candidate, size)));
  }
  const found = [...new Set(candidates)].sort((a, b) => a - b).find(allTake);
  if (found === undefined) {
    const names = backends.map(({ name }) => name).join(', ');
    throw new ConfigError(
      'E_BAD_FLAG',
      `The attention backends share no supported KV cache block size (${names}).`,
    );
  }
  return found;
}

function smallestKernelBlock(backend: AttentionBackend, context: BackendContext): number | null {
  const sizes = backend.kernelBlockSizes(null, context).map(blockSizeBase);
  return sizes.length === 0 ? null : Math.min(...sizes);
}

/** Bytes of a state on this rank before padding. */
function statePageBytes(state: StateShape): number {
  return state.shapes.reduce((sum, shape, index) => {
    const elements = shape.reduce((product, size) => product * size, 1);
    return sum + elements * dtypeBytes(state.dtypes[index] ?? 'bfloat16');
  }, 0);
}

/** Bytes that one token takes in one attention layer, packed as the backend packs it. */
function bytesPerToken(
  backend: AttentionBackend,
  cacheDtype: string,
  context: SizingContext,
): number {
  const { model, run } = context;
  const dtype = cacheElementType(cacheDtype, model.dtype);
  if (model.useMla) return model.headSize * dtypeBytes(dtype);
  const heads = Math.max(1, Math.floor(model.totalNumKvHeads / run.tensorParallelSize));
  const oneToken = createSpec({
    kind: 'full_attention',
    blockSize: 1,
    numKvHeads: heads,
    headSize: model.headSize,
    dtype,
    kvQuantMode: kvQuantMode(cacheDtype),
  });
  return unpaddedPageSizeBytes(backend.customizeSpec(oneToken, context.backends));
}

/** Blocks long enough that a page of keys covers a state, which is then padded to it. Source: _align_hybrid_block_size. */
function alignToStates(
  layers: readonly DeclaredLayer[],
  backends: readonly AttentionBackend[],
  sizes: CacheSizes,
  context: SizingContext,
): CacheSizes {
  const [first] = backends;
  if (first === undefined || context.state === null) return sizes;
  const tokenBytes = bytesPerToken(first, context.cacheDtype, context);
  const statePage = statePageBytes(context.state);
  if (statePage === 0) return sizes;
  const isAlign = context.run.mambaCacheMode === 'align';
  let alignment = Math.max(smallestKernelBlock(first, context.backends) ?? 1, sizes.blockSize);
  if (context.model.useMla) alignment = Math.max(alignment, 128);
  if (isAlign) alignment = lcm(alignment, checkpointAlignment(layers) ?? 1);
  const shared = backends
    .map((backend) => smallestKernelBlock(backend, context.backends))
    .reduce<number>((all, size) => lcm(all, size ?? 1), 1);
  const wanted = alignment * cdiv(statePage, alignment * tokenBytes);
  const blockSize = Math.max(sizes.blockSize, shared * cdiv(wanted, shared));
  const page = blockSize * tokenBytes;
  return {
    ...sizes,
    blockSize,
    mambaBlockSize: isAlign ? blockSize : sizes.mambaBlockSize,
    mambaPagePadded: page === statePage ? sizes.mambaPagePadded : page,
  };
}

/** Blocks long enough that a quantized page covers an unquantized one. Source: _align_heterogeneous_kv_block_size. */
function alignToSkippedLayers(
  backend: AttentionBackend,
  sizes: CacheSizes,
  context: SizingContext,
): CacheSizes {
  const primary = bytesPerToken(backend, context.cacheDtype, context);
  const padded = bytesPerToken(backend, 'auto', context);
  if (padded === primary) return sizes;
  const smallest = smallestKernelBlock(backend, context.backends) ?? 1;
  const alignment = Math.max(smallest, sizes.blockSize);
  const required = Math.max(padded * smallest, sizes.mambaPagePadded ?? 0);
  const wanted = alignment * cdiv(required, alignment * primary);
  const blockSize = Math.max(sizes.blockSize, wanted);
  const page = blockSize * primary;
  return {
    ...sizes,
    blockSize,
    skipPagePadded: page,
    mambaPagePadded: sizes.mambaPagePadded === null ? null : page,
  };
}

function checkAlignedBlockSize(
  backends: readonly AttentionBackend[],
  blockSize: number,
  context: SizingContext,
): void {
  const rejecting = backends
    .filter((backend) => !supportsBlockSize(backend, blockSize, context.backends))
    .map(({ name }) => name);
  if (rejecting.length > 0) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `Aligned KV cache block size ${blockSize} is not supported by attention backend(s): ${rejecting.join(', ')}.`,
    );
  }
}
