/** What a small model holds under a `quantization_config`: tensors by name, and the plan they are of. */

import type { ModelOptions } from '../../src/capacity/models/model-options.ts';
import { type ModelPlan, planModel } from '../../src/capacity/models/model-plan.ts';
import type { JsonObject } from '../../src/shared/json-object.ts';

/** Two layers of Llama's shape: heads of 64, 8 of them for keys. */
export const DENSE: JsonObject = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 1024,
  intermediate_size: 3584,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  num_hidden_layers: 2,
  vocab_size: 32064,
  max_position_embeddings: 8192,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
};

/** One layer of eight experts, 384 wide. */
export const EXPERTS: JsonObject = {
  ...DENSE,
  architectures: ['Qwen3MoeForCausalLM'],
  model_type: 'qwen3_moe',
  head_dim: 64,
  num_hidden_layers: 1,
  moe_intermediate_size: 384,
  num_experts: 8,
  num_experts_per_tok: 2,
};

export function planQuantized(
  config: JsonObject,
  quantization: JsonObject,
  options: ModelOptions = {},
): ModelPlan {
  return planModel(
    {
      name: 'small',
      source: 'a test',
      config: { ...config, quantization_config: quantization },
      generationEosTokenIds: [],
      draftConfig: null,
    },
    options,
  );
}

/** `name shape dtype` of the first stage's tensors below `module`: `weight 10x20 bfloat16`. */
export function tensorsOf({ parameters }: ModelPlan, module: string): readonly string[] {
  const [stage = []] = parameters;
  return stage
    .filter(({ name }) => name.startsWith(`${module}.`))
    .map(({ name, shape, dtype }) => {
      const size = shape.length === 0 ? 'scalar' : shape.join('x');
      return `${name.slice(module.length + 1)} ${size} ${dtype}`;
    });
}
