/** Idefics' vision transformer. Source: vllm/model_executor/models/idefics2_vision_model.py Idefics2VisionTransformer (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

export interface IdeficsOptions {
  readonly layers?: number;
  readonly postNorm?: boolean;
  /** false: every rank holds the whole tower. */
  readonly split?: boolean;
}

/** Declares the tower as the module `name`. */
export function buildIdeficsVision(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  options: IdeficsOptions = {},
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  const channels = vision.numOr('num_channels', 3);
  const layers = options.layers ?? vision.num('num_hidden_layers');
  conv(stage, `${name}.embeddings.patch_embedding`, [width, channels, patch, patch]);
  stage.tensor(`${name}.embeddings.position_embedding.weight`, [patches, width]);
  for (let layer = 0; layer < layers; layer++) {
    buildEncoderLayer(stage, `${name}.encoder.layers.${layer}`, {
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
      split: options.split ?? true,
    });
  }
  if (options.postNorm !== false) stage.norm(`${name}.post_layernorm`, width, { bias: true });
}
