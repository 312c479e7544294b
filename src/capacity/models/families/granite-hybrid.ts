/** Granite 4: Mamba-2 layers, some attention, experts beside a shared network. Source: granitemoehybrid.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, kvHeads, layerType } from './common.ts';
import { buildMamba2, type Mamba2Sizes, mamba2State } from './mamba-mixers.ts';

function mixerSizes(text: HfConfig): Mamba2Sizes {
  const hiddenSize = text.num('hidden_size');
  return {
    hiddenSize,
    intermediateSize: text.float('mamba_expand') * hiddenSize,
    numGroups: text.num('mamba_n_groups'),
    numHeads: text.num('mamba_n_heads'),
    headSize: text.num('mamba_d_head'),
    stateSize: text.num('mamba_d_state'),
    convKernel: text.num('mamba_d_conv'),
    convBias: text.flag('mamba_conv_bias'),
    bias: text.flag('mamba_proj_bias'),
    normWeights: true,
  };
}

function buildFeedForward(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.numOr('num_local_experts', 0);
  if (count > 0) {
    const moe = `${name}.block_sparse_moe`;
    stage.replicated(`${moe}.gate`, hiddenSize, count, { quantized: false });
    const intermediateSize = text.num('intermediate_size');
    stage.experts(`${moe}.experts`, { count, hiddenSize, intermediateSize });
  }
  const shared = text.numOr('shared_intermediate_size', 0);
  if (shared === 0) return;
  stage.column(`${name}.shared_mlp.input_linear`, hiddenSize, [shared, shared]);
  stage.row(`${name}.shared_mlp.output_linear`, shared, hiddenSize);
}

/** The others are `mamba`, in newer files `linear_attention`. */
const ATTENTION_TYPES = ['attention', 'full_attention'];

export const GRANITE_HYBRID: ModelFamily = {
  name: 'granite hybrid',
  architectures: ['GraniteMoeHybridForCausalLM'],
  kind: 'hybrid',
  packedModules: {
    qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
    conv1d: ['conv1d'],
    in_proj: ['in_proj'],
    input_linear: ['input_linear'],
  },
  defaults: {
    granitemoehybrid: {
      tie_word_embeddings: false,
      mamba_n_heads: 128,
      mamba_n_groups: 1,
      mamba_d_state: 256,
      mamba_d_head: 64,
      mamba_d_conv: 4,
      mamba_expand: 2,
      mamba_conv_bias: true,
      max_position_embeddings: 2048,
    },
  },
  // The micro sizes have the architecture's name but attention in every layer.
  isHybrid: (text) =>
    !text.has('layer_types') ||
    text.strings('layer_types').some((type) => !ATTENTION_TYPES.includes(type)),
  normalize: (text) => {
    if (text.has('layer_types')) return text;
    const listed = text.has('layers_block_type') ? text.list('layers_block_type') : null;
    const layer_types =
      listed ?? Array.from({ length: text.num('num_hidden_layers') }, () => 'mamba');
    return text.with({ layer_types });
  },
  state: ({ text, dtype }, run) => mamba2State(mixerSizes(text), dtype, run),
  build: (stage, { text, dtype }) => {
    const hiddenSize = text.num('hidden_size');
    // The class does not ask for head_dim.
    const headSize = Math.floor(hiddenSize / text.num('num_attention_heads'));
    const numHeads = text.num('num_attention_heads');
    const numKvHeads = kvHeads(text);
    const bias = text.flag('attention_bias');
    embeddings(stage, text, {
      everyStage: true,
      headOnEveryStage: true,
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}`;
      if (!ATTENTION_TYPES.includes(layerType(text, layer))) {
        const sizes = mixerSizes(text);
        // The module is `mamba`, but its parts are known as `mixer`.
        buildMamba2(stage, `${name}.mamba`, sizes, `${name}.mixer`);
        stage.state(`${name}.mixer`, mamba2State(sizes, dtype, stage.run), 'any');
      } else {
        const heads = { hiddenSize, headSize, numHeads, numKvHeads, bias };
        stage.qkv(`${name}.self_attn.qkv_proj`, heads);
        stage.row(`${name}.self_attn.o_proj`, numHeads * headSize, hiddenSize, { bias });
        stage.attention({ name: `${name}.self_attn.attn`, numHeads, numKvHeads, headSize });
      }
      buildFeedForward(stage, text, name);
      stage.norm(`${name}.input_layernorm`, hiddenSize);
      stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
    }
    stage.norm('model.norm', hiddenSize);
  },
};
