/**
 * Architectures that vLLM's registry does not name: it falls back to transformers' own code where transformers has the class,
 * or the repository brings one (`auto_map`). Source: vllm/model_executor/models/registry.py _try_resolve_transformers,
 * vllm/model_executor/models/transformers (0.33.0). Leaves out: fallbacks with latent attention or states.
 */

import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import { headDtype } from '../pooling/head-dtype.ts';
import { always, attentionBias, mlpBias, UNTIED } from './architecture-values.ts';
import { numLabels } from './bert.ts';
import { slidingLayerWindow } from './common.ts';
import { type DecoderArchitecture, decoderFamilies } from './decoder.ts';
import { buildQkLayernorms } from './decoder-transformers.ts';

/** Classes of transformers alone. */
const NAMED: readonly DecoderArchitecture[] = [
  {
    architectures: ['HeliumForCausalLM'],
    modelTypes: { helium: { ...UNTIED, head_dim: 128, max_position_embeddings: 4096 } },
    qkvBias: attentionBias,
    mlpBias,
  },
  {
    architectures: ['MinistralForCausalLM'],
    modelTypes: { ministral: { ...UNTIED, num_key_value_heads: 8, sliding_window: 4096 } },
    window: slidingLayerWindow,
  },
  {
    architectures: ['BitNetForCausalLM'],
    modelTypes: { bitnet: { ...UNTIED, num_key_value_heads: 5, max_position_embeddings: 2048 } },
    names: { gateUp: 'merged_proj_9_gate_proj_7_up_proj' },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    attentionParts: (stage, text, name) => {
      stage.norm(`${name}.attn_sub_norm`, text.num('hidden_size'));
    },
    layerParts: (stage, text, name) => {
      stage.norm(`${name}.mlp.ffn_sub_norm`, text.num('intermediate_size'));
    },
  },
  {
    architectures: ['PersimmonForCausalLM'],
    modelTypes: {
      persimmon: { ...UNTIED, qk_layernorm: true, max_position_embeddings: 16384 },
    },
    names: {
      qkv: 'query_key_value',
      output: 'dense',
      gateUp: 'dense_h_to_4h',
      down: 'dense_4h_to_h',
      finalNorm: 'model.final_layernorm',
    },
    packsQkv: true,
    qkvBias: always,
    outputBias: always,
    mlpBias: always,
    normBias: true,
    ungated: true,
    attentionParts: buildQkLayernorms,
  },
  {
    architectures: ['NanoChatForCausalLM'],
    modelTypes: { nanochat: { ...UNTIED, max_position_embeddings: 2048 } },
    names: { gateUp: 'fc1', down: 'fc2' },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    norms: () => [],
    hasFinalNorm: () => false,
    ungated: true,
  },
];

const NAMED_EXPERTS: readonly DecoderArchitecture[] = [
  {
    architectures: ['PhimoeForCausalLM'],
    modelTypes: { phimoe: { ...UNTIED, num_key_value_heads: 8, max_position_embeddings: 131072 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    normBias: true,
    experts: (text) => ({
      count: text.num('num_local_experts'),
      size: text.num('intermediate_size'),
      gate: 'router',
      gateQuantized: true,
    }),
  },
  {
    architectures: ['SolarOpenForCausalLM'],
    modelTypes: { solar_open: { ...UNTIED, head_dim: 128, num_key_value_heads: 8 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    experts: (text) => {
      const size = text.num('moe_intermediate_size');
      const sharedSize = size * text.numOr('n_shared_experts', 0);
      return { count: text.num('n_routed_experts'), size, sharedSize };
    },
  },
];

export const NAMED_FALLBACKS = [
  ...decoderFamilies('transformers', NAMED),
  ...decoderFamilies('transformers', NAMED_EXPERTS),
];

/** What a plain file describes: Llama's shape. */
const [PLAIN] = decoderFamilies('transformers', [
  {
    architectures: ['TransformersForCausalLM'],
    modelTypes: { llama: { ...UNTIED, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias,
    window: slidingLayerWindow,
  },
]);

const EXPERT_COUNTS = ['num_experts', 'moe_num_experts', 'n_routed_experts', 'num_local_experts'];

/** Mixtral's shape too, under transformers' names. */
export const MIXTRAL_FALLBACKS = decoderFamilies('transformers', [
  {
    architectures: ['TransformersMoEForCausalLM'],
    modelTypes: { mixtral: UNTIED },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    window: slidingLayerWindow,
    experts: (text) => {
      const key = EXPERT_COUNTS.find((name) => text.has(name)) ?? 'num_experts';
      const size = text.numOr('moe_intermediate_size', text.num('intermediate_size'));
      return { count: text.num(key), size };
    },
  },
]);

const [PLAIN_EXPERTS] = MIXTRAL_FALLBACKS;

/** Fields of models that are no plain decoders: their code cannot be guessed from the file. */
const UNLIKE_LLAMA = [
  'kv_lora_rank',
  'linear_num_key_heads',
  'linear_attn_config',
  'mamba_d_state',
  'ssm_state_size',
  'state_size',
  'block_configs',
  'num_shared_experts',
  'n_shared_experts',
  'shared_expert_intermediate_size',
  'first_k_dense_replace',
  'mlp_layer_types',
  'encoder_layers',
];

const PLAIN_FIELDS = [
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'vocab_size',
];

const PLAIN_LAYER_TYPES = ['full_attention', 'sliding_attention'];

/** What a config.json says that a plain decoder's does not, or lacks; null for a plain one. */
export function unlikePlain(root: HfConfig): string | null {
  if (root.has('text_config')) return 'it nests a language model';
  if (root.flag('is_encoder_decoder')) return 'it has an encoder';
  const odd = UNLIKE_LLAMA.find((key) => root.has(key));
  if (odd !== undefined) return `"${odd}" says more than a plain decoder`;
  const missing = PLAIN_FIELDS.find((key) => typeof root.get(key) !== 'number');
  if (missing !== undefined) return `"${missing}" is no number`;
  const types = root.has('layer_types') ? root.list('layer_types') : [];
  const type = types.find((name) => !PLAIN_LAYER_TYPES.includes(String(name)));
  return type === undefined ? null : `layer_types has ${JSON.stringify(type)}`;
}

/** The family of a plain config.json, dense or with experts; null where it says more than a plain one. */
export function plainFamily(root: HfConfig) {
  if (unlikePlain(root) !== null) return null;
  const hasExperts = EXPERT_COUNTS.some((key) => root.has(key));
  return (hasExperts ? PLAIN_EXPERTS : PLAIN) ?? null;
}

/**
 * What a name of vLLM's generic classes makes of the family: the pooling ones have no head but their own.
 * Source: vllm/model_executor/models/transformers/pooling.py (0.33.0).
 */
export function genericFamily(architecture: string, family: ModelFamily): ModelFamily {
  const classifies = architecture.endsWith('ForSequenceClassification');
  if (!classifies && !architecture.endsWith('EmbeddingModel')) return family;
  return {
    ...family,
    isPoolingClass: true,
    withoutHead: true,
    build: (stage, model) => {
      family.build(stage, model);
      if (!classifies) return;
      const sizes = [numLabels(model), model.text.num('hidden_size')];
      stage.tensor('classifier.weight', sizes, headDtype(model));
    },
  };
}
