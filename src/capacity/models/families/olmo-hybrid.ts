/**
 * OLMo Hybrid: gated delta nets with an attention layer now and then, which norm what they give instead of what they take.
 * Source: vllm/model_executor/models/olmo_hybrid.py, vllm/model_executor/layers/mamba/gdn/olmo_gdn_linear_attn.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildQkNorm, embeddings, layerType } from './common.ts';
import { llamaHeads } from './decoder.ts';
import { deltaNetSizes, deltaNetState } from './qwen-gdn.ts';

function buildDeltaNet(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const { keyWidth, valueHeads, valueWidth, convWidth } = deltaNetSizes(text);
  const heads = stage.perRank(valueHeads, 'linear_num_value_heads');
  stage.tensor(`${name}.dt_bias`, [heads]);
  stage.tensor(`${name}.A_log`, [heads]);
  const inputs = [keyWidth, keyWidth, valueWidth, valueWidth];
  stage.column(`${name}.in_proj_qkvg`, hiddenSize, inputs);
  stage.column(`${name}.b_proj`, hiddenSize, valueHeads);
  stage.column(`${name}.a_proj`, hiddenSize, valueHeads);
  const kernel = text.num('linear_conv_kernel_dim');
  stage.column(`${name}.conv1d`, kernel, convWidth, { quantized: false });
  stage.norm(`${name}.o_norm`, text.num('linear_value_head_dim'));
  stage.row(`${name}.o_proj`, valueWidth, hiddenSize);
}

function buildAttention(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const heads = llamaHeads(text);
  stage.qkv(`${name}.qkv_proj`, { hiddenSize, ...heads });
  buildQkNorm(stage, name, 'full', heads);
  stage.row(`${name}.o_proj`, heads.numHeads * heads.headSize, hiddenSize);
  stage.attention({ name: `${name}.attn`, ...heads });
}

/** transformers: three delta nets to one attention layer, and attention at the end. */
function normalize(text: HfConfig): HfConfig {
  if (text.has('layer_types')) return text;
  const count = text.num('num_hidden_layers');
  const layer_types = Array.from({ length: count }, (_, layer) =>
    layer % 4 === 3 || layer === count - 1 ? 'full_attention' : 'linear_attention',
  );
  return text.with({ layer_types });
}

export const OLMO_HYBRID: ModelFamily = {
  name: 'olmo hybrid',
  architectures: ['OlmoHybridForCausalLM'],
  kind: 'hybrid',
  packedModules: {},
  defaults: {
    olmo_hybrid: {
      tie_word_embeddings: false,
      linear_num_key_heads: 30,
      linear_num_value_heads: 30,
      linear_key_head_dim: 96,
      linear_value_head_dim: 192,
      linear_conv_kernel_dim: 4,
      max_position_embeddings: 65536,
    },
  },
  normalize,
  state: deltaNetState,
  build: (stage, model) => {
    const { text } = model;
    const hiddenSize = text.num('hidden_size');
    embeddings(stage, text, {
      everyStage: true,
      headOnEveryStage: true,
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}`;
      const isLinear = layerType(text, layer) === 'linear_attention';
      if (isLinear) {
        buildDeltaNet(stage, text, `${name}.linear_attn`);
        stage.state(`${name}.linear_attn`, deltaNetState(model, stage.run));
        stage.norm(`${name}.input_layernorm`, hiddenSize);
      } else {
        buildAttention(stage, text, `${name}.self_attn`);
        stage.norm(`${name}.post_feedforward_layernorm`, hiddenSize);
      }
      stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
      stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
    }
    stage.norm('model.norm', hiddenSize);
  },
};
