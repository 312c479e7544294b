/**
 * How large one block of one layer is, and how many blocks one request can hold of it.
 * Source: vllm/v1/kv_cache_interface.py, the size properties of KVCacheSpec and its subclasses (0.33.0).
 */
import { cdiv, gcd, roundUp } from '../../shared/integers.ts';
import { dtypeBytes } from './dtypes.ts';
import { exactProduct, nonZeroDivisor, planAssert } from './rule-error.ts';
import type { KVCacheSpec, MambaSpec, TokensPerState } from './spec.ts';
import { isFullAttention, maxAdmissionBlocksPerRequest } from './spec-traits.ts';

/** Head slots of a page: one per KV head unless the backend packs otherwise. A Mamba state counts as one. */
export function numHeads(spec: KVCacheSpec): number {
  return spec.kind === 'mamba' ? 1 : (spec.numHeadSlots ?? spec.numKvHeads);
}

/** Stored states of one block. */
export function numStates(spec: KVCacheSpec): number {
  return spec.kind === 'mamba' ? 1 : statesForTokens(spec.blockSize, spec.tokensPerState);
}

function statesForTokens(tokens: number, tokensPerState: TokensPerState): number {
  if (typeof tokensPerState === 'number') {
    return tokensPerState > 0 ? Math.floor(tokens / tokensPerState) : 1;
  }
  const { numerator, denominator } = tokensPerState;
  return numerator > 0 ? Math.floor((tokens * denominator) / numerator) : 1;
}

/** Bytes of one cell: one head slot of one state. */
export function stateContentSizeBytes(spec: KVCacheSpec): number {
  if (spec.kind === 'mamba') return mambaStateBytes(spec);
  if (spec.stateContentBytes !== null) return spec.stateContentBytes;
  return exactProduct(spec.headSize + spec.headSizeV, dtypeBytes(spec.dtype));
}

function mambaStateBytes(spec: MambaSpec): number {
  return spec.shapes
    .slice(0, spec.dtypes.length)
    .reduce((sum, shape, i) => sum + exactProduct(...shape, dtypeBytes(spec.dtypes[i] ?? '')), 0);
}

export function unpaddedPageSizeBytes(spec: KVCacheSpec): number {
  if (spec.kind === 'mamba') return mambaStateBytes(spec);
  return exactProduct(numHeads(spec), numStates(spec), stateContentSizeBytes(spec));
}

/** Bytes of one block of one layer. Throws AssertionError where the padding is smaller than the content. */
export function pageSizeBytes(spec: KVCacheSpec): number {
  const unpadded = unpaddedPageSizeBytes(spec);
  if (spec.pageSizePadded === null) return unpadded;
  planAssert(spec.pageSizePadded >= unpadded);
  return spec.pageSizePadded;
}

/**
 * The spec with other field values, built anew: a spec with an `alignment` pads its page again, as vLLM's
 * `dataclasses.replace` does by way of `__post_init__`.
 */
export function replaceSpec<Spec extends KVCacheSpec>(spec: Spec, changes: Partial<Spec>): Spec {
  return withAlignmentPadding({ ...spec, ...changes });
}

/** Source: _apply_alignment_padding. A page that is aligned already keeps the padding it has. */
export function withAlignmentPadding<Spec extends KVCacheSpec>(spec: Spec): Spec {
  if (!('alignment' in spec) || spec.alignment === null) return spec;
  const natural = unpaddedPageSizeBytes(spec);
  const padded = roundUp(natural, spec.alignment);
  return padded === natural ? spec : { ...spec, pageSizePadded: padded };
}

/** Bytes that the stride between two blocks must be a multiple of. */
export function blockStrideAlignmentBytes(spec: KVCacheSpec): number {
  const alignment = spec.blockStrideAlignment;
  if (alignment === null || typeof alignment === 'number') return alignment ?? 1;
  const kernelBlockSize = gcd(alignment.multipleOf, spec.blockSize);
  if (kernelBlockSize === spec.blockSize) return 1;
  return pageSizeBytes(replaceSpec<KVCacheSpec>(spec, { blockSize: kernelBlockSize }));
}

/** Bytes of a block where each layer has its own region: the page, padded to its alignment. */
export function layerBlockStride(spec: KVCacheSpec): number {
  return roundUp(pageSizeBytes(spec), nonZeroDivisor(blockStrideAlignmentBytes(spec)));
}

/** The numbers that decide how much one request can hold. */
export interface RequestLimits {
  readonly maxModelLen: number;
  /** Tokens of all batches that can be scheduled and not yet finished at a time. */
  readonly maxInFlightTokens: number;
  readonly maxNumEncoderInputTokens: number;
  readonly mambaCacheMode: string;
  readonly decodeContextParallelSize: number;
}

/**
 * The most blocks one request of maxModelLen tokens can hold of a layer at a time.
 * Throws AssertionError for a sliding window that decode-context parallelism shards.
 */
export function maxBlocksPerRequest(spec: KVCacheSpec, limits: RequestLimits): number {
  const { maxModelLen, decodeContextParallelSize: dcp } = limits;
  switch (spec.kind) {
    case 'sliding_window':
    case 'sliding_window_mla':
      planAssert(!spec.dcpSharded || dcp === 1, 'DCP not support sliding window.');
      return maxAdmissionBlocksPerRequest(spec, limits);
    case 'chunked_local_attention':
      return maxAdmissionBlocksPerRequest(spec, limits);
    case 'mamba':
      return limits.mambaCacheMode === 'align'
        ? 2 + spec.numSpeculativeBlocks + spec.numPrefillCheckpointBlocks
        : 1 + spec.numSpeculativeBlocks;
    case 'cross_attention':
      return cdiv(limits.maxNumEncoderInputTokens, spec.blockSize);
    case 'circular_buffer':
      return 1;
    case 'encoder_only_attention':
      return 0;
    default:
      planAssert(isFullAttention(spec));
      return cdiv(
        spec.dcpSharded && dcp > 1 ? cdiv(maxModelLen, dcp) : maxModelLen,
        spec.blockSize,
      );
  }
}

/** The most bytes one request can hold of a layer at a time. */
export function maxMemoryUsageBytes(spec: KVCacheSpec, limits: RequestLimits): number {
  return exactProduct(maxBlocksPerRequest(spec, limits), pageSizeBytes(spec));
}
