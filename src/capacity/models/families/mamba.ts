/** Pure state models: Mamba, FalconMamba, Mamba-2. Source: vllm/model_executor/models/{mamba,mamba2}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import { embeddings } from './common.ts';
import {
  buildMamba1,
  buildMamba2,
  type Mamba1Sizes,
  type Mamba2Sizes,
  mamba1State,
  mamba2State,
} from './mamba-mixers.ts';

/** Both ends are built on every stage, the head without quantization. */
const ENDS = {
  everyStage: true,
  headOnEveryStage: true,
  embeddingName: 'backbone.embeddings',
  quantizedHead: false,
};

function mamba1Sizes(text: HfConfig): Mamba1Sizes {
  return {
    hiddenSize: text.num('hidden_size'),
    intermediateSize: text.num('intermediate_size'),
    stateSize: text.num('state_size'),
    convKernel: text.num('conv_kernel'),
    timeStepRank: text.num('time_step_rank'),
    convBias: text.flag('use_conv_bias'),
    bias: text.flag('use_bias'),
    // FalconMamba normalises without weights, Mamba not at all.
    normWeights: false,
  };
}

/** `time_step_rank: auto` and an absent intermediate size are worked out from the hidden size. */
function normalizeMamba1(text: HfConfig): HfConfig {
  const hidden = text.num('hidden_size');
  const rank = text.get('time_step_rank');
  return text.with({
    intermediate_size: text.numOr('intermediate_size', hidden * text.floatOr('expand', 2)),
    time_step_rank: typeof rank === 'number' ? rank : Math.ceil(hidden / 16),
  });
}

export const MAMBA1: ModelFamily = {
  name: 'mamba',
  architectures: ['MambaForCausalLM', 'FalconMambaForCausalLM'],
  kind: 'attention_free',
  packedModules: {},
  defaults: {
    mamba: {
      tie_word_embeddings: true,
      state_size: 16,
      conv_kernel: 4,
      expand: 2,
      use_conv_bias: true,
    },
    falcon_mamba: {
      tie_word_embeddings: true,
      state_size: 16,
      conv_kernel: 4,
      expand: 2,
      use_conv_bias: true,
    },
  },
  normalize: normalizeMamba1,
  state: ({ text, dtype }, run) => mamba1State(mamba1Sizes(text), dtype, run),
  build: (stage, { text, dtype }) => {
    const sizes = mamba1Sizes(text);
    embeddings(stage, text, {
      ...ENDS,
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `backbone.layers.${layer}`;
      buildMamba1(stage, `${name}.mixer`, sizes);
      stage.norm(`${name}.norm`, sizes.hiddenSize);
      stage.state(`${name}.mixer`, mamba1State(sizes, dtype, stage.run));
    }
    stage.norm('backbone.norm_f', sizes.hiddenSize);
  },
};

function mamba2Sizes(text: HfConfig): Mamba2Sizes {
  return {
    hiddenSize: text.num('hidden_size'),
    intermediateSize: text.numOr(
      'intermediate_size',
      text.floatOr('expand', 2) * text.num('hidden_size'),
    ),
    numGroups: text.num('n_groups'),
    numHeads: text.num('num_heads'),
    headSize: text.num('head_dim'),
    stateSize: text.num('state_size'),
    convKernel: text.num('conv_kernel'),
    convBias: text.flag('use_conv_bias'),
    bias: text.flag('use_bias'),
    normWeights: true,
  };
}

export const MAMBA2: ModelFamily = {
  name: 'mamba-2',
  architectures: ['Mamba2ForCausalLM'],
  kind: 'attention_free',
  packedModules: {},
  defaults: {
    mamba2: {
      tie_word_embeddings: false,
      num_heads: 128,
      head_dim: 64,
      state_size: 128,
      n_groups: 8,
      conv_kernel: 4,
      expand: 2,
      use_conv_bias: true,
    },
  },
  state: ({ text, dtype }, run) => mamba2State(mamba2Sizes(text), dtype, run),
  build: (stage, { text, dtype }) => {
    const sizes = mamba2Sizes(text);
    embeddings(stage, text, {
      ...ENDS,
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `backbone.layers.${layer}`;
      buildMamba2(stage, `${name}.mixer`, sizes);
      stage.norm(`${name}.norm`, sizes.hiddenSize);
      stage.state(`${name}.mixer`, mamba2State(sizes, dtype, stage.run), 'any');
    }
    stage.norm('backbone.norm_f', sizes.hiddenSize);
  },
};
