/**
 * A family: the architectures that one file knows how to build. Adding a family is adding a file and a line in registry.ts.
 */
import type { ComputeCapability } from './attention/backend.ts';
import type { MambaType } from './attention/state-backends.ts';
import type { HfConfig, JsonObject } from './hf-config.ts';
import type { ResolvedModel } from './resolved-model.ts';
import type { StageBuilder } from './stage-builder.ts';

/** The run around a model, as far as families ask. */
export interface RunConfig {
  readonly tensorParallelSize: number;
  readonly pipelineParallelSize: number;
  readonly decodeContextParallelSize: number;
  readonly capability: ComputeCapability;
  /** cache_config.cache_dtype. */
  readonly cacheDtype: string;
  readonly skipLayers: readonly string[];
  readonly numSpeculativeTokens: number;
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

export interface ModelFamily {
  /** For messages and `vllm-twin models`. */
  readonly name: string;
  /** vLLM's architecture names. */
  readonly architectures: readonly string[];
  readonly kind: ModelKind;
  /** transformers' defaults for the fields that are read, by model_type. */
  readonly defaults?: Readonly<Record<string, JsonObject>>;
  /** Changes to the language model's config before anything reads it (aliases, renamed fields). */
  normalize?(text: HfConfig, root: HfConfig): HfConfig;
  /** Compressed-latent attention. Source: ModelArchConfigConvertorBase.is_deepseek_mla. */
  usesMla?(text: HfConfig): boolean;
  headSize?(text: HfConfig): number;
  totalNumKvHeads?(text: HfConfig): number;
  /** Images and text attend to each other both ways within an image span. */
  isMmPrefixLm?(text: HfConfig, root: HfConfig): boolean;
  /** A hybrid architecture without a state layer counts as a decoder. */
  isHybrid?(text: HfConfig): boolean;
  /** Changes that the architecture makes to the run: cache dtype, FlashAttention version. Source: models/config.py. */
  adjustRun?(model: ResolvedModel, run: RunConfig): Partial<RunAdjustment>;
  /** The state of a layer, where there are states; sizes the blocks even of a stage without one. */
  state?(model: ResolvedModel, run: RunConfig): StateShape;
  /** Declares the weights and layers of one pipeline stage, in vLLM's order. */
  build(stage: StageBuilder, model: ResolvedModel): void;
  /** Declares the MTP draft that is part of the checkpoint; absent: none. */
  mtp?: MtpDraft;
}

export interface MtpDraft {
  /** num_nextn_predict_layers as vLLM counts them for this architecture. */
  layers(text: HfConfig): number;
  build(stage: StageBuilder, model: ResolvedModel): void;
}

export interface RunAdjustment {
  readonly cacheDtype: string;
  readonly flashAttnVersion: number;
  readonly forcedBackend: string;
  readonly mambaSsmCacheDtype: string;
}
