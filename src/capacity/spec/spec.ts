/**
 * The KV cache spec of a layer or group: what kind of state it keeps, and how large one block of it is.
 * A closed union on `kind`, one member for each subclass of vLLM's KVCacheSpec; every field is present (create-spec.ts
 * fills in defaults).
 * Source: vllm/v1/kv_cache_interface.py (0.33.0).
 */

/** A number of tokens per stored state; a fraction when several states belong to one token. */
export type TokensPerState = number | { readonly numerator: number; readonly denominator: number };

/** Bytes, or a rule that depends on the block size. */
export type BlockStrideAlignment = null | number | { readonly multipleOf: number };

interface SpecBase {
  /** Tokens per block. */
  readonly blockSize: number;
  readonly dcpSharded: boolean;
  readonly blockStrideAlignment: BlockStrideAlignment;
  /** Ignored by equality. */
  readonly isDraft: boolean;
}

interface AttentionFields extends SpecBase {
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly headSizeV: number;
  readonly dtype: string;
  /** A name of KV_QUANT_MODES. */
  readonly kvQuantMode: string;
  readonly pageSizePadded: number | null;
  readonly numHeadSlots: number | null;
  readonly stateContentBytes: number | null;
  readonly tokensPerState: TokensPerState;
  readonly maxTpShards: number | null;
}

interface FullFields extends AttentionFields {
  /** A label where a local layer was promoted; no effect on size. */
  readonly slidingWindow: number | null;
  readonly attentionChunkSize: number | null;
  readonly nonCausal: boolean;
}

interface MLAFields extends FullFields {
  readonly cacheDtypeStr: string | null;
  readonly topkBufferWidth: number | null;
  readonly alignment: number | null;
  readonly modelVersion: string | null;
  readonly cacheRole: string | null;
  readonly isIndexGroupLeader: boolean;
  readonly nonCausalMultiTokenDecode: boolean;
}

export interface FullAttentionSpec extends FullFields {
  readonly kind: 'full_attention';
}
export interface MLAAttentionSpec extends MLAFields {
  readonly kind: 'mla_attention';
}
export interface HiddenStateCacheSpec extends MLAFields {
  readonly kind: 'hidden_state_cache';
}
export interface SinkFullAttentionSpec extends FullFields {
  readonly kind: 'sink_full_attention';
  readonly sinkLen: number | null;
}
export interface RSWASpec extends FullFields {
  readonly kind: 'rswa';
  /** Tokens. */
  readonly rswaWindow: number;
}
export interface SlidingWindowSpec extends AttentionFields {
  readonly kind: 'sliding_window';
  /** Tokens. */
  readonly slidingWindow: number;
  readonly extraRetainedTokens: number;
}
export interface SlidingWindowMLASpec extends AttentionFields {
  readonly kind: 'sliding_window_mla';
  readonly slidingWindow: number;
  readonly extraRetainedTokens: number;
  readonly cacheDtypeStr: string | null;
  readonly alignment: number | null;
  readonly modelVersion: string | null;
  readonly boundedReplay: boolean;
}
export interface ChunkedLocalAttentionSpec extends AttentionFields {
  readonly kind: 'chunked_local_attention';
  /** Tokens. */
  readonly attentionChunkSize: number;
}
export interface MambaSpec extends SpecBase {
  readonly kind: 'mamba';
  readonly shapes: readonly (readonly number[])[];
  readonly dtypes: readonly string[];
  readonly pageSizePadded: number | null;
  readonly mambaType: string;
  readonly mambaCacheMode: string;
  readonly numSpeculativeBlocks: number;
  readonly numPrefillCheckpointBlocks: number;
  readonly prefillCheckpointAlignment: number | null;
  readonly tpReplicated: boolean;
}
export interface CrossAttentionSpec extends AttentionFields {
  readonly kind: 'cross_attention';
}
export interface CircularBufferSpec extends AttentionFields {
  readonly kind: 'circular_buffer';
}
export interface EncoderOnlyAttentionSpec extends AttentionFields {
  readonly kind: 'encoder_only_attention';
}

export type AttentionSpec =
  | FullAttentionSpec
  | MLAAttentionSpec
  | HiddenStateCacheSpec
  | SinkFullAttentionSpec
  | RSWASpec
  | SlidingWindowSpec
  | SlidingWindowMLASpec
  | ChunkedLocalAttentionSpec
  | CrossAttentionSpec
  | CircularBufferSpec
  | EncoderOnlyAttentionSpec;

export type KVCacheSpec = AttentionSpec | MambaSpec;

export type KVCacheSpecKind = KVCacheSpec['kind'];
export type SpecOfKind<Kind extends KVCacheSpecKind> = Extract<KVCacheSpec, { kind: Kind }>;
