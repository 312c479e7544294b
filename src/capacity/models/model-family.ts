/**
 * A family: the architectures that one file knows how to build. Adding a family is adding a file and a line in registry.ts.
 */

import type { JsonObject } from '../../shared/json-object.ts';
import type { HfConfig } from './hf-config.ts';
import type { ResolvedModel } from './resolved-model.ts';
import type { ModelKind, RunAdjustment, RunConfig, StateShape } from './run-config.ts';
import type { StageBuilder } from './stage-builder.ts';

export interface ModelFamily {
  /** For messages and `vllm-twin models`. */
  readonly name: string;
  /** vLLM's architecture names. */
  readonly architectures: readonly string[];
  readonly kind: ModelKind;
  /** transformers' defaults for the fields that are read, by model_type. */
  readonly defaults?: Readonly<Record<string, JsonObject>>;
  /** The language model's config within the whole one, with all defaults under it; absent: text_config, or the whole. */
  language?(root: HfConfig): HfConfig;
  /** Changes to the language model's config before anything reads it (aliases, renamed fields). */
  normalize?(text: HfConfig, root: HfConfig): HfConfig;
  /** packed_modules_mapping: a fused module's name → its parts' names in checkpoints; default: Llama's. */
  readonly packedModules?: Readonly<Record<string, readonly string[]>>;
  /** hf_to_vllm_mapper: a module's name in checkpoints → its name in vLLM, null where it has none; default: the same. */
  vllmName?(name: string): string | null;
  /** Parts of the model that its weights leave out, for messages; absent: none. Such a model needs --weights-bytes. */
  readonly uncounted?: string;
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
  /** The class pools and cannot generate, whatever it is built on. */
  readonly isPoolingClass?: boolean;
  /** The class has no head for the vocabulary, though `build` declares one. */
  readonly withoutHead?: boolean;
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

/** A model together with what knows how to build it. */
export interface KnownModel extends ResolvedModel {
  readonly family: ModelFamily;
}
