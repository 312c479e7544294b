/** GLM-4.1V's and GLM-OCR's vision transformers. Source: vllm/model_executor/models/{glm4_1v,glm_ocr}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

interface GlmVisionKind {
  /** Projections have biases, and queries and keys norms: GLM-OCR. */
  readonly isOcr: boolean;
  /** Width between the gates of the merger. */
  readonly mergerWidth: number;
}

/** Glm4vVisionTransformer or GlmOcrVisionTransformer as the module `name`. */
export function buildGlmVision(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  { isOcr, mergerWidth }: GlmVisionKind,
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const temporal = vision.num('temporal_patch_size');
  const shape = [width, vision.numOr('in_channels', 3), temporal, patch, patch];
  conv(stage, `${name}.patch_embed.proj`, shape);
  const heads = vision.num('num_heads');
  for (let layer = 0; layer < vision.num('depth'); layer++) {
    const block = `${name}.blocks.${layer}`;
    if (isOcr) {
      stage.norm(`${block}.attn.q_norm`, Math.floor(width / heads));
      stage.norm(`${block}.attn.k_norm`, Math.floor(width / heads));
    }
    buildEncoderLayer(stage, block, {
      width,
      heads,
      intermediate: isOcr ? vision.num('intermediate_size') : vision.num('out_hidden_size'),
      attention: 'attn',
      qkv: 'qkv',
      output: 'proj',
      norms: ['norm1', 'norm2'],
      normBias: false,
      gated: true,
      mlpProjections: ['gate_up_proj', 'down_proj'],
      qkvBias: isOcr,
      outputBias: isOcr,
      mlpBias: isOcr,
    });
  }
  const output = vision.num('out_hidden_size');
  const merge = vision.num('spatial_merge_size');
  stage.column(`${name}.merger.proj`, output, output);
  stage.norm(`${name}.merger.post_projection_norm`, output, { bias: true });
  stage.gatedMlp(`${name}.merger`, output, mergerWidth);
  if (!isOcr) {
    const patches = Math.floor(vision.num('image_size') / patch) ** 2;
    stage.tensor(`${name}.embeddings.position_embedding.weight`, [patches, width]);
    stage.norm(`${name}.post_conv_layernorm`, width);
  }
  conv(stage, `${name}.downsample`, [output, width, merge, merge]);
  stage.norm(`${name}.post_layernorm`, width);
}
