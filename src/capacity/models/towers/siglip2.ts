/** SigLIP 2 over patches of any number. Source: vllm/model_executor/models/lfm2_siglip2.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer } from './encoder-layer.ts';

/** Siglip2Model of LFM2-VL as the module `name`; `layers`: of a model that reads an earlier one than the last. */
export function buildSiglip2(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  layers?: number,
): void {
  buildSiglip2Bare(stage, vision, `${name}.vision_model`, layers);
}

/** What is within `vision_model`. */
export function buildSiglip2Bare(
  stage: StageBuilder,
  vision: HfConfig,
  prefix: string,
  layers?: number,
): void {
  const width = vision.num('hidden_size');
  const pixels = vision.numOr('num_channels', 3) * vision.num('patch_size') ** 2;
  linear(stage, `${prefix}.embeddings.patch_embedding`, pixels, width);
  const positions = [vision.num('num_patches'), width];
  stage.tensor(`${prefix}.embeddings.position_embedding.weight`, positions);
  buildLayers(stage, vision, prefix, layers);
}

function buildLayers(stage: StageBuilder, vision: HfConfig, name: string, layers?: number): void {
  const width = vision.num('hidden_size');
  const all = vision.num('num_hidden_layers');
  const count = layers ?? all;
  for (let layer = 0; layer < count; layer++) {
    buildEncoderLayer(stage, `${name}.encoder.layers.${layer}`, {
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
    });
  }
  if (count === all) stage.norm(`${name}.post_layernorm`, width, { bias: true });
}
