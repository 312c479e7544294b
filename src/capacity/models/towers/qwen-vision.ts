/**
 * The vision transformers of Qwen2-VL, Qwen2.5-VL and Qwen3-VL, which many others took over.
 * Source: vllm/model_executor/models/{qwen2_vl,qwen2_5_vl,qwen3_vl}.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

function patchShape(vision: HfConfig, width: number, channels: string): readonly number[] {
  const patch = vision.num('patch_size');
  return [width, vision.numOr(channels, 3), vision.numOr('temporal_patch_size', 2), patch, patch];
}

const BLOCK = {
  attention: 'attn',
  qkv: 'qkv',
  output: 'proj',
  norms: ['norm1', 'norm2'],
} as const;

/** `ln_q` and two projections over a square of patches. */
export function buildPatchMerger(
  stage: StageBuilder,
  name: string,
  sizes: { readonly context: number; readonly merge: number; readonly output: number },
  options: {
    readonly normBias: boolean;
    readonly quantized?: boolean;
    /** Width of what is normed; default: one patch. */
    readonly normed?: number;
  },
): void {
  const { quantized = true, normBias } = options;
  const width = sizes.context * sizes.merge ** 2;
  stage.norm(`${name}.ln_q`, options.normed ?? sizes.context, { bias: normBias });
  stage.column(`${name}.mlp.0`, width, width, { bias: true, quantized });
  stage.row(`${name}.mlp.2`, width, sizes.output, { bias: true, quantized });
}

/** Qwen2VisionTransformer as the module `name`. */
export function buildQwen2Vision(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('embed_dim');
  conv(stage, `${name}.patch_embed.proj`, patchShape(vision, width, 'in_channels'), false);
  const intermediate = Math.floor(width * vision.float('mlp_ratio'));
  for (let layer = 0; layer < vision.num('depth'); layer++) {
    buildEncoderLayer(stage, `${name}.blocks.${layer}`, {
      ...BLOCK,
      width,
      heads: vision.num('num_heads'),
      intermediate,
      qkvKind: 'one',
    });
  }
  const merge = vision.num('spatial_merge_size');
  const sizes = { context: width, merge, output: vision.num('hidden_size') };
  buildPatchMerger(stage, `${name}.merger`, sizes, { normBias: true });
}

/** Qwen2_5_VisionTransformer as the module `name`. */
export function buildQwen25Vision(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  quantized = true,
): void {
  const width = vision.num('hidden_size');
  conv(stage, `${name}.patch_embed.proj`, patchShape(vision, width, 'in_channels'), false);
  const heads = vision.num('num_heads');
  for (let layer = 0; layer < vision.num('depth'); layer++) {
    buildEncoderLayer(stage, `${name}.blocks.${layer}`, {
      ...BLOCK,
      width,
      heads,
      numKvHeads: vision.numOr('num_key_value_heads', heads),
      intermediate: vision.num('intermediate_size'),
      gated: true,
      mlpProjections: ['gate_up_proj', 'down_proj'],
      normBias: false,
      quantized,
    });
  }
  const merge = vision.num('spatial_merge_size');
  const sizes = { context: width, merge, output: vision.num('out_hidden_size') };
  buildPatchMerger(stage, `${name}.merger`, sizes, { normBias: false, quantized });
}

/** Qwen3_VisionTransformer as the module `name`. */
export function buildQwen3Vision(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('hidden_size');
  conv(stage, `${name}.patch_embed.proj`, patchShape(vision, width, 'in_channels'));
  stage.tensor(`${name}.pos_embed.weight`, [vision.num('num_position_embeddings'), width]);
  buildQwen3Blocks(stage, vision, name);
  buildQwen3Merger(stage, vision, `${name}.merger`, width);
  const deep = vision.has('deepstack_visual_indexes')
    ? vision.list('deepstack_visual_indexes').length
    : 0;
  for (let merger = 0; merger < deep; merger++) {
    const whole = width * vision.num('spatial_merge_size') ** 2;
    buildQwen3Merger(stage, vision, `${name}.deepstack_merger_list.${merger}`, whole);
  }
}

/** Qwen3Omni_VisionTransformer as the module `name`: positions by the image's grid, mergers as Qwen2-VL's. */
export function buildQwen3OmniVision(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('hidden_size');
  const grid = Math.floor(vision.num('image_size') / vision.num('patch_size')) ** 2;
  conv(stage, `${name}.patch_embed.proj`, patchShape(vision, width, 'in_channels'));
  if (vision.flag('apply_vit_abs_pos_embed'))
    stage.tensor(`${name}.pos_embed.weight`, [grid, width]);
  else stage.tensor(`${name}.pos_embed`, [1, grid, width]);
  buildQwen3Blocks(stage, vision, name);
  const merge = vision.num('spatial_merge_size');
  const sizes = { context: width, merge, output: vision.num('out_hidden_size') };
  buildPatchMerger(stage, `${name}.merger`, sizes, { normBias: true });
  const deep = vision.has('deepstack_visual_indexes')
    ? vision.list('deepstack_visual_indexes').length
    : 0;
  for (let merger = 0; merger < deep; merger++) {
    const options = { normBias: true, normed: width * merge ** 2 };
    buildPatchMerger(stage, `${name}.merger_list.${merger}`, sizes, options);
  }
}

function buildQwen3Blocks(stage: StageBuilder, vision: HfConfig, name: string): void {
  for (let layer = 0; layer < vision.num('depth'); layer++) {
    buildEncoderLayer(stage, `${name}.blocks.${layer}`, {
      ...BLOCK,
      width: vision.num('hidden_size'),
      heads: vision.num('num_heads'),
      intermediate: vision.num('intermediate_size'),
      mlpProjections: ['linear_fc1', 'linear_fc2'],
    });
  }
}

function buildQwen3Merger(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  normed: number,
): void {
  const width = vision.num('hidden_size') * vision.num('spatial_merge_size') ** 2;
  stage.norm(`${name}.norm`, normed, { bias: true });
  stage.column(`${name}.linear_fc1`, width, width, { bias: true });
  stage.row(`${name}.linear_fc2`, width, vision.num('out_hidden_size'), { bias: true });
}
