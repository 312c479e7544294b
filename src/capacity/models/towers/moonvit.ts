/** MoonViT of Kimi-VL and Kimi K2.5. Source: vllm/model_executor/models/{moonvit,kimi_k25_vit}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

/** Declares the tower as the module `name`. */
export function buildMoonVit(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  quantized: boolean,
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  conv(stage, `${name}.patch_embed.proj`, [width, 3, patch, patch]);
  const grid = ['height', 'width'].map(
    (side) => vision.numOr(`init_pos_emb_${side}`, null) ?? vision.num(`pos_emb_${side}`),
  );
  stage.tensor(`${name}.patch_embed.pos_emb.weight`, [...grid, width]);
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    buildEncoderLayer(stage, `${name}.encoder.blocks.${layer}`, {
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
      attention: '',
      qkv: 'wqkv',
      output: 'wo',
      norms: ['norm0', 'norm1'],
      mlpProjections: ['fc0', 'fc1'],
      quantized,
    });
  }
  stage.norm(`${name}.encoder.final_layernorm`, width, { bias: true });
}
