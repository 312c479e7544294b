/**
 * Dory: blocks that attend or feed forward, each with learned mixing weights in place of norms; some run in loops, with a cache
 * a loop. Source: vllm/model_executor/models/dory.py, vllm/transformers_utils/configs/dory.py (0.33.0).
 */
import { refused } from '../checks/refused.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, layerType, slidingLayerWindow } from './common.ts';
import { llamaHeads } from './decoder.ts';

/** How often a block runs: those between the first and the last ones, in loops. */
function loopsOf(text: HfConfig, layer: number): number {
  const first = text.numOr('n_input_layers', 0);
  const last = text.num('num_hidden_layers') - text.numOr('n_output_layers', 0);
  const isRecurrent = layer >= first && layer < last;
  return isRecurrent ? text.numOr('n_recurrent_loops', 1) : 1;
}

function buildAttention(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const heads = llamaHeads(text);
  const width = heads.numHeads * heads.headSize;
  const name = `backbone.layers.${layer}`;
  stage.tensor(`${name}.attn_alpha`, [hiddenSize]);
  stage.tensor(`${name}.mixer.sqk`, [width]);
  stage.tensor(`${name}.mixer.s_gate`, [width]);
  stage.qkv(`${name}.mixer.qkv_proj`, { hiddenSize, ...heads });
  stage.column(`${name}.mixer.g_proj`, hiddenSize, width);
  stage.row(`${name}.mixer.o_proj`, width, hiddenSize);
  const isPerLoop = text.strOr('recurrent_kv_cache_mode', 'per_loop') === 'per_loop';
  const caches = isPerLoop ? loopsOf(text, layer) : 1;
  for (let loop = 0; loop < caches; loop++) {
    const index = loop * text.num('num_hidden_layers') + layer;
    const slidingWindow = slidingLayerWindow(text, layer);
    stage.attention({ name: `backbone.layers.${index}.mixer.attn`, ...heads, slidingWindow });
  }
}

function buildFeedForward(stage: StageBuilder, text: HfConfig, layer: number): void {
  const name = `backbone.layers.${layer}`;
  const hiddenSize = text.num('hidden_size');
  const width = text.num('intermediate_size');
  stage.tensor(`${name}.mlp_alpha`, [hiddenSize]);
  stage.tensor(`${name}.mixer.suv_gate`, [width]);
  stage.tensor(`${name}.mixer.suv_up`, [width]);
  stage.gatedMlp(`${name}.mixer`, hiddenSize, width);
}

function normalize(text: HfConfig): HfConfig {
  if (text.has('layer_types')) return text;
  const layer_types = Array.from({ length: text.num('num_hidden_layers') }, (_, layer) => {
    if (layer % 2 === 1) return 'mlp';
    return layer % 8 === 6 ? 'full_attention' : 'sliding_attention';
  });
  return text.with({ layer_types });
}

export const DORY: ModelFamily = {
  name: 'dory',
  architectures: ['DoryForCausalLM'],
  kind: 'decoder',
  defaults: {
    dory: {
      tie_word_embeddings: false,
      head_dim: 256,
      num_key_value_heads: 4,
      sliding_window: 1024,
      max_position_embeddings: 8192,
    },
  },
  normalize,
  build: (stage, { text }) => {
    if (stage.tp !== 1) throw refused('Dory currently supports tensor_parallel_size=1 only');
    const vocabSize = text.num('vocab_size');
    embeddings(stage, text, {
      vocabSize,
      tied: false,
      embeddingName: 'backbone.embeddings',
      quantizedHead: false,
    });
    stage.tensor('lm_head.logit_scale', [vocabSize]);
    for (let layer = 0; layer < text.num('num_hidden_layers'); layer++) {
      if (layerType(text, layer) === 'mlp') buildFeedForward(stage, text, layer);
      else buildAttention(stage, text, layer);
    }
  },
};
