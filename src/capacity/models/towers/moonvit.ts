/**
 * MoonViT, flat and with time, and the projectors behind it.
 * Source: vllm/model_executor/models/{moonvit,kimi_k25_vit,kimi_vl}.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

export interface MoonVitOptions {
  /** Keys of the learned positions' height and width. */
  readonly positions: readonly [string, string];
  /** false: the model class hands no quantization to the tower. */
  readonly quantized: boolean;
}

function isSet(vision: HfConfig, key: string): boolean {
  return !vision.hasKey(key) || vision.flag(key);
}

/** The tower as the module `name`. */
export function buildMoonVit(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  { positions, quantized }: MoonVitOptions,
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const hasBias = isSet(vision, 'patch_embed_proj_bias');
  conv(stage, `${name}.patch_embed.proj`, [width, 3, patch, patch], hasBias);
  const [height, across] = positions.map((key) => vision.num(key));
  stage.tensor(`${name}.patch_embed.pos_emb.weight`, [height ?? 0, across ?? 0, width]);
  const heads = vision.num('num_attention_heads');
  const normBias = vision.strOr('norm_type', 'layernorm') === 'layernorm';
  const bias = isSet(vision, 'attn_bias');
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    buildEncoderLayer(stage, `${name}.encoder.blocks.${layer}`, {
      width,
      heads,
      headSize: Math.floor(vision.numOr('qkv_hidden_size', width) / heads),
      intermediate: vision.num('intermediate_size'),
      attention: '',
      qkv: 'wqkv',
      output: 'wo',
      norms: ['norm0', 'norm1'],
      mlpProjections: ['fc0', 'fc1'],
      qkvBias: bias,
      outputBias: bias,
      mlpBias: isSet(vision, 'linear_bias'),
      normBias,
      quantized,
    });
  }
  stage.norm(`${name}.encoder.final_layernorm`, width, { bias: normBias });
}

/** A merger of patches as the module `name`: whole on every rank. */
export function buildMoonVitProjector(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  about: { readonly output: number; readonly quantized: boolean },
): void {
  const width = vision.num('hidden_size');
  const merged = vision.numbers('merge_kernel_size').reduce((size, side) => size * side, width);
  const isSecond = vision.strOr('mm_projector_type', 'patchmerger') === 'patchmergerv2';
  const options = { bias: !isSecond, quantized: about.quantized };
  if (!isSecond) stage.norm(`${name}.pre_norm`, width, { bias: true });
  stage.replicated(`${name}.linear_1`, merged, merged, options);
  stage.replicated(`${name}.linear_2`, merged, about.output, options);
  if (isSecond) stage.norm(`${name}.post_norm`, about.output);
}
