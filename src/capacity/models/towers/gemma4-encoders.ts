/**
 * Gemma 4's vision and audio towers as transformers builds them: whole on every rank, their linear layers ReplicatedLinear.
 * Source: transformers modeling_gemma4.py; vllm/model_executor/models/gemma4_mm.py, gemma4_unified.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { conv } from './encoder-layer.ts';

/** Odd widths are left alone. Source: gemma4_mm.py _get_tower_quant_config. */
function isQuantized(config: HfConfig): boolean {
  const intermediate = config.numOr('intermediate_size', 0);
  return config.num('hidden_size') % 64 === 0 && intermediate % 64 === 0;
}

/** Gemma4VisionModel as the module `name`. */
export function buildGemma4Vision(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('hidden_size');
  const intermediate = vision.num('intermediate_size');
  const heads = vision.num('num_attention_heads');
  const headSize = vision.numOr('head_dim', Math.floor(width / heads));
  const kvWidth = headSize * vision.numOr('num_key_value_heads', heads);
  const options = { quantized: isQuantized(vision) };
  const pixels = 3 * vision.num('patch_size') ** 2;
  const positions = [2, vision.num('position_embedding_size'), width];
  stage.tensor(`${name}.patch_embedder.position_embedding_table`, positions);
  stage.replicated(`${name}.patch_embedder.input_proj`, pixels, width, options);
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    const prefix = `${name}.encoder.layers.${layer}`;
    const attention = `${prefix}.self_attn`;
    stage.replicated(`${attention}.q_proj.linear`, width, heads * headSize, options);
    stage.replicated(`${attention}.k_proj.linear`, width, kvWidth, options);
    stage.replicated(`${attention}.v_proj.linear`, width, kvWidth, options);
    stage.replicated(`${attention}.o_proj.linear`, heads * headSize, width, options);
    stage.norm(`${attention}.q_norm`, headSize);
    stage.norm(`${attention}.k_norm`, headSize);
    stage.replicated(`${prefix}.mlp.gate_proj.linear`, width, intermediate, options);
    stage.replicated(`${prefix}.mlp.up_proj.linear`, width, intermediate, options);
    stage.replicated(`${prefix}.mlp.down_proj.linear`, intermediate, width, options);
    for (const norm of NORMS) stage.norm(`${prefix}.${norm}`, width);
  }
}

const NORMS = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
];

/** Gemma4AudioModel as the module `name`. */
export function buildGemma4Audio(stage: StageBuilder, audio: HfConfig, name: string): void {
  const width = audio.num('hidden_size');
  const options = { quantized: isQuantized(audio) };
  const [first = 0, second = 0] = audio.numbers('subsampling_conv_channels');
  const projection = `${name}.subsample_conv_projection`;
  conv(stage, `${projection}.layer0.conv`, [first, 1, 3, 3], false);
  stage.norm(`${projection}.layer0.norm`, first);
  conv(stage, `${projection}.layer1.conv`, [second, first, 3, 3], false);
  stage.norm(`${projection}.layer1.norm`, second);
  const input = Math.floor(first / 4) * second;
  stage.replicated(`${projection}.input_proj_linear`, input, width, options);
  for (let layer = 0; layer < audio.num('num_hidden_layers'); layer++) {
    buildAudioLayer(stage, audio, `${name}.layers.${layer}`, options);
  }
  const output = { bias: true, ...options };
  stage.replicated(`${name}.output_proj`, width, audio.num('output_proj_dims'), output);
}

function buildAudioLayer(
  stage: StageBuilder,
  audio: HfConfig,
  name: string,
  options: { readonly quantized: boolean },
): void {
  const width = audio.num('hidden_size');
  for (const part of ['feed_forward1', 'feed_forward2']) {
    stage.replicated(`${name}.${part}.ffw_layer_1.linear`, width, 4 * width, options);
    stage.replicated(`${name}.${part}.ffw_layer_2.linear`, 4 * width, width, options);
    stage.norm(`${name}.${part}.pre_layer_norm`, width);
    stage.norm(`${name}.${part}.post_layer_norm`, width);
  }
  const headSize = Math.floor(width / audio.num('num_attention_heads'));
  stage.tensor(`${name}.self_attn.per_dim_scale`, [headSize]);
  for (const part of ['q_proj.linear', 'k_proj.linear', 'v_proj.linear', 'post.linear'])
    stage.replicated(`${name}.self_attn.${part}`, width, width, options);
  stage.replicated(`${name}.self_attn.relative_k_proj`, width, width, options);
  stage.replicated(`${name}.lconv1d.linear_start.linear`, width, 2 * width, options);
  stage.replicated(`${name}.lconv1d.linear_end.linear`, width, width, options);
  const kernel = audio.num('conv_kernel_size');
  conv(stage, `${name}.lconv1d.depthwise_conv1d`, [width, 1, kernel], false);
  stage.norm(`${name}.lconv1d.pre_layer_norm`, width);
  stage.norm(`${name}.lconv1d.conv_norm`, width);
  for (const norm of ['norm_pre_attn', 'norm_post_attn', 'norm_out'])
    stage.norm(`${name}.${norm}`, width);
}

/** Gemma4MultimodalEmbedder: audio is as wide as its encoder's output projection. */
export function buildGemma4Embedder(
  stage: StageBuilder,
  tower: HfConfig,
  textWidth: number,
  name: string,
  quantized = isQuantized(tower),
): void {
  const own = tower.numOr('audio_embed_dim', null) ?? tower.numOr('hidden_size', null);
  const width = tower.numOr('output_proj_dims', own) ?? tower.num('hidden_size');
  stage.replicated(`${name}.embedding_projection`, width, textWidth, { quantized });
}
