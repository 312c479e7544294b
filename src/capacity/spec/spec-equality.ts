/**
 * When two specs are equal, when specs merge into one, and when layers are of one uniform type.
 * Source: vllm/v1/kv_cache_interface.py: dataclass equality, the `merge` class methods,
 * is_uniform_with_collection, UniformTypeKVCacheSpecs.is_uniform_type (0.33.0).
 */
import { toFullAttention } from './create-spec.ts';
import { PlanRuleError, planAssert, valueError } from './rule-error.ts';
import type {
  FullAttentionSpec,
  HiddenStateCacheSpec,
  KVCacheSpec,
  MLAAttentionSpec,
  RSWASpec,
  SinkFullAttentionSpec,
  SlidingWindowMLASpec,
  SlidingWindowSpec,
  TokensPerState,
} from './spec.ts';
import { pageSizeBytes } from './spec-size.ts';
import { isFullAttention } from './spec-traits.ts';

export type FullFamilySpec =
  | FullAttentionSpec
  | MLAAttentionSpec
  | HiddenStateCacheSpec
  | SinkFullAttentionSpec
  | RSWASpec;
export type MLAFamilySpec = MLAAttentionSpec | HiddenStateCacheSpec;
export type SlidingWindowFamilySpec = SlidingWindowSpec | SlidingWindowMLASpec;

export function isFullFamily(spec: KVCacheSpec): spec is FullFamilySpec {
  return isFullAttention(spec);
}

export function isMLAFamily(spec: KVCacheSpec): spec is MLAFamilySpec {
  return spec.kind === 'mla_attention' || spec.kind === 'hidden_state_cache';
}

export function isSlidingWindowFamily(spec: KVCacheSpec): spec is SlidingWindowFamilySpec {
  return spec.kind === 'sliding_window' || spec.kind === 'sliding_window_mla';
}

/** A text that is the same for specs that vLLM calls equal: same class, same fields, `isDraft` left out. */
export function equalityKey(spec: KVCacheSpec): string {
  const fields = Object.entries(spec).filter(([name]) => name !== 'isDraft');
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(fields, (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'denominator' in value
      ? fractionKey(value as TokensPerState)
      : value,
  );
}

/** A whole fraction equals its integer. */
function fractionKey(value: TokensPerState): unknown {
  return typeof value === 'object' && value.denominator === 1 ? value.numerator : value;
}

export function areSpecsEqual(a: KVCacheSpec, b: KVCacheSpec): boolean {
  return a === b || equalityKey(a) === equalityKey(b);
}

/**
 * One spec for layers that share a block table. The class of the first decides the rule.
 * Throws AssertionError or ValueError where they do not fit together. Never empty.
 */
export function mergeSpecs(specs: readonly KVCacheSpec[]): KVCacheSpec {
  const first = specs[0];
  planAssert(first !== undefined);
  switch (first.kind) {
    case 'full_attention':
      return mergeFull(specs);
    case 'sink_full_attention':
      return mergeSink(first, specs);
    case 'rswa':
      return mergeRSWA(specs);
    case 'mla_attention':
    case 'hidden_state_cache':
      return mergeMLA(first.kind, specs);
    case 'sliding_window_mla':
      return mergeSlidingWindowMLA(specs);
    default: {
      const key = equalityKey(first);
      planAssert(
        specs.every((spec) => spec === first || equalityKey(spec) === key),
        'All layers in the same KV cache group must be the same.',
      );
      return first;
    }
  }
}

const SAME_ATTENTION_SPEC =
  'All attention layers in the same KV cache group must have the same attention spec.';

/** The attention fields that every merge of the full family compares. */
function attentionKey(spec: FullFamilySpec): string {
  return JSON.stringify([
    spec.blockSize,
    spec.dcpSharded,
    spec.blockStrideAlignment,
    spec.maxTpShards,
    spec.numKvHeads,
    spec.headSize,
    spec.dtype,
    spec.headSizeV,
    spec.kvQuantMode,
    spec.pageSizePadded,
    spec.numHeadSlots,
    spec.stateContentBytes,
    fractionKey(spec.tokensPerState),
  ]);
}

function uniqueWindow(windows: readonly (number | null)[]): number | null {
  const distinct = new Set(windows.filter((window) => window !== null));
  if (distinct.size > 1) {
    throw valueError(
      'All attention layers in the same KV cache group must have the same window size.',
    );
  }
  return [...distinct][0] ?? null;
}

function asFullFamily(specs: readonly KVCacheSpec[]): readonly FullFamilySpec[] {
  planAssert(
    specs.every(isFullFamily),
    'All attention layers in the same KV cache group must be FullAttentionSpec.',
  );
  return specs as readonly FullFamilySpec[];
}

function mergeFull(specs: readonly KVCacheSpec[]): FullAttentionSpec {
  return mergeFullFields(asFullFamily(specs), (first) => first.tokensPerState);
}

function mergeFullFields(
  specs: readonly FullFamilySpec[],
  tokensPerState: (first: FullFamilySpec) => TokensPerState,
): FullAttentionSpec {
  planAssert(
    !specs.some(isMLAFamily),
    'MLAAttentionSpec should be merged in MLAAttentionSpec.merge',
  );
  const first = specs[0];
  planAssert(first !== undefined);
  const merged = toFullAttention(first, {
    isDraft: false,
    tokensPerState: tokensPerState(first),
    slidingWindow: uniqueWindow(specs.map((spec) => spec.slidingWindow)),
    attentionChunkSize: uniqueWindow(specs.map((spec) => spec.attentionChunkSize)),
    nonCausal: specs.some((spec) => spec.nonCausal),
  });
  const key = attentionKey(merged);
  planAssert(
    specs.every((spec) => attentionKey(spec) === key),
    SAME_ATTENTION_SPEC,
  );
  planAssert(
    merged.slidingWindow === null || merged.attentionChunkSize === null,
    'Model with both sliding window layers and chunked local attention layers is not supported.',
  );
  return merged;
}

/** Sink attention does not hand on tokens_per_state: a value other than 1 never merges. */
function mergeSink(
  first: SinkFullAttentionSpec,
  specs: readonly KVCacheSpec[],
): SinkFullAttentionSpec {
  const merged = mergeFullFields(asFullFamily(specs), () => 1);
  return { ...merged, kind: 'sink_full_attention', sinkLen: first.sinkLen };
}

function mergeRSWA(specs: readonly KVCacheSpec[]): RSWASpec {
  const layers = specs.filter((spec) => spec.kind === 'rswa');
  planAssert(
    layers.length === specs.length,
    'All attention layers in the same KV cache group must be RSWASpec.',
  );
  const windows = new Set(layers.map((spec) => spec.rswaWindow));
  planAssert(
    windows.size === 1,
    `All R-SWA layers must share the same rswa_window, got {${[...windows].join(', ')}}`,
  );
  const [first] = layers;
  planAssert(first !== undefined);
  return { ...mergeFull(specs), kind: 'rswa', rswaWindow: first.rswaWindow };
}

/** The merged spec keeps neither alignment nor window labels: they have done their work on the page size. */
function mergeMLA(kind: MLAFamilySpec['kind'], specs: readonly KVCacheSpec[]): MLAFamilySpec {
  const layers = specs.filter(isMLAFamily);
  planAssert(
    layers.length === specs.length,
    'All attention layers in the same KV cache group must be MLAAttentionSpec.',
  );
  const labels = new Set(
    layers.map((spec) =>
      JSON.stringify([
        spec.cacheDtypeStr,
        spec.topkBufferWidth,
        fractionKey(spec.tokensPerState),
        spec.modelVersion,
        spec.cacheRole,
        spec.isIndexGroupLeader,
        spec.blockStrideAlignment,
      ]),
    ),
  );
  planAssert(
    labels.size === 1,
    'All attention layers in the same KV cache group must use the same quantization method, top-k buffer width, ' +
      'tokens per state, model version, cache role, index-sharing role, and block stride alignment.',
  );
  const first = layers[0];
  planAssert(first !== undefined);
  const merged: MLAFamilySpec = {
    ...first,
    kind,
    isDraft: false,
    headSizeV: 0,
    slidingWindow: null,
    attentionChunkSize: null,
    nonCausal: false,
    alignment: null,
    nonCausalMultiTokenDecode: layers.some((spec) => spec.nonCausalMultiTokenDecode),
  };
  const key = attentionKey(merged);
  planAssert(
    layers.every((spec) => attentionKey(spec) === key),
    SAME_ATTENTION_SPEC,
  );
  return merged;
}

/** Compares labels and window only, not the page: the first layer's sizes stand for all, as in vLLM. */
function mergeSlidingWindowMLA(specs: readonly KVCacheSpec[]): SlidingWindowMLASpec {
  const layers = specs.filter((spec) => spec.kind === 'sliding_window_mla');
  planAssert(
    layers.length === specs.length,
    'All attention layers in the same KV cache group must be SlidingWindowMLASpec.',
  );
  planAssert(new Set(layers.map((spec) => spec.dcpSharded)).size === 1);
  planAssert(new Set(layers.map((spec) => spec.maxTpShards)).size === 1);
  const labels = new Set(
    layers.map((spec) =>
      JSON.stringify([
        spec.cacheDtypeStr,
        fractionKey(spec.tokensPerState),
        spec.modelVersion,
        spec.slidingWindow,
        spec.extraRetainedTokens,
        spec.boundedReplay,
        spec.blockStrideAlignment,
      ]),
    ),
  );
  planAssert(
    labels.size === 1,
    'All attention layers in the same KV cache group must use the same quantization method, tokens per state, model ' +
      'version, sliding window size, retained token count, and replay policy.',
  );
  const first = layers[0];
  planAssert(first !== undefined);
  return { ...first, isDraft: false, headSizeV: 0, kvQuantMode: 'none', alignment: null };
}

/** Whether all layers merge into one spec. A ValueError (two distinct windows) is not caught, as in vLLM. */
export function canMergeSpecs(specs: readonly KVCacheSpec[]): boolean {
  if (specs.length === 0) return true;
  try {
    mergeSpecs(specs);
    return true;
  } catch (error) {
    if (error instanceof PlanRuleError && error.errorType === 'AssertionError') return false;
    throw error;
  }
}

/** Whether layers need the same number of token slots, whatever their page sizes: one block table serves them all. */
export function isUniformType(specs: readonly KVCacheSpec[]): boolean {
  const first = specs[0];
  if (first === undefined) throw new PlanRuleError('StopIteration', '');
  return (
    specs.every(
      (spec) => spec.blockSize === first.blockSize && spec.dcpSharded === first.dcpSharded,
    ) && specs.every((spec) => isUniformWith(first, spec))
  );
}

/** One pair of is_uniform_with_collection: `first` decides what counts. */
export function isUniformWith(first: KVCacheSpec, spec: KVCacheSpec): boolean {
  switch (first.kind) {
    case 'sliding_window':
      return isSlidingWindowFamily(spec) && spec.slidingWindow === first.slidingWindow;
    case 'sliding_window_mla':
      return (
        spec.kind === 'sliding_window_mla' &&
        spec.slidingWindow === first.slidingWindow &&
        spec.boundedReplay === first.boundedReplay
      );
    case 'chunked_local_attention':
      return (
        spec.kind === 'chunked_local_attention' &&
        spec.attentionChunkSize === first.attentionChunkSize
      );
    case 'mamba':
      return (
        spec.kind === 'mamba' &&
        spec.numSpeculativeBlocks === first.numSpeculativeBlocks &&
        spec.numPrefillCheckpointBlocks === first.numPrefillCheckpointBlocks &&
        spec.prefillCheckpointAlignment === first.prefillCheckpointAlignment &&
        pageSizeBytes(spec) === pageSizeBytes(first) &&
        spec.tpReplicated === first.tpReplicated
      );
    case 'cross_attention':
    case 'circular_buffer':
    case 'encoder_only_attention':
      return spec.kind === first.kind;
    default:
      return isFullFamily(spec);
  }
}
