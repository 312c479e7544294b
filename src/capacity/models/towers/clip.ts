/** CLIP's vision model. Source: vllm/model_executor/models/clip.py CLIPVisionModel (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';
import type { SiglipOptions } from './siglip.ts';

/** Declares the tower as the module `name`. */
export function buildClip(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  options: SiglipOptions = {},
): void {
  buildClipTransformer(stage, vision, `${name}.vision_model`, options);
}

/** What is within `vision_model`; CLIP itself takes it bare. */
export function buildClipTransformer(
  stage: StageBuilder,
  vision: HfConfig,
  prefix: string,
  { layers, postNorm, quantized = true }: SiglipOptions = {},
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  const all = vision.num('num_hidden_layers');
  stage.tensor(`${prefix}.embeddings.class_embedding`, [width]);
  const channels = vision.numOr('num_channels', 3);
  conv(stage, `${prefix}.embeddings.patch_embedding`, [width, channels, patch, patch], false);
  stage.tensor(`${prefix}.embeddings.position_embedding.weight`, [patches + 1, width]);
  // vLLM's own spelling.
  stage.norm(`${prefix}.pre_layrnorm`, width, { bias: true });
  const count = layers ?? all;
  for (let layer = 0; layer < count; layer++) {
    buildEncoderLayer(stage, `${prefix}.encoder.layers.${layer}`, {
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
      quantized,
    });
  }
  if (postNorm ?? count === all) stage.norm(`${prefix}.post_layernorm`, width, { bias: true });
}
