/** Granite Speech's conformer encoder. Source: vllm/model_executor/models/granite_speech.py GraniteSpeechCTCEncoder (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { conv } from './encoder-layer.ts';

/** Declares the encoder as the module `name`. */
export function buildGraniteConformer(stage: StageBuilder, config: HfConfig, name: string): void {
  const width = config.num('hidden_dim');
  const output = config.num('output_dim');
  linear(stage, `${name}.input_linear`, config.num('input_dim'), width);
  for (let layer = 0; layer < config.num('num_layers'); layer++) {
    const prefix = `${name}.layers.${layer}`;
    buildFeedForward(stage, config, `${prefix}.ff1`);
    buildAttention(stage, config, `${prefix}.attn`);
    buildConvolution(stage, config, `${prefix}.conv`);
    buildFeedForward(stage, config, `${prefix}.ff2`);
    stage.norm(`${prefix}.post_norm`, width, { bias: true });
  }
  stage.column(`${name}.out`, width, output, { bias: true });
  stage.row(`${name}.out_mid`, output, width, { bias: true });
}

function buildFeedForward(stage: StageBuilder, config: HfConfig, name: string): void {
  const width = config.num('hidden_dim');
  const inner = width * config.num('feedforward_mult');
  stage.norm(`${name}.pre_norm`, width, { bias: true });
  stage.column(`${name}.up_proj`, width, inner, { bias: true });
  stage.row(`${name}.down_proj`, inner, width, { bias: true });
}

function buildAttention(stage: StageBuilder, config: HfConfig, name: string): void {
  const width = config.num('hidden_dim');
  const headSize = config.num('dim_head');
  const inner = headSize * config.num('num_heads');
  stage.norm(`${name}.pre_norm`, width, { bias: true });
  linear(stage, `${name}.to_q`, width, inner, { bias: false });
  linear(stage, `${name}.to_kv`, width, 2 * inner, { bias: false });
  linear(stage, `${name}.to_out`, inner, width);
  const positions = 2 * config.num('max_pos_emb') + 1;
  stage.tensor(`${name}.rel_pos_emb.weight`, [positions, headSize]);
}

function buildConvolution(stage: StageBuilder, config: HfConfig, name: string): void {
  const width = config.num('hidden_dim');
  const inner = width * config.num('conv_expansion_factor');
  stage.norm(`${name}.norm`, width, { bias: true });
  conv(stage, `${name}.up_conv`, [2 * inner, width, 1]);
  conv(stage, `${name}.depth_conv.conv`, [inner, 1, config.num('conv_kernel_size')], false);
  stage.norm(`${name}.batch_norm`, inner, { bias: true });
  conv(stage, `${name}.down_conv`, [width, inner, 1]);
}
