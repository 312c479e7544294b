/** The vision transformers of Step 3 and of Step's perception encoder. Source: vllm/model_executor/models/{step3_vl,step_vl}.py. */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

/** Step3VisionTransformer as the module `name`; never quantized. */
export function buildStep3Vision(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  const channels = vision.numOr('num_channels', 3);
  stage.tensor(`${name}.embeddings.class_embedding`, [1, width]);
  conv(stage, `${name}.embeddings.patch_embedding`, [width, channels, patch, patch]);
  stage.tensor(`${name}.embeddings.position_embedding.weight`, [patches + 1, width]);
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    buildEncoderLayer(stage, `${name}.transformer.layers.${layer}`, {
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
      quantized: false,
    });
  }
}

/** PerceptionEncoder as the module `name`. */
export function buildPerceptionEncoder(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('width');
  const patch = vision.num('patch_size');
  conv(stage, `${name}.conv1`, [width, vision.numOr('num_channels', 3), patch, patch], false);
  if (vision.flag('use_ln_pre')) stage.norm(`${name}.ln_pre`, width, { bias: true });
  if (vision.flag('use_ln_post')) stage.norm(`${name}.ln_post`, width, { bias: true });
  for (let layer = 0; layer < vision.num('layers'); layer++) {
    const block = `${name}.transformer.resblocks.${layer}`;
    buildEncoderLayer(stage, block, {
      width,
      heads: vision.num('heads'),
      intermediate: Math.trunc(width * vision.float('mlp_ratio')),
      attention: 'attn',
      norms: ['ln_1', 'ln_2'],
    });
    if (!vision.has('ls_init_value')) continue;
    stage.tensor(`${block}.ls_1.gamma`, [width]);
    stage.tensor(`${block}.ls_2.gamma`, [width]);
  }
  conv(stage, `${name}.vit_downsampler1`, [2 * width, width, 3, 3]);
  conv(stage, `${name}.vit_downsampler2`, [4 * width, 2 * width, 3, 3]);
  const classTokens = vision.flag('use_cls_token') ? 1 : 0;
  if (classTokens > 0) stage.tensor(`${name}.class_embedding`, [width]);
  if (!vision.flag('use_abs_posemb')) return;
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  stage.tensor(`${name}.positional_embedding`, [classTokens + patches, width]);
}
