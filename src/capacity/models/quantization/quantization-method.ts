/**
 * What each quantization method is to the code that chooses one: the cards and dtypes it runs on, when it takes a checkpoint over
 * from another method, and how it is read from a `quantization_config`. One implementation a file of this folder.
 * Source: vllm/model_executor/layers/quantization/base_config.py QuantizationConfig (0.33.0).
 */
import type { ComputeCapability } from '../attention/backend.ts';
import type { HfConfig } from '../hf-config.ts';
import type { QuantizationConfig } from './quantization-config.ts';

/** What the modules depend on beside the checkpoint. */
export interface QuantizationContext {
  /** For messages. */
  readonly label: string;
  /** The outer config.json and the language model's part of it. */
  readonly root: HfConfig;
  readonly text: HfConfig;
  readonly dtype: string;
  readonly capability: ComputeCapability;
  readonly tensorParallelSize: number;
  /** Ranks over which whole experts are spread; 1: each rank holds a slice of every expert. */
  readonly expertParallelSize: number;
  readonly totalNumAttentionHeads: number;
  readonly totalNumKvHeads: number;
  /** packed_modules_mapping of the model class: a fused module's name → the names that checkpoints have for its parts. */
  readonly packedModules: Readonly<Record<string, readonly string[]>>;
  /**
   * hf_to_vllm_mapper of the model class: a module's name in checkpoints → its name in vLLM, null where it has none there.
   * null: the class has no such mapper.
   */
  readonly vllmName: ((name: string) => string | null) | null;
}

export interface QuantizationMethod {
  /** Compute capability as 10 × major + minor. Source: get_min_capability. */
  readonly minCapability: number;
  /** Source: get_supported_act_dtypes. */
  readonly dtypes: readonly string[];
  /** Reads a checkpoint's `quantization_config`. Throws E_UNKNOWN_MODEL or E_BAD_FLAG with vLLM's words where vLLM refuses. */
  fromCheckpoint?(checkpoint: HfConfig, context: QuantizationContext): QuantizationConfig;
  /** Weights of a checkpoint that is not quantized are quantized while they are loaded. Throws as fromCheckpoint does. */
  online?(context: QuantizationContext): QuantizationConfig;
}
