/** MiniCPM3: latents in the projections, but keys and values of every head in the cache. Source: vllm/…/models/minicpm3.py. */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, refuse } from './common.ts';
import { buildMlaProjections } from './deepseek.ts';

function queryWidth(text: HfConfig): number {
  return text.num('qk_nope_head_dim') + text.num('qk_rope_head_dim');
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const numHeads = text.num('num_attention_heads');
  const prefix = `model.layers.${layer}`;
  const attention = `${prefix}.self_attn`;
  buildMlaProjections(stage, text, attention, { hasSeparateQuery: true });
  stage.gatedMlp(`${prefix}.mlp`, hiddenSize, text.num('intermediate_size'));
  stage.norm(`${prefix}.input_layernorm`, hiddenSize);
  stage.norm(`${prefix}.post_attention_layernorm`, hiddenSize);
  stage.attention({
    name: `${attention}.attn`,
    numHeads,
    numKvHeads: numHeads,
    headSize: queryWidth(text),
  });
}

export const MINICPM3: ModelFamily = {
  name: 'minicpm3',
  architectures: ['MiniCPM3ForCausalLM'],
  kind: 'decoder',
  defaults: {
    minicpm3: {
      tie_word_embeddings: true,
      hidden_size: 2560,
      intermediate_size: 6400,
      num_hidden_layers: 62,
      num_attention_heads: 40,
      q_lora_rank: 768,
      kv_lora_rank: 256,
      qk_nope_head_dim: 64,
      qk_rope_head_dim: 32,
      v_head_dim: 64,
      vocab_size: 73448,
      max_position_embeddings: 32768,
    },
  },
  packedModules: { gate_up_proj: ['gate_proj', 'up_proj'] },
  headSize: (text) => text.numOr('head_dim', text.num('qk_rope_head_dim')),
  build: (stage, { text }) => {
    if (text.numOr('num_experts', 0) > 0) refuse(text, 'MiniCPM3 with experts is not known');
    const hiddenSize = text.num('hidden_size');
    embeddings(stage, text, {
      everyStage: true,
      headOnEveryStage: true,
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      buildLayer(stage, text, layer);
    }
    stage.norm('model.norm', hiddenSize);
  },
};
