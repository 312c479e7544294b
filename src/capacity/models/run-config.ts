/** The run around a model, as far as its layers depend on it. */
import type { ComputeCapability } from './attention/backend.ts';
import type { MambaType } from './attention/state-backends.ts';

/** What families ask of flags and GPU. */
export interface RunConfig {
  readonly tensorParallelSize: number;
  readonly pipelineParallelSize: number;
  readonly decodeContextParallelSize: number;
  /** Ranks over which whole experts are spread: TP × DP with --enable-expert-parallel, else 1. */
  readonly expertParallelSize: number;
  readonly capability: ComputeCapability;
  /** cache_config.cache_dtype. */
  readonly cacheDtype: string;
  readonly skipLayers: readonly string[];
  readonly numSpeculativeTokens: number;
  /** A draft with an embedding of the target's. Source: utils.py spec_decode_needs_target_embed. */
  readonly draftReadsEmbedding: boolean;
  readonly mambaCacheMode: 'none' | 'align';
  readonly mambaCacheDtype: string;
  readonly mambaSsmCacheDtype: string;
  readonly maxModelLen: number;
}

/** One layer's recurrent state on one rank. */
export interface StateShape {
  readonly mambaType: MambaType;
  readonly shapes: readonly (readonly number[])[];
  readonly dtypes: readonly string[];
}

export type ModelKind = 'decoder' | 'hybrid' | 'attention_free' | 'encoder_decoder' | 'pooling';

/** Changes that an architecture makes to the run. Source: vllm/model_executor/models/config.py. */
export interface RunAdjustment {
  readonly cacheDtype: string;
  readonly flashAttnVersion: number;
  readonly forcedBackend: string;
  readonly mambaSsmCacheDtype: string;
}
