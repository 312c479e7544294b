/** Jamba: Mamba layers with an attention layer now and then, experts in some. Source: vllm/model_executor/models/jamba.py. */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import { embeddings, kvHeads } from './common.ts';
import { buildMamba1, type Mamba1Sizes, mamba1State } from './mamba-mixers.ts';

function mixerSizes(text: HfConfig): Mamba1Sizes {
  const hiddenSize = text.num('hidden_size');
  const rank = text.get('mamba_dt_rank');
  return {
    hiddenSize,
    intermediateSize: text.float('mamba_expand') * hiddenSize,
    stateSize: text.num('mamba_d_state'),
    convKernel: text.num('mamba_d_conv'),
    timeStepRank: typeof rank === 'number' ? rank : Math.ceil(hiddenSize / 16),
    convBias: text.flag('mamba_conv_bias'),
    bias: text.flag('mamba_proj_bias'),
    normWeights: true,
  };
}

function isAttention(text: HfConfig, layer: number): boolean {
  return layer % text.num('attn_layer_period') === text.num('attn_layer_offset');
}

function numExperts(text: HfConfig, layer: number): number {
  const isExpert = layer % text.num('expert_layer_period') === text.num('expert_layer_offset');
  return isExpert ? text.num('num_experts') : 1;
}

export const JAMBA: ModelFamily = {
  name: 'jamba',
  architectures: ['JambaForCausalLM'],
  kind: 'hybrid',
  packedModules: {
    qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
    gate_up_proj: ['gate_proj', 'up_proj'],
    in_proj: ['in_proj'],
  },
  defaults: {
    jamba: {
      num_key_value_heads: 8,
      num_experts: 16,
      expert_layer_period: 2,
      expert_layer_offset: 1,
      attn_layer_period: 8,
      attn_layer_offset: 4,
      mamba_d_state: 16,
      mamba_d_conv: 4,
      mamba_expand: 2,
      mamba_conv_bias: true,
      max_position_embeddings: 262144,
    },
  },
  state: ({ text, dtype }, run) => mamba1State(mixerSizes(text), dtype, run),
  build: (stage, { text, dtype }) => {
    const sizes = mixerSizes(text);
    const { hiddenSize } = sizes;
    const numHeads = text.num('num_attention_heads');
    const numKvHeads = kvHeads(text);
    const headSize = Math.floor(hiddenSize / numHeads);
    const intermediateSize = text.num('intermediate_size');
    embeddings(stage, text, {
      // The class has no tie.
      tied: false,
      everyStage: true,
      headOnEveryStage: true,
      quantizedHead: false,
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}`;
      if (isAttention(text, layer)) {
        stage.qkv(`${name}.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads });
        stage.row(`${name}.o_proj`, numHeads * headSize, hiddenSize);
        stage.attention({
          name: `${name}.attn`,
          numHeads,
          numKvHeads,
          headSize,
          quantized: false,
        });
      } else {
        buildMamba1(stage, `${name}.mamba`, sizes);
        stage.state(`${name}.mixer`, mamba1State(sizes, dtype, stage.run));
      }
      const count = numExperts(text, layer);
      if (count > 1) {
        stage.replicated(`${name}.feed_forward.router`, hiddenSize, count, { quantized: false });
        stage.experts(`${name}.feed_forward.experts`, { count, hiddenSize, intermediateSize });
      } else {
        stage.gatedMlp(`${name}.feed_forward`, hiddenSize, intermediateSize);
      }
      stage.norm(`${name}.input_layernorm`, hiddenSize);
      stage.norm(`${name}.pre_ff_layernorm`, hiddenSize);
    }
    stage.norm('model.final_layernorm', hiddenSize);
  },
};
