/** SigLIP's vision model, split over the ranks. Source: vllm/model_executor/models/siglip.py SiglipVisionModel (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv, linear } from './encoder-layer.ts';

export interface SiglipOptions {
  /** Layers that are built, where the language model reads an earlier one than the last. */
  readonly layers?: number;
  /** The norm after the last layer; default: where all layers are built. */
  readonly postNorm?: boolean;
  /** The model class hands its quantization on; default: it does. */
  readonly quantized?: boolean;
}

/** Declares the tower as the module `name`. */
export function buildSiglip(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  options: SiglipOptions = {},
): void {
  buildSiglipTransformer(stage, vision, `${name}.vision_model`, options);
}

/** What is within `vision_model`; some classes take it bare. */
export function buildSiglipTransformer(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  { layers, postNorm, quantized = true }: SiglipOptions = {},
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  const all = vision.num('num_hidden_layers');
  const channels = vision.numOr('num_channels', 3);
  conv(stage, `${name}.embeddings.patch_embedding`, [width, channels, patch, patch]);
  stage.tensor(`${name}.embeddings.position_embedding.weight`, [patches, width]);
  const count = layers ?? all;
  for (let layer = 0; layer < count; layer++) {
    buildSiglipLayer(stage, vision, `${name}.encoder.layers.${layer}`, quantized);
  }
  if (postNorm ?? count === all) stage.norm(`${name}.post_layernorm`, width, { bias: true });
}

/** A learned query over all patches, torch's own attention. Source: siglip.py SiglipMultiheadAttentionPoolingHead. */
export function buildSiglipHead(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('hidden_size');
  const intermediate = vision.num('intermediate_size');
  stage.tensor(`${name}.probe`, [1, 1, width]);
  stage.tensor(`${name}.attention.in_proj_weight`, [3 * width, width]);
  stage.tensor(`${name}.attention.in_proj_bias`, [3 * width]);
  linear(stage, `${name}.attention.out_proj`, width, width);
  stage.norm(`${name}.layernorm`, width, { bias: true });
  const options = { bias: true, quantized: width % 64 === 0 && intermediate % 64 === 0 };
  stage.column(`${name}.mlp.fc1`, width, intermediate, options);
  stage.row(`${name}.mlp.fc2`, intermediate, width, options);
}

/** One encoder layer, which others use as well. Source: siglip.py SiglipEncoderLayer. */
export function buildSiglipLayer(
  stage: StageBuilder,
  config: HfConfig,
  name: string,
  quantized: boolean,
): void {
  const width = config.num('hidden_size');
  const intermediate = config.num('intermediate_size');
  buildEncoderLayer(stage, name, {
    width,
    heads: config.num('num_attention_heads'),
    intermediate,
    quantized,
    // Most methods' kernels take no odd widths.
    mlpQuantized: quantized && width % 64 === 0 && intermediate % 64 === 0,
  });
}
