/** SigLIP's vision model, split over the ranks. Source: vllm/model_executor/models/siglip.py SiglipVisionModel (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';

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
  { layers, postNorm, quantized = true }: SiglipOptions = {},
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  const all = vision.num('num_hidden_layers');
  const prefix = `${name}.vision_model`;
  const embedding = `${prefix}.embeddings.patch_embedding`;
  stage.tensor(`${embedding}.weight`, [width, vision.numOr('num_channels', 3), patch, patch]);
  stage.tensor(`${embedding}.bias`, [width]);
  stage.tensor(`${prefix}.embeddings.position_embedding.weight`, [patches, width]);
  for (let layer = 0; layer < (layers ?? all); layer++) {
    buildSiglipLayer(stage, vision, `${prefix}.encoder.layers.${layer}`, quantized);
  }
  if (postNorm ?? (layers ?? all) === all) {
    stage.norm(`${prefix}.post_layernorm`, width, { bias: true });
  }
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
  const heads = config.num('num_attention_heads');
  const options = { bias: true, quantized };
  // Odd widths are left alone by most methods' kernels.
  const mlpQuantized = quantized && width % 64 === 0 && intermediate % 64 === 0;
  const sizes = { hiddenSize: width, headSize: Math.floor(width / heads) };
  stage.qkv(`${name}.self_attn.qkv_proj`, {
    ...sizes,
    numHeads: heads,
    numKvHeads: heads,
    ...options,
  });
  stage.row(`${name}.self_attn.out_proj`, width, width, options);
  stage.norm(`${name}.layer_norm1`, width, { bias: true });
  stage.column(`${name}.mlp.fc1`, width, intermediate, { bias: true, quantized: mlpQuantized });
  stage.row(`${name}.mlp.fc2`, intermediate, width, { bias: true, quantized: mlpQuantized });
  stage.norm(`${name}.layer_norm2`, width, { bias: true });
}
