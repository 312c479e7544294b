/**
 * What a quantization method makes of the modules of a model: instead of a weight in the model's dtype, packed weights, scales
 * and zero points. One implementation a method; which modules it leaves alone is its own decision, by their names.
 * Source: vllm/model_executor/layers/quantization/base_config.py QuantizationConfig.get_quant_method and each method's
 * create_weights (0.33.0).
 */

/** A tensor of a module on one rank; `name` is its name within the module: `weight`, `weight_scale`, … */
export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** LinearBase: one projection, or several that read the same input. */
export interface LinearModule {
  /** The module's full name, as vLLM's `prefix`: `model.layers.0.self_attn.qkv_proj`. */
  readonly name: string;
  /** vLLM's class: `QKVParallelLinear`; checkpoints may name it as a target. */
  readonly className: string;
  /** The whole model's. */
  readonly inputSize: number;
  readonly outputSize: number;
  readonly inputSizePerPartition: number;
  /** This rank's, one per projection that is fused into the module. */
  readonly outputPartitionSizes: readonly number[];
  readonly dtype: string;
}

/** RoutedExperts of one layer. */
export interface ExpertsModule {
  /** As vLLM's `layer_name`: `model.layers.0.mlp.experts`. Its parameters stand below `.routed_experts`. */
  readonly name: string;
  /** What checkpoints call the projections of one expert: gate, down, up; no up where it is not gated. */
  readonly checkpointNames: readonly [gate: string, down: string, up: string | null];
  /** Experts that this rank holds. */
  readonly localNumExperts: number;
  readonly numExperts: number;
  readonly hiddenSize: number;
  /** The whole model's, and what this rank has of each expert. */
  readonly intermediateSize: number;
  readonly intermediateSizePerPartition: number;
  /** gate and up beside each other, or one projection in. */
  readonly isGated: boolean;
  readonly hasBias: boolean;
  /** The layer's activation, where the kernel depends on it: `silu`, `swigluoai`, … */
  readonly activation: string;
  readonly dtype: string;
}

/** VocabParallelEmbedding or ParallelLMHead. */
export interface EmbeddingModule {
  readonly name: string;
  readonly isLmHead: boolean;
  /** Rows of this rank and of the whole, both padded. */
  readonly rowsPerPartition: number;
  readonly rows: number;
  readonly width: number;
  readonly dtype: string;
}

/** Attention: scales of its cache. Sizes are this rank's. */
export interface AttentionModule {
  readonly name: string;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly isMla: boolean;
  /** cache_config.cache_dtype as this layer has it. */
  readonly cacheDtype: string;
  /** Of all scales, where the class has one for them; absent: the method's. */
  readonly scaleDtype?: string;
  readonly dtype: string;
}

/** null: the module is left as it is. */
export interface QuantizationConfig {
  /** model_config.quantization as vLLM resolves it. */
  readonly name: string;
  /** For people: `FP8, blocks of 128×128`. */
  readonly description: string;
  linear(module: LinearModule): readonly ParameterShape[] | null;
  experts(module: ExpertsModule): readonly ParameterShape[] | null;
  embedding(module: EmbeddingModule): readonly ParameterShape[] | null;
  /** Parameters beside the cache; empty where there are none. */
  attention(module: AttentionModule): readonly ParameterShape[];
  /** What --kv-cache-dtype `auto` becomes once the first attention layer that is not MLA is built. */
  readonly attentionCacheDtype: string | null;
  /** The cache has a scale for each head, which few attention backends take. */
  readonly hasPerHeadCacheScales?: boolean;
}
