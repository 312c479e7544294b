/** Whisper's encoder as transformers builds it: whole on every rank, never quantized. Source: modeling_qwen2_audio.py. */
import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer, conv } from './encoder-layer.ts';

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

/** Declares the encoder as the module `name`. */
export function buildHfWhisperEncoder(stage: StageBuilder, audio: HfConfig, name: string): void {
  const { width, layers, intermediate, melBins, positions } = audioEncoderSizes(audio);
  conv(stage, `${name}.conv1`, [width, melBins, KERNEL]);
  conv(stage, `${name}.conv2`, [width, width, KERNEL]);
  stage.tensor(`${name}.embed_positions.weight`, [positions, width]);
  for (let layer = 0; layer < layers; layer++) {
    buildHfWhisperLayer(stage, `${name}.layers.${layer}`, { width, intermediate });
  }
  stage.norm(`${name}.layer_norm`, width, { bias: true });
}

/** One layer as transformers builds it; keys have no bias. */
export function buildHfWhisperLayer(
  stage: StageBuilder,
  name: string,
  { width, intermediate }: { readonly width: number; readonly intermediate: number },
): void {
  linear(stage, `${name}.self_attn.k_proj`, width, width, { bias: false });
  for (const part of ['v_proj', 'q_proj', 'out_proj'])
    linear(stage, `${name}.self_attn.${part}`, width, width);
  linear(stage, `${name}.fc1`, width, intermediate);
  linear(stage, `${name}.fc2`, intermediate, width);
  stage.norm(`${name}.self_attn_layer_norm`, width, { bias: true });
  stage.norm(`${name}.final_layer_norm`, width, { bias: true });
}

/** vLLM's WhisperEncoder as the module `name`; `split`: its layers over the pipeline stages. Source: whisper.py. */
export function buildWhisperEncoder(
  stage: StageBuilder,
  audio: HfConfig,
  name: string,
  options: { readonly split?: boolean; readonly positionsDtype?: string } = {},
): void {
  const { width, layers, melBins, positions } = audioEncoderSizes(audio);
  conv(stage, `${name}.conv1`, [width, melBins, KERNEL]);
  conv(stage, `${name}.conv2`, [width, width, KERNEL]);
  const all = Array.from({ length: layers }, (_, layer) => layer);
  for (const layer of options.split === true ? stage.layerRange(layers) : all) {
    buildWhisperEncoderLayer(stage, audio, `${name}.layers.${layer}`);
  }
  stage.norm(`${name}.layer_norm`, width, { bias: true });
  const { positionsDtype } = options;
  stage.tensor(`${name}.embed_positions.weight`, [positions, width], positionsDtype);
}

/** Source: vllm/model_executor/models/whisper.py WhisperEncoderLayer. */
export function buildWhisperEncoderLayer(stage: StageBuilder, audio: HfConfig, name: string): void {
  const { width, intermediate } = audioEncoderSizes(audio);
  buildEncoderLayer(stage, name, {
    width,
    heads: audio.numOr('encoder_attention_heads', null) ?? audio.num('num_attention_heads'),
    intermediate,
    norms: ['self_attn_layer_norm', 'final_layer_norm'],
  });
}

/** GLM-ASR's encoder, which rotates instead of adding positions. Source: vllm/model_executor/models/glmasr.py. */
export function buildGlmAsrEncoder(stage: StageBuilder, audio: HfConfig, name: string): void {
  const { width, layers, intermediate, melBins } = audioEncoderSizes(audio);
  const heads = audio.num('num_attention_heads');
  conv(stage, `${name}.conv1`, [width, melBins, KERNEL]);
  conv(stage, `${name}.conv2`, [width, width, KERNEL]);
  for (let layer = 0; layer < layers; layer++) {
    buildEncoderLayer(stage, `${name}.layers.${layer}`, {
      width,
      heads,
      numKvHeads: audio.numOr('num_key_value_heads', heads),
      intermediate,
      output: 'o_proj',
      norms: ['input_layernorm', 'post_attention_layernorm'],
    });
  }
  stage.norm(`${name}.norm`, width, { bias: true });
}
