/** Falcon-H1: attention and Mamba-2 side by side in every layer. Source: vllm/model_executor/models/falcon_h1.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import { embeddings, headDim, kvHeads } from './common.ts';
import { buildMamba2, type Mamba2Sizes, mamba2State } from './mamba-mixers.ts';

function mixerSizes(text: HfConfig): Mamba2Sizes {
  const hiddenSize = text.num('hidden_size');
  return {
    hiddenSize,
    intermediateSize: text.numOr('mamba_d_ssm', text.float('mamba_expand') * hiddenSize),
    numGroups: text.num('mamba_n_groups'),
    numHeads: text.num('mamba_n_heads'),
    headSize: text.num('mamba_d_head'),
    stateSize: text.num('mamba_d_state'),
    convKernel: text.num('mamba_d_conv'),
    convBias: text.flag('mamba_conv_bias'),
    bias: text.flag('mamba_proj_bias'),
    normWeights: text.flag('mamba_rms_norm'),
  };
}

export const FALCON_H1: ModelFamily = {
  name: 'falcon-h1',
  architectures: ['FalconH1ForCausalLM'],
  kind: 'hybrid',
  defaults: {
    falcon_h1: {
      tie_word_embeddings: false,
      num_key_value_heads: 8,
      mamba_d_ssm: 1024,
      mamba_n_heads: 128,
      mamba_n_groups: 1,
      mamba_d_state: 256,
      mamba_d_conv: 4,
      mamba_expand: 2,
      mamba_conv_bias: true,
      max_position_embeddings: 8192,
    },
  },
  normalize: (text) => {
    const width = text.numOr('mamba_d_ssm', text.float('mamba_expand') * text.num('hidden_size'));
    const perHead = Math.floor(width / text.num('mamba_n_heads'));
    return typeof text.get('mamba_d_head') === 'number'
      ? text
      : text.with({ mamba_d_head: perHead });
  },
  state: ({ text, dtype }, run) => mamba2State(mixerSizes(text), dtype, run),
  build: (stage, { text, dtype }) => {
    const sizes = mixerSizes(text);
    const { hiddenSize } = sizes;
    const headSize = headDim(text);
    const numHeads = text.num('num_attention_heads');
    const numKvHeads = kvHeads(text);
    const layers = text.num('num_hidden_layers');
    embeddings(stage, text, {
      quantizedHead: false,
    });
    for (const layer of stage.layerRange(layers)) {
      // The attention's parts are known by the layer's name, the mixer's by a number after those of the layers, so that
      // both caches of a layer have an index of their own.
      const name = `model.layers.${layer}`;
      const mixer = `model.${layers + layer}.mixer`;
      stage.qkv(`${name}.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads });
      stage.row(`${name}.o_proj`, numHeads * headSize, hiddenSize);
      stage.attention({ name: `${name}.attn`, numHeads, numKvHeads, headSize });
      buildMamba2(stage, `${name}.mamba.mamba`, sizes, mixer);
      stage.state(mixer, mamba2State(sizes, dtype, stage.run), 'any');
      stage.gatedMlp(`${name}.feed_forward`, hiddenSize, text.num('intermediate_size'));
      stage.norm(`${name}.input_layernorm`, hiddenSize);
      stage.norm(`${name}.pre_ff_layernorm`, hiddenSize);
    }
    if (stage.isLast) stage.norm('model.final_layernorm', hiddenSize);
  },
};
