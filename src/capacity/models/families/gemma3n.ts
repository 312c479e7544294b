/** Gemma 3n: alternating updates, per-layer inputs, trailing layers that share caches. Source: vllm/…/models/gemma3n.py. */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { refuse, slidingLayerWindow } from './common.ts';

const NORMS = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
  'post_per_layer_input_norm',
];

function buildAltUp(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const inputs = text.num('altup_num_inputs');
  stage.tensor(`${name}.correct_output_scale`, [hiddenSize], 'float32');
  stage.replicated(`${name}.correction_coefs`, inputs, inputs);
  stage.replicated(`${name}.prediction_coefs`, inputs, inputs * inputs);
  stage.replicated(`${name}.modality_router`, hiddenSize, inputs);
  stage.norm(`${name}.router_norm`, hiddenSize);
}

/** intermediate_size is one number or one per layer. */
function intermediateSize(text: HfConfig, layer: number): number {
  const value = text.get('intermediate_size');
  return Array.isArray(value)
    ? (text.numbers('intermediate_size')[layer] ?? 0)
    : text.num('intermediate_size');
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = text.num('head_dim');
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = text.num('num_key_value_heads');
  const bias = text.flag('attention_bias');
  const sharesCache = layer >= text.num('num_hidden_layers') - text.num('num_kv_shared_layers');
  const perLayerWidth = text.num('hidden_size_per_layer_input');
  const rank = text.num('laurel_rank');
  const prefix = `model.layers.${layer}`;
  const attention = `${prefix}.self_attn`;
  buildAltUp(stage, text, `${prefix}.altup`);
  if (sharesCache) {
    stage.column(`${attention}.q_proj`, hiddenSize, numHeads * headSize, { bias });
  } else {
    stage.qkv(`${attention}.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads, bias });
    stage.norm(`${attention}.k_norm`, headSize);
  }
  stage.row(`${attention}.o_proj`, numHeads * headSize, hiddenSize, { bias });
  stage.norm(`${attention}.q_norm`, headSize);
  stage.gatedMlp(`${prefix}.mlp`, hiddenSize, intermediateSize(text, layer));
  stage.column(`${prefix}.laurel.linear_left`, hiddenSize, rank);
  stage.row(`${prefix}.laurel.linear_right`, rank, hiddenSize);
  stage.norm(`${prefix}.laurel.post_laurel_norm`, hiddenSize);
  stage.replicated(`${prefix}.per_layer_input_gate`, hiddenSize, perLayerWidth);
  stage.replicated(`${prefix}.per_layer_projection`, perLayerWidth, hiddenSize);
  for (const name of NORMS) stage.norm(`${prefix}.${name}`, hiddenSize);
  stage.attention({
    name: `${attention}.attn`,
    numHeads,
    numKvHeads,
    headSize,
    slidingWindow: slidingLayerWindow(text, layer),
    sharesCache,
  });
}

/** Source: transformers' Gemma3nTextConfig. */
function checkSparsity(text: HfConfig, layers: number): void {
  if (!text.has('activation_sparsity_pattern')) return;
  const given = text.get('activation_sparsity_pattern');
  const count = Array.isArray(given) ? given.length : layers;
  if (count === layers) return;
  refuse(
    text,
    'activation_sparsity_pattern must have an explicit activation sparsity value for every layer.' +
      `Expected ${layers} values but got ${count}.`,
  );
}

export const GEMMA3N: ModelFamily = {
  name: 'gemma-3n',
  architectures: ['Gemma3nForCausalLM'],
  kind: 'decoder',
  defaults: {
    gemma3n_text: {
      tie_word_embeddings: true,
      head_dim: 256,
      num_key_value_heads: 2,
      num_attention_heads: 8,
      sliding_window: 512,
      num_kv_shared_layers: 15,
      laurel_rank: 64,
      altup_num_inputs: 4,
      hidden_size_per_layer_input: 256,
      vocab_size: 262400,
      vocab_size_per_layer_input: 262144,
      max_position_embeddings: 32768,
    },
  },
  normalize: (text) => {
    if (text.has('layer_types')) return text;
    const layer_types = Array.from({ length: text.num('num_hidden_layers') }, (_, layer) =>
      (layer + 1) % 5 === 0 ? 'full_attention' : 'sliding_attention',
    );
    return text.with({ layer_types });
  },
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const layers = text.num('num_hidden_layers');
    checkSparsity(text, layers);
    const perLayer = layers * text.num('hidden_size_per_layer_input');
    const extraInputs = text.num('altup_num_inputs') - 1;
    const decoder = 'model.self_decoder';
    for (let input = 0; input < extraInputs; input++) {
      stage.column(`model.altup_unembed_projections.${input}`, hiddenSize, hiddenSize);
    }
    for (const layer of stage.layerRange(layers)) buildLayer(stage, text, layer);
    stage.embedding(`${decoder}.embed_tokens`, text.num('vocab_size'), hiddenSize);
    const perLayerVocab = text.num('vocab_size_per_layer_input');
    stage.embedding(`${decoder}.embed_tokens_per_layer`, perLayerVocab, perLayer);
    stage.column(`${decoder}.per_layer_model_projection`, hiddenSize, perLayer);
    const perLayerWidth = text.num('hidden_size_per_layer_input');
    stage.norm(`${decoder}.per_layer_projection_norm`, perLayerWidth);
    for (let input = 0; input < extraInputs; input++) {
      stage.column(`${decoder}.altup_projections.${input}`, hiddenSize, hiddenSize);
    }
    stage.norm('model.norm', hiddenSize);
  },
};
