/**
 * How large one block of one layer is, and how many blocks one request can hold of it.
 * Source: vllm/v1/kv_cache_interface.py, the size properties of KVCacheSpec and its subclasses (0.33.0).
 */
import { cdiv, gcd, roundUp } from '../../shared/integers.ts';
import type { PlannerConfigRecord } from '../file/capacity-input.ts';
import { exactProduct, nonZeroDivisor, planAssert } from '../plan/plan-error.ts';
import type { AttentionSpec, KVCacheSpec, MambaSpec, TokensPerState } from './spec.ts';
import { isFullAttention, maxAdmissionBlocksPerRequest } from './spec-traits.ts';

/** Bytes per element of torch's dtypes; null for a name that torch does not know. */
export function dtypeSize(dtype: string): number | null {
  switch (dtype) {
    case 'uint8':
    case 'int8':
    case 'bool':
    case 'float8_e4m3fn':
    case 'float8_e4m3fnuz':
    case 'float8_e5m2':
    case 'float8_e5m2fnuz':
    case 'float8_e8m0fnu':
    case 'float4_e2m1fn_x2':
      return 1;
    case 'bfloat16':
    case 'float16':
    case 'half':
    case 'int16':
    case 'uint16':
      return 2;
    case 'float32':
    case 'float':
    case 'int32':
    case 'int':
    case 'uint32':
      return 4;
    case 'float64':
    case 'double':
    case 'int64':
    case 'long':
    case 'uint64':
    case 'complex64':
      return 8;
    case 'complex128':
      return 16;
    default:
      return null;
  }
}

function knownDtypeSize(dtype: string): number {
  const size = dtypeSize(dtype);
  planAssert(size !== null, `unknown dtype ${dtype}`);
  return size;
}

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
  return exactProduct(spec.headSize + spec.headSizeV, knownDtypeSize(spec.dtype));
}

function mambaStateBytes(spec: MambaSpec): number {
  return spec.shapes
    .slice(0, spec.dtypes.length)
    .reduce(
      (sum, shape, i) => sum + exactProduct(...shape, knownDtypeSize(spec.dtypes[i] ?? '')),
      0,
    );
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
export type RequestLimits = Pick<
  PlannerConfigRecord,
  | 'max_in_flight_tokens'
  | 'max_num_encoder_input_tokens'
  | 'mamba_cache_mode'
  | 'decode_context_parallel_size'
> & { readonly maxModelLen: number };

/**
 * The most blocks one request of maxModelLen tokens can hold of a layer at a time.
 * Throws AssertionError for a sliding window that decode-context parallelism shards.
 */
export function maxBlocksPerRequest(spec: KVCacheSpec, limits: RequestLimits): number {
  const { maxModelLen, decode_context_parallel_size: dcp } = limits;
  switch (spec.kind) {
    case 'sliding_window':
    case 'sliding_window_mla':
      planAssert(!spec.dcpSharded || dcp === 1, 'DCP not support sliding window.');
      return maxAdmissionBlocks(spec, limits);
    case 'chunked_local_attention':
      return maxAdmissionBlocks(spec, limits);
    case 'mamba':
      return limits.mamba_cache_mode === 'align'
        ? 2 + spec.numSpeculativeBlocks + spec.numPrefillCheckpointBlocks
        : 1 + spec.numSpeculativeBlocks;
    case 'cross_attention':
      return cdiv(limits.max_num_encoder_input_tokens, spec.blockSize);
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

function maxAdmissionBlocks(
  spec: Extract<AttentionSpec, { slidingWindow: number } | { kind: 'chunked_local_attention' }>,
  limits: RequestLimits,
): number {
  return maxAdmissionBlocksPerRequest(spec, {
    maxInFlightTokens: limits.max_in_flight_tokens,
    maxModelLen: limits.maxModelLen,
  });
}

/** The most bytes one request can hold of a layer at a time. */
export function maxMemoryUsageBytes(spec: KVCacheSpec, limits: RequestLimits): number {
  return exactProduct(maxBlocksPerRequest(spec, limits), pageSizeBytes(spec));
}
