/**
 * A draft family: the draft architectures that one file knows how to build beside a target. Adding one is adding a file and a
 * line in draft-registry.ts.
 */
import type { HfConfig } from '../hf-config.ts';
import type { KnownModel } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';

/** What a draft takes from the model that it drafts for. */
export interface DraftTarget {
  readonly model: KnownModel;
  /** Of the whole model. Source: ModelConfig.get_total_num_hidden_layers. */
  readonly numLayers: number;
  /** Of this pipeline stage. Source: ModelConfig.get_num_layers. */
  readonly stageLayers: number;
  readonly vocabSize: number;
}

export interface DraftFamily {
  /** vLLM's architecture names, as EAGLEConfig and hf_config_override leave them. */
  readonly architectures: readonly string[];
  /** false: the draft runs with the target's quantization, whatever its own file says. */
  readonly isQuantizedApart: boolean;
  /** Declares the draft's weights and layers; its layers are numbered after the target's. */
  build(stage: StageBuilder, draft: HfConfig, target: DraftTarget): void;
}
