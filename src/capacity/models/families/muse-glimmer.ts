/**
 * Muse-Glimmer: a gate behind the attention, norms on both sides, a vision encoder in front. Source:
 * vllm/model_executor/models/muse_glimmer.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, slidingLayerWindow } from './common.ts';
import { llamaHeads } from './decoder.ts';

const NORMS = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
];
const COLORS = 3;
const BIAS = { bias: true };
const PLAIN = { quantized: false };

function buildEncoder(stage: StageBuilder, vision: HfConfig): void {
  const width = vision.num('hidden_size');
  const numHeads = vision.num('num_attention_heads');
  const heads = { numHeads, numKvHeads: numHeads, headSize: Math.floor(width / numHeads) };
  const positions = vision.num('pos_emb_height') * vision.num('pos_emb_width');
  const patch = vision.num('patch_size') ** 2 * vision.num('patch_temporal') * COLORS;
  stage.tensor('vision_encoder.positional_embedding_vlm', [positions, width]);
  stage.tensor('vision_encoder.conv1_linear.weight', [width, patch]);
  stage.norm('vision_encoder.ln_pre', width, BIAS);
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    const name = `vision_encoder.transformer.${layer}`;
    stage.norm(`${name}.ln_1`, width, BIAS);
    stage.qkv(`${name}.attn.qkv_proj`, { hiddenSize: width, ...heads, ...BIAS, ...PLAIN });
    stage.row(`${name}.attn.o_proj`, width, width, { ...BIAS, ...PLAIN });
    stage.norm(`${name}.ln_2`, width, BIAS);
    const inner = vision.num('intermediate_size');
    stage.replicated(`${name}.mlp.c_fc`, width, inner, { ...BIAS, ...PLAIN });
    stage.replicated(`${name}.mlp.c_proj`, inner, width, { ...BIAS, ...PLAIN });
  }
  stage.norm('vision_encoder.ln_post', width, BIAS);
}

function buildProjector(stage: StageBuilder, root: HfConfig, hiddenSize: number): void {
  const vision = root.sub('vision_config');
  const merged = vision.num('hidden_size') * vision.num('merge_size') ** 2;
  const width = root.num('projector_hidden_size');
  stage.replicated('vision_adapter.c_fc', merged, width, PLAIN);
  stage.replicated('vision_adapter.c_proj', width, width, PLAIN);
  stage.replicated('vision_projection', width, hiddenSize, PLAIN);
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const heads = llamaHeads(text);
  const name = `model.layers.${layer}`;
  const width = heads.numHeads * heads.headSize;
  stage.qkv(`${name}.self_attn.qkv_proj`, { hiddenSize, ...heads });
  stage.row(`${name}.self_attn.o_proj`, width, hiddenSize);
  stage.column(`${name}.self_attn.output_gate_proj`, hiddenSize, width);
  const slidingWindow = slidingLayerWindow(text, layer);
  stage.attention({ name: `${name}.self_attn.attn`, ...heads, slidingWindow });
  stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
  for (const norm of NORMS) stage.norm(`${name}.${norm}`, hiddenSize);
}

export const MUSE_GLIMMER: ModelFamily = {
  name: 'muse-glimmer',
  architectures: ['MuseGlimmerForCausalLM'],
  kind: 'decoder',
  defaults: {
    muse_glimmer_text: {
      tie_word_embeddings: false,
      head_dim: 128,
      num_key_value_heads: 2,
      sliding_window: 2048,
      max_position_embeddings: 131072,
    },
  },
  build: (stage, { text, root }) => {
    const hiddenSize = text.num('hidden_size');
    embeddings(stage, text, {
      everyStage: true,
      headOnEveryStage: true,
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      buildLayer(stage, text, layer);
    }
    stage.norm('model.norm', hiddenSize);
    if (!stage.isFirst) return;
    buildEncoder(stage, root.sub('vision_config'));
    buildProjector(stage, root, hiddenSize);
  },
};
