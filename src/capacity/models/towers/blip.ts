/** BLIP's vision model. Source: vllm/model_executor/models/blip.py BlipVisionModel (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

/** Declares the tower as the module `name`. */
export function buildBlipVision(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  stage.tensor(`${name}.embeddings.class_embedding`, [1, 1, width]);
  stage.tensor(`${name}.embeddings.position_embedding`, [1, patches + 1, width]);
  conv(stage, `${name}.embeddings.patch_embedding`, [width, 3, patch, patch]);
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    buildEncoderLayer(stage, `${name}.encoder.layers.${layer}`, {
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
      qkv: 'qkv',
      output: 'projection',
      qkvBias: vision.flag('qkv_bias'),
    });
  }
  stage.norm(`${name}.post_layernorm`, width, { bias: true });
}
