/**
 * The audio encoders of Qwen2.5-Omni (transformers' own) and of Qwen3-Omni and Qwen3-ASR.
 * Source: transformers modeling_qwen2_5_omni.py; vllm/model_executor/models/qwen3_omni_moe_thinker.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';
import { buildHfWhisperLayer } from './whisper-encoder.ts';

/** Qwen2_5OmniAudioEncoder as the module `name`: whole on every rank, never quantized. */
export function buildQwen25AudioEncoder(stage: StageBuilder, audio: HfConfig, name: string): void {
  const width = audio.num('d_model');
  const output = audio.num('output_dim');
  conv(stage, `${name}.conv1`, [width, audio.num('num_mel_bins'), 3]);
  conv(stage, `${name}.conv2`, [width, width, 3]);
  stage.tensor(`${name}.audio_bos_eos_token.weight`, [2, output]);
  for (let layer = 0; layer < audio.num('encoder_layers'); layer++) {
    const sizes = { width, intermediate: audio.num('encoder_ffn_dim') };
    buildHfWhisperLayer(stage, `${name}.layers.${layer}`, sizes);
  }
  stage.norm(`${name}.ln_post`, width, { bias: true });
  linear(stage, `${name}.proj`, width, output);
}

/** Qwen3OmniMoeAudioEncoder as the module `name`: heads that do not divide are whole on every rank. */
export function buildQwen3AudioEncoder(stage: StageBuilder, audio: HfConfig, name: string): void {
  const width = audio.num('d_model');
  const inner = audio.num('downsample_hidden_size');
  const heads = audio.num('encoder_attention_heads');
  conv(stage, `${name}.conv2d1`, [inner, 1, 3, 3]);
  conv(stage, `${name}.conv2d2`, [inner, inner, 3, 3]);
  conv(stage, `${name}.conv2d3`, [inner, inner, 3, 3]);
  // Three strides of two over the mel bins.
  const bins = Math.ceil(Math.ceil(Math.ceil(audio.num('num_mel_bins') / 2) / 2) / 2);
  linear(stage, `${name}.conv_out`, inner * bins, width, { bias: false });
  for (let layer = 0; layer < audio.num('encoder_layers'); layer++) {
    buildEncoderLayer(stage, `${name}.layers.${layer}`, {
      width,
      heads,
      intermediate: audio.num('encoder_ffn_dim'),
      mlp: '',
      norms: ['self_attn_layer_norm', 'final_layer_norm'],
      split: heads % stage.tp === 0,
      quantized: false,
    });
  }
  stage.norm(`${name}.ln_post`, width, { bias: true });
  linear(stage, `${name}.proj1`, width, width);
  linear(stage, `${name}.proj2`, width, audio.num('output_dim'));
}
