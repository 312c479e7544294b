/** Dasheng's audio transformer. Source: vllm/model_executor/models/midashenglm.py DashengAudioTransformer (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

/** Declares the encoder as the module `name`. */
export function buildDasheng(stage: StageBuilder, audio: HfConfig, name: string): void {
  const width = audio.num('embed_dim');
  const mels = audio.num('n_mels');
  const patch = audio.num('patch_size');
  const stride = audio.num('patch_stride');
  const frames = Math.floor(audio.num('target_length') / stride);
  stage.tensor(`${name}.time_pos_embed`, [1, width, 1, frames]);
  stage.tensor(`${name}.freq_pos_embed`, [1, width, Math.floor(mels / stride), 1]);
  stage.norm(`${name}.init_bn`, mels, { bias: true });
  const channels = audio.numOr('input_channels', 1);
  conv(stage, `${name}.patch_embed.proj`, [width, channels, patch, patch]);
  for (let layer = 0; layer < audio.num('depth'); layer++) {
    buildEncoderLayer(stage, `${name}.blocks.${layer}`, {
      width,
      heads: audio.num('num_heads'),
      intermediate: Math.trunc(width * audio.float('mlp_ratio')),
      attention: 'attn',
      qkv: 'qkv',
      output: 'proj',
      norms: ['norm1', 'norm2'],
      qkvBias: audio.flag('qkv_bias'),
    });
  }
  stage.norm(`${name}.norm`, width, { bias: true });
}
