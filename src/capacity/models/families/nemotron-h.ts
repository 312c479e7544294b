/** Nemotron-H: a string says which layer is Mamba-2 (M), attention (*), feed-forward (-) or experts (E). Source: nemotron_h.py. */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim, kvHeads, refuse } from './common.ts';
import { buildMamba2, type Mamba2Sizes, mamba2State } from './mamba-mixers.ts';

function mixerSizes(text: HfConfig): Mamba2Sizes {
  return {
    hiddenSize: text.num('hidden_size'),
    intermediateSize: text.num('mamba_num_heads') * text.num('mamba_head_dim'),
    numGroups: text.num('n_groups'),
    numHeads: text.num('mamba_num_heads'),
    headSize: text.num('mamba_head_dim'),
    stateSize: text.num('ssm_state_size'),
    convKernel: text.num('conv_kernel'),
    convBias: text.flag('use_conv_bias'),
    bias: text.flag('use_bias'),
    normWeights: true,
  };
}

/** One number, or one per feed-forward layer. */
function feedForwardSize(text: HfConfig, pattern: string, layer: number): number {
  if (!Array.isArray(text.get('intermediate_size'))) return text.num('intermediate_size');
  const sizes = text.numbers('intermediate_size');
  const index = pattern.slice(0, layer + 1).split('-').length - 2;
  return sizes[sizes.length === 1 ? 0 : index] ?? 0;
}

function buildFeedForward(stage: StageBuilder, text: HfConfig, intermediateSize: number): void {
  const hiddenSize = text.num('hidden_size');
  const bias = text.flag('mlp_bias');
  stage.column(hiddenSize, intermediateSize, { bias });
  stage.row(intermediateSize, hiddenSize, { bias });
}

function buildExperts(stage: StageBuilder, text: HfConfig): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('n_routed_experts');
  const latent = text.numOr('moe_latent_size', hiddenSize);
  stage.replicated(hiddenSize, count);
  stage.tensor(count, 'float32');
  const shared = text.numOr('n_shared_experts', 0);
  if (shared > 0) {
    buildFeedForward(stage, text, text.num('moe_shared_expert_intermediate_size') * shared);
  }
  if (text.has('moe_latent_size')) {
    const bias = text.flag('mlp_bias');
    stage.replicated(hiddenSize, latent, { bias });
    stage.replicated(latent, hiddenSize, { bias });
  }
  stage.experts({
    count,
    hiddenSize: latent,
    intermediateSize: text.num('moe_intermediate_size'),
    gated: false,
  });
}

function buildAttention(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const bias = text.flag('attention_bias');
  stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads, bias });
  stage.row(numHeads * headSize, hiddenSize, { bias });
  stage.attention({ name: `model.layers.${layer}.mixer.attn`, numHeads, numKvHeads, headSize });
}

export const NEMOTRON_H: ModelFamily = {
  name: 'nemotron-h',
  architectures: ['NemotronHForCausalLM'],
  kind: 'hybrid',
  defaults: {
    nemotron_h: {
      tie_word_embeddings: false,
      head_dim: 128,
      num_key_value_heads: 8,
      mamba_num_heads: 128,
      mamba_head_dim: 64,
      ssm_state_size: 128,
      n_groups: 8,
      n_routed_experts: 8,
      conv_kernel: 4,
      use_conv_bias: true,
      max_position_embeddings: 4096,
    },
  },
  adjustRun: ({ text }, run) =>
    run.mambaSsmCacheDtype === 'auto'
      ? { mambaSsmCacheDtype: text.strOr('mamba_ssm_cache_dtype', 'float32') }
      : {},
  state: ({ text, dtype }, run) => mamba2State(mixerSizes(text), dtype, run),
  build: (stage, { text, dtype }) => {
    const sizes = mixerSizes(text);
    const pattern = text.str('hybrid_override_pattern');
    embeddings(stage, {
      vocabSize: text.num('vocab_size'),
      width: sizes.hiddenSize,
      tied: false,
      everyStage: true,
      headOnEveryStage: true,
    });
    for (const layer of stage.layerRange(pattern.length)) {
      const kind = pattern[layer];
      if (kind === 'M') {
        buildMamba2(stage, sizes);
        const name = `model.layers.${layer}.mixer`;
        stage.state(name, mamba2State(sizes, dtype, stage.run), 'any');
      } else if (kind === '*') {
        buildAttention(stage, text, layer);
      } else if (kind === '-') {
        buildFeedForward(stage, text, feedForwardSize(text, pattern, layer));
      } else if (kind === 'E') {
        buildExperts(stage, text);
      } else {
        refuse(text, `hybrid_override_pattern has "${kind}", which is none of M * - E`);
      }
      stage.norm(sizes.hiddenSize);
    }
    stage.norm(sizes.hiddenSize);
  },
};
