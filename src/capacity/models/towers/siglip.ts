/** SigLIP's vision model, split over the ranks. Source: vllm/model_executor/models/siglip.py SiglipVisionModel (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer } from './encoder-layer.ts';
import {
  buildPatchEmbeddings,
  buildVisionLayers,
  type VisionEncoderOptions,
} from './vision-encoder.ts';

/** Declares the tower as the module `name`. */
export function buildSiglip(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  options: VisionEncoderOptions = {},
): void {
  buildSiglipTransformer(stage, vision, `${name}.vision_model`, options);
}

/** What is within `vision_model`; some classes take it bare. */
export function buildSiglipTransformer(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  options: VisionEncoderOptions = {},
): void {
  buildPatchEmbeddings(stage, vision, `${name}.embeddings`, { tokens: 0, bias: true });
  buildVisionLayers(stage, vision, name, options, (layer) => {
    buildSiglipLayer(stage, vision, layer, options.quantized ?? true);
  });
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
