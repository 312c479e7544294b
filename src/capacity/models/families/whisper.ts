/** Whisper: an encoder without a cache, a decoder with self and cross attention. Source: vllm/…/models/whisper.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';

const CONV_KERNEL = 3;

const BIAS = { bias: true };

function buildFeedForward(stage: StageBuilder, name: string, width: number, inner: number): void {
  stage.column(`${name}.mlp.fc1`, width, inner, BIAS);
  stage.row(`${name}.mlp.fc2`, inner, width, BIAS);
  stage.norm(`${name}.final_layer_norm`, width, BIAS);
}

function buildEncoder(stage: StageBuilder, text: HfConfig): void {
  const width = text.num('d_model');
  const numHeads = text.num('encoder_attention_heads');
  const headSize = Math.floor(width / numHeads);
  const encoder = 'model.encoder';
  for (const [conv, channels] of [
    ['conv1', text.num('num_mel_bins')],
    ['conv2', width],
  ] as const) {
    stage.tensor(`${encoder}.${conv}.weight`, [width, channels, CONV_KERNEL]);
    stage.tensor(`${encoder}.${conv}.bias`, [width]);
  }
  for (let layer = 0; layer < text.num('encoder_layers'); layer++) {
    const name = `${encoder}.layers.${layer}`;
    const heads = { hiddenSize: width, headSize, numHeads, numKvHeads: numHeads };
    stage.qkv(`${name}.self_attn.qkv_proj`, { ...heads, ...BIAS });
    stage.row(`${name}.self_attn.out_proj`, width, width, BIAS);
    stage.norm(`${name}.self_attn_layer_norm`, width, BIAS);
    buildFeedForward(stage, name, width, text.num('encoder_ffn_dim'));
  }
  stage.norm(`${encoder}.layer_norm`, width, BIAS);
  stage.tensor(`${encoder}.embed_positions.weight`, [text.num('max_source_positions'), width]);
}

function buildDecoder(stage: StageBuilder, text: HfConfig): void {
  const width = text.num('d_model');
  const numHeads = text.num('decoder_attention_heads');
  const headSize = Math.floor(width / numHeads);
  const attention = { numHeads, numKvHeads: numHeads, headSize };
  const decoder = 'model.decoder';
  // The table of the output head is exact: this class pads no vocabulary.
  stage.tensor(`${decoder}.embed_tokens.weight`, [text.num('vocab_size'), width]);
  stage.tiedLmHead('proj_out', text.num('vocab_size'), width);
  stage.tensor(`${decoder}.embed_positions.weight`, [text.num('max_target_positions'), width]);
  for (let layer = 0; layer < text.num('decoder_layers'); layer++) {
    // Modules are known by a prefix with a second `layers`, and without the model's.
    const name = `.decoder.layers.${layer}.layers`;
    stage.qkv(`${name}.self_attn.qkv_proj`, { hiddenSize: width, ...attention, ...BIAS });
    stage.row(`${name}.self_attn.out_proj`, width, width, BIAS);
    stage.attention({ name: `${name}.self_attn.attn`, ...attention });
    stage.norm(`${decoder}.layers.${layer}.self_attn_layer_norm`, width, BIAS);
    stage.column(`${name}.encoder_attn.q_proj`, width, width, BIAS);
    stage.column(`${name}.encoder_attn.kv_proj`, width, [width, width], BIAS);
    stage.row(`${name}.encoder_attn.out_proj`, width, width, BIAS);
    stage.attention({
      name: `${name}.encoder_attn.attn`,
      ...attention,
      attnType: 'encoder_decoder',
    });
    stage.norm(`${decoder}.layers.${layer}.encoder_attn_layer_norm`, width, BIAS);
    buildFeedForward(stage, name, width, text.num('decoder_ffn_dim'));
  }
  stage.norm(`${decoder}.layer_norm`, width, BIAS);
}

export const WHISPER: ModelFamily = {
  name: 'whisper',
  architectures: ['WhisperForConditionalGeneration'],
  kind: 'encoder_decoder',
  packedModules: { qkv_proj: ['q_proj', 'k_proj', 'v_proj'], kv_proj: ['k_proj', 'v_proj'] },
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
