/** Whisper: an encoder without a cache, a decoder with self and cross attention. Source: vllm/…/models/whisper.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';

const CONV_KERNEL = 3;

function buildFeedForward(stage: StageBuilder, width: number, intermediate: number): void {
  stage.column(width, intermediate, { bias: true });
  stage.row(intermediate, width, { bias: true });
}

function buildEncoder(stage: StageBuilder, text: HfConfig): void {
  const width = text.num('d_model');
  const numHeads = text.num('encoder_attention_heads');
  const headSize = Math.floor(width / numHeads);
  stage.tensor(CONV_KERNEL * width * (text.num('num_mel_bins') + width) + 2 * width);
  for (let layer = 0; layer < text.num('encoder_layers'); layer++) {
    stage.qkv({ hiddenSize: width, headSize, numHeads, numKvHeads: numHeads, bias: true });
    stage.row(width, width, { bias: true });
    buildFeedForward(stage, width, text.num('encoder_ffn_dim'));
    stage.norm(2 * width, { bias: true });
  }
  stage.norm(width, { bias: true });
  stage.tensor(text.num('max_source_positions') * width);
}

function buildDecoder(stage: StageBuilder, text: HfConfig): void {
  const width = text.num('d_model');
  const numHeads = text.num('decoder_attention_heads');
  const headSize = Math.floor(width / numHeads);
  const attention = { numHeads, numKvHeads: numHeads, headSize };
  // The table of the output head is exact: this class pads no vocabulary.
  stage.tensor((text.num('vocab_size') + text.num('max_target_positions')) * width);
  for (let layer = 0; layer < text.num('decoder_layers'); layer++) {
    const name = `.decoder.layers.${layer}.layers`;
    stage.qkv({ hiddenSize: width, ...attention, bias: true });
    stage.row(width, width, { bias: true });
    stage.attention({ name: `${name}.self_attn.attn`, ...attention });
    stage.column(width, width, { bias: true });
    stage.column(width, 2 * width, { bias: true });
    stage.row(width, width, { bias: true });
    stage.attention({
      name: `${name}.encoder_attn.attn`,
      ...attention,
      attnType: 'encoder_decoder',
    });
    buildFeedForward(stage, width, text.num('decoder_ffn_dim'));
    stage.norm(3 * width, { bias: true });
  }
  stage.norm(width, { bias: true });
}

export const WHISPER: ModelFamily = {
  name: 'whisper',
  architectures: ['WhisperForConditionalGeneration'],
  kind: 'encoder_decoder',
  defaults: { whisper: { max_target_positions: 448, max_source_positions: 1500 } },
  normalize: (text) => {
    const width = text.num('d_model');
    const heads = text.num('encoder_attention_heads');
    return text.with({
      hidden_size: width,
      num_attention_heads: heads,
      num_key_value_heads: heads,
    });
  },
  build: (stage, { text }) => {
    buildEncoder(stage, text);
    buildDecoder(stage, text);
  },
};
