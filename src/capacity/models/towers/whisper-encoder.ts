/** Whisper's encoder as transformers builds it: whole on every rank, never quantized. Source: transformers modeling_qwen2_audio.py. */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { conv, linear } from './encoder-layer.ts';

const KERNEL = 3;

export interface AudioEncoderSizes {
  readonly width: number;
  readonly layers: number;
  readonly intermediate: number;
  readonly melBins: number;
  readonly positions: number;
}

/** Sizes by Whisper's names, or by those of the encoders that were made after it. */
export function audioEncoderSizes(audio: HfConfig): AudioEncoderSizes {
  return {
    width: audio.numOr('d_model', audio.numOr('hidden_size', 0)),
    layers: audio.numOr('encoder_layers', audio.numOr('num_hidden_layers', 0)),
    intermediate: audio.numOr('encoder_ffn_dim', audio.numOr('intermediate_size', 0)),
    melBins: audio.num('num_mel_bins'),
    positions: audio.numOr('max_source_positions', audio.numOr('max_position_embeddings', 1500)),
  };
}

/** Declares the encoder as the module `name`; keys have no bias. */
export function buildHfWhisperEncoder(stage: StageBuilder, audio: HfConfig, name: string): void {
  const { width, layers, intermediate, melBins, positions } = audioEncoderSizes(audio);
  conv(stage, `${name}.conv1`, [width, melBins, KERNEL]);
  conv(stage, `${name}.conv2`, [width, width, KERNEL]);
  stage.tensor(`${name}.embed_positions.weight`, [positions, width]);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `${name}.layers.${layer}`;
    linear(stage, `${prefix}.self_attn.k_proj`, width, width, false);
    for (const part of ['v_proj', 'q_proj', 'out_proj'])
      linear(stage, `${prefix}.self_attn.${part}`, width, width);
    linear(stage, `${prefix}.fc1`, width, intermediate);
    linear(stage, `${prefix}.fc2`, intermediate, width);
    stage.norm(`${prefix}.self_attn_layer_norm`, width, { bias: true });
    stage.norm(`${prefix}.final_layer_norm`, width, { bias: true });
  }
  stage.norm(`${name}.layer_norm`, width, { bias: true });
}
