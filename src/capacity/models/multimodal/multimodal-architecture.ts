/** What a row of the table of multimodal architectures says: where the language model is, and what stands beside it. */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';

/** The parts of a multimodal config.json. */
export interface MultimodalConfig {
  readonly root: HfConfig;
  /** The language model's. */
  readonly text: HfConfig;
  /** A nested config with transformers' defaults under it: `vision_config`. */
  sub(key: string): HfConfig;
}

export type BuildPart = (stage: StageBuilder, config: MultimodalConfig) => void;

/** Encoder and projector of some modalities, on the first pipeline stage only. Source: interfaces.py _mark_tower_model. */
export interface Tower {
  /** vLLM's names: image, video, audio. The tower is left out where none of them is allowed. */
  readonly modalities: readonly string[];
  readonly build: BuildPart;
}

export interface MultimodalArchitecture {
  readonly architectures: readonly string[];
  /** Of the language model's config; default: text_config. */
  language?(root: HfConfig): HfConfig;
  /** vLLM's architecture of the language model; default: what its config names, or that of its model type. */
  readonly textArchitecture?: string | ((text: HfConfig, root: HfConfig) => string);
  /** A language model that vLLM has in this model only. */
  readonly textFamily?: ModelFamily;
  /** The language model's module; default: language_model. */
  readonly prefix?: string;
  /** Whether embeddings are tied is said by the language model's config, not by the whole one. */
  readonly tiesByText?: boolean;
  /** Names of the language model's modules where more is different than a prefix. */
  rename?(name: string): string;
  readonly towers: readonly Tower[];
  /** What is not counted: such a model needs --weights-bytes. The layers of its language model are known all the same. */
  readonly uncounted?: string;
  /** Why the model is not known at all, though vLLM has it. */
  readonly refusal?: string;
  /** false: vLLM refuses to run it in pipeline stages. */
  readonly supportsPp?: boolean;
  /** What is built on every pipeline stage, not as a part of the language model. */
  readonly everyStage?: BuildPart;
  /** Changes to the language model's config. */
  normalize?(text: HfConfig, root: HfConfig): HfConfig;
  /** packed_modules_mapping, where the class has one of its own. */
  readonly packedModules?: Readonly<Record<string, readonly string[]>>;
  /** hf_to_vllm_mapper, as far as it is prefixes: a prefix in checkpoints and vLLM's, applied one after the other; [] for none. */
  readonly weightNames?: readonly (readonly [string, string])[];
}
