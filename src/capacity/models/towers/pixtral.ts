/** Pixtral's vision transformer in transformers' form and in Mistral's own. Source: vllm/model_executor/models/pixtral.py. */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

const PIXTRAL_LAYER = {
  attention: 'attention',
  mlp: 'feed_forward',
  output: 'o_proj',
  norms: ['attention_norm', 'ffn_norm'],
  mlpProjections: ['gate_up_proj', 'down_proj'],
  gated: true,
  qkvBias: false,
  outputBias: false,
  mlpBias: false,
  normBias: false,
} as const;

/** PixtralHFVisionModel as the module `name`. */
export function buildPixtralHf(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  layers = vision.num('num_hidden_layers'),
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const channels = vision.numOr('num_channels', 3);
  conv(stage, `${name}.patch_conv`, [width, channels, patch, patch], false);
  stage.norm(`${name}.ln_pre`, width);
  for (let layer = 0; layer < layers; layer++) {
    buildEncoderLayer(stage, `${name}.transformer.layers.${layer}`, {
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
      ...PIXTRAL_LAYER,
    });
  }
}

/** Mistral's own VisionTransformer as the module `name`; never quantized. */
export function buildPixtral(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const channels = vision.numOr('num_channels', 3);
  conv(stage, `${name}.patch_conv`, [width, channels, patch, patch], false);
  stage.norm(`${name}.ln_pre`, width);
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    buildEncoderLayer(stage, `${name}.transformer.layers.${layer}`, {
      ...PIXTRAL_LAYER,
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
      quantized: false,
    });
  }
}
