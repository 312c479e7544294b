/** Gemma 3n: alternating updates, per-layer inputs, trailing layers that share caches. Source: vllm/…/models/gemma3n.py. */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { slidingLayerWindow } from './common.ts';

function buildAltUp(stage: StageBuilder, text: HfConfig): void {
  const hiddenSize = text.num('hidden_size');
  const inputs = text.num('altup_num_inputs');
  stage.tensor(hiddenSize, 'float32');
  stage.replicated(inputs, inputs);
  stage.replicated(inputs, inputs * inputs);
  stage.replicated(hiddenSize, inputs);
  stage.norm(hiddenSize);
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
  buildAltUp(stage, text);
  if (sharesCache) {
    stage.column(hiddenSize, numHeads * headSize, { bias });
  } else {
    stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads, bias });
    stage.norm(headSize);
  }
  stage.row(numHeads * headSize, hiddenSize, { bias });
  stage.norm(headSize);
  stage.gatedMlp(hiddenSize, intermediateSize(text, layer));
  stage.column(hiddenSize, rank);
  stage.row(rank, hiddenSize);
  stage.norm(hiddenSize);
  stage.replicated(hiddenSize, perLayerWidth);
  stage.replicated(perLayerWidth, hiddenSize);
  stage.norm(5 * hiddenSize);
  stage.attention({
    name: `model.layers.${layer}.self_attn.attn`,
    numHeads,
    numKvHeads,
    headSize,
    slidingWindow: slidingLayerWindow(text, layer),
    sharesCache,
  });
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
    const perLayer = layers * text.num('hidden_size_per_layer_input');
    const extraInputs = text.num('altup_num_inputs') - 1;
    stage.embedding(text.num('vocab_size'), hiddenSize);
    stage.embedding(text.num('vocab_size_per_layer_input'), perLayer);
    stage.column(hiddenSize, perLayer);
    stage.norm(text.num('hidden_size_per_layer_input'));
    for (let input = 0; input < extraInputs; input++) {
      stage.column(hiddenSize, hiddenSize);
      stage.column(hiddenSize, hiddenSize);
    }
    for (const layer of stage.layerRange(layers)) buildLayer(stage, text, layer);
    stage.norm(hiddenSize);
  },
};
