/**
 * Makes specs: what a caller leaves out has the default of vLLM's dataclass, written here once for all readers and writers.
 * Source: the dataclass fields of vllm/v1/kv_cache_interface.py (0.33.0).
 */
import type {
  AttentionSpec,
  FullAttentionSpec,
  KVCacheSpec,
  KVCacheSpecKind,
  SpecOfKind,
} from './spec.ts';
import { withAlignmentPadding } from './spec-size.ts';

const BASE = { dcpSharded: true, blockStrideAlignment: null, isDraft: false } as const;

const ATTENTION = {
  ...BASE,
  kvQuantMode: 'none',
  pageSizePadded: null,
  numHeadSlots: null,
  stateContentBytes: null,
  tokensPerState: 1,
  maxTpShards: null,
} as const;

const FULL = {
  ...ATTENTION,
  slidingWindow: null,
  attentionChunkSize: null,
  nonCausal: false,
} as const;

const MLA = {
  ...FULL,
  cacheDtypeStr: null,
  topkBufferWidth: null,
  alignment: null,
  modelVersion: null,
  cacheRole: 'sparse',
  isIndexGroupLeader: false,
  nonCausalMultiTokenDecode: false,
} as const;

/** By kind; a field that is not here must be given. `headSizeV` depends on the other fields: see createSpec. */
export const SPEC_DEFAULTS = {
  full_attention: FULL,
  mla_attention: MLA,
  hidden_state_cache: MLA,
  sink_full_attention: { ...FULL, sinkLen: null },
  rswa: FULL,
  sliding_window: { ...ATTENTION, extraRetainedTokens: 0 },
  sliding_window_mla: {
    ...ATTENTION,
    extraRetainedTokens: 0,
    cacheDtypeStr: null,
    alignment: null,
    modelVersion: null,
    boundedReplay: false,
  },
  chunked_local_attention: ATTENTION,
  cross_attention: ATTENTION,
  circular_buffer: ATTENTION,
  encoder_only_attention: ATTENTION,
  mamba: {
    ...BASE,
    // A state is replicated, not sharded, by decode-context parallelism.
    dcpSharded: false,
    pageSizePadded: null,
    mambaType: 'mamba2',
    mambaCacheMode: 'none',
    numSpeculativeBlocks: 0,
    numPrefillCheckpointBlocks: 0,
    prefillCheckpointAlignment: null,
    tpReplicated: false,
  },
} as const satisfies { [Kind in KVCacheSpecKind]: Partial<SpecOfKind<Kind>> };

type Optional<Kind extends KVCacheSpecKind> =
  | Extract<keyof SpecOfKind<Kind>, keyof (typeof SPEC_DEFAULTS)[Kind]>
  | Extract<keyof SpecOfKind<Kind>, 'headSizeV'>;

/** A spec with the fields that have defaults optional. */
export type SpecFields<Kind extends KVCacheSpecKind = KVCacheSpecKind> = {
  [K in Kind]: Omit<SpecOfKind<K>, Optional<K>> & Partial<Pick<SpecOfKind<K>, Optional<K>>>;
}[Kind];

/** The spec with its defaults; one with an `alignment` has its page padded to it already, as vLLM's __post_init__ does. */
export function createSpec<Kind extends KVCacheSpecKind>(
  fields: { readonly kind: Kind } & SpecFields<Kind>,
): SpecOfKind<Kind> {
  // Defaults and given fields together are the members of the kind: SpecFields leaves out nothing else.
  const spec = { ...SPEC_DEFAULTS[fields.kind], ...fields } as unknown as KVCacheSpec;
  const whole =
    spec.kind === 'mamba' || spec.headSizeV !== undefined
      ? spec
      : { ...spec, headSizeV: hasLatentCache(spec.kind) ? 0 : spec.headSize };
  return withAlignmentPadding(whole) as SpecOfKind<Kind>;
}

/** A full attention layer with the fields that every kind of attention has; what is left out has its default. */
export function toFullAttention(
  spec: AttentionSpec,
  changes: Partial<FullAttentionSpec>,
): FullAttentionSpec {
  return createSpec({
    blockSize: spec.blockSize,
    dcpSharded: spec.dcpSharded,
    blockStrideAlignment: spec.blockStrideAlignment,
    isDraft: spec.isDraft,
    numKvHeads: spec.numKvHeads,
    headSize: spec.headSize,
    headSizeV: spec.headSizeV,
    dtype: spec.dtype,
    kvQuantMode: spec.kvQuantMode,
    pageSizePadded: spec.pageSizePadded,
    numHeadSlots: spec.numHeadSlots,
    stateContentBytes: spec.stateContentBytes,
    tokensPerState: spec.tokensPerState,
    maxTpShards: spec.maxTpShards,
    ...changes,
    kind: 'full_attention',
  });
}

/** Kinds whose cache is one latent vector per state, without a separate V. */
function hasLatentCache(kind: KVCacheSpecKind): boolean {
  return kind === 'mla_attention' || kind === 'hidden_state_cache' || kind === 'sliding_window_mla';
}
