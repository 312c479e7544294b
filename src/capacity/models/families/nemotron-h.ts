/** Nemotron-H: a string says which layer is Mamba-2 (M), attention (*), feed-forward (-) or experts (E). Source: nemotron_h.py. */
import { isJsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily, MtpDraft } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim, kvHeads, refuse, weightNamer } from './common.ts';
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

function buildFeedForward(
  stage: StageBuilder,
  text: HfConfig,
  name: string,
  intermediateSize: number,
): void {
  const hiddenSize = text.num('hidden_size');
  const bias = text.flag('mlp_bias');
  stage.column(`${name}.up_proj`, hiddenSize, intermediateSize, { bias });
  stage.row(`${name}.down_proj`, intermediateSize, hiddenSize, { bias });
}

function buildExperts(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('n_routed_experts');
  const latent = text.numOr('moe_latent_size', hiddenSize);
  stage.replicated(`${name}.gate`, hiddenSize, count, { quantized: false });
  stage.tensor(`${name}.gate.e_score_correction_bias`, [count], 'float32');
  const shared = text.numOr('n_shared_experts', 0);
  if (shared > 0) {
    const width = text.num('moe_shared_expert_intermediate_size') * shared;
    buildFeedForward(stage, text, `${name}.shared_experts`, width);
  }
  if (text.has('moe_latent_size')) {
    const bias = text.flag('mlp_bias');
    stage.replicated(`${name}.fc1_latent_proj`, hiddenSize, latent, { bias });
    stage.replicated(`${name}.fc2_latent_proj`, latent, hiddenSize, { bias });
  }
  stage.experts(`${name}.experts`, {
    count,
    hiddenSize: latent,
    intermediateSize: text.num('moe_intermediate_size'),
    gated: false,
    activation: text.strOr('mlp_hidden_act', 'relu2'),
  });
}

function buildAttention(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const bias = text.flag('attention_bias');
  stage.qkv(`${name}.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads, bias });
  stage.row(`${name}.o_proj`, numHeads * headSize, hiddenSize, { bias });
  stage.attention({ name: `${name}.attn`, numHeads, numKvHeads, headSize });
}

/** The searched variant sizes its experts layer by layer. */
function layerConfig(text: HfConfig, layer: number): HfConfig {
  if (!text.has('block_configs')) return text;
  const block: unknown = text.list('block_configs')[layer];
  return isJsonObject(block) ? text.with(block) : text;
}

const LAYER_LETTERS: Readonly<Record<string, string>> = {
  mamba: 'M',
  linear_attention: 'M',
  attention: '*',
  full_attention: '*',
  mlp: '-',
  moe: 'E',
};

/** transformers lists the layers by their types instead. */
function normalize(text: HfConfig): HfConfig {
  if (text.has('hybrid_override_pattern') || !text.has('layers_block_type')) return text;
  const letters = text.strings('layers_block_type').map((type) => LAYER_LETTERS[type] ?? type);
  return text.with({ hybrid_override_pattern: letters.join('') });
}

/** Attention and experts by a string of their own; embedding and head are the target's. Source: nemotron_h_mtp.py. */
const MTP: MtpDraft = {
  layers: (text) => text.numOr('num_nextn_predict_layers', 0),
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const pattern = text.str('mtp_hybrid_override_pattern');
    if (text.num('num_nextn_predict_layers') !== 1) {
      refuse(text, 'Only one MTP layer is supported for NemotronH-MTP');
    }
    [...pattern].forEach((kind, layer) => {
      const name = `mtp.layers.${layer}`;
      if (kind === '*') buildAttention(stage, text, `${name}.mixer`);
      else if (kind === 'E') buildExperts(stage, text, `${name}.mixer`);
      else refuse(text, `Pattern char '${kind}' in ${pattern} not implemented`);
      stage.norm(`${name}.norm`, hiddenSize);
      if (layer === 0) {
        stage.norm(`${name}.enorm`, hiddenSize);
        stage.norm(`${name}.hnorm`, hiddenSize);
        stage.column(`${name}.eh_proj`, 2 * hiddenSize, hiddenSize);
      }
      if (layer === pattern.length - 1) stage.norm(`${name}.final_layernorm`, hiddenSize);
    });
  },
};

export const NEMOTRON_H: ModelFamily = {
  name: 'nemotron-h',
  architectures: ['NemotronHForCausalLM', 'NemotronHPuzzleForCausalLM'],
  kind: 'hybrid',
  normalize,
  packedModules: { qkv_proj: ['q_proj', 'k_proj', 'v_proj'] },
  vllmName: weightNamer([['backbone', 'model']]),
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
  mtp: MTP,
  build: (stage, { text, dtype }) => {
    const sizes = mixerSizes(text);
    const pattern = text.str('hybrid_override_pattern');
    embeddings(stage, text, {
      tied: false,
      everyStage: true,
      headOnEveryStage: true,
    });
    for (const layer of stage.layerRange(pattern.length)) {
      const kind = pattern[layer];
      const name = `model.layers.${layer}.mixer`;
      if (kind === 'M') {
        buildMamba2(stage, name, sizes);
        stage.state(name, mamba2State(sizes, dtype, stage.run), 'any');
      } else if (kind === '*') {
        buildAttention(stage, text, name);
      } else if (kind === '-') {
        buildFeedForward(stage, text, name, feedForwardSize(text, pattern, layer));
      } else if (kind === 'E') {
        buildExperts(stage, layerConfig(text, layer), name);
      } else {
        refuse(text, `hybrid_override_pattern has "${kind}", which is none of M * - E`);
      }
      stage.norm(`model.layers.${layer}.norm`, sizes.hiddenSize);
    }
    stage.norm('model.norm_f', sizes.hiddenSize);
  },
};
