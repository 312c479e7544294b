/**
 * Qwen4-Exp: Qwen3-Next's layers on several residual streams that gates mix. Source: vllm/models/qwen4_exp/nvidia/{model,
 * hyperconnection}.py (0.33.0). Leaves out: sparse attention by an indexer, per-layer n-gram embeddings.
 */
import { roundUp } from '../../../shared/integers.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, layerType, refuse } from './common.ts';
import { buildDeltaNet, buildExperts, buildGatedAttention, deltaNetState } from './qwen-gdn.ts';

/** Rows of the projection down are padded to a multiple of it. */
const ROW_MULTIPLE = 16;

/** What reads one block's input from the streams, and writes back unless it is the last. */
function buildHyperConnection(
  stage: StageBuilder,
  text: HfConfig,
  name: string,
  writesBack: boolean,
): void {
  const streams = text.num('hc_count');
  const rank = text.num('hc_lowrank');
  const width = streams * text.num('hidden_size');
  const plain = { quantized: false };
  stage.norm(`${name}.hc_norm`, width);
  if (writesBack) {
    const padding = roundUp(rank + streams, ROW_MULTIPLE) - rank - streams;
    const outputs = padding === 0 ? [rank, streams] : [rank, streams, padding];
    stage.replicated(`${name}.input_mix_weight_down_block_inject`, width, outputs, plain);
  } else {
    stage.replicated(`${name}.input_mix_weight_down`, width, rank, plain);
  }
  stage.replicated(`${name}.input_mix_weight_up`, rank, width, plain);
}

function checkUnderstood(text: HfConfig): void {
  if (text.has('indexer_n_heads')) refuse(text, 'sparse attention by an indexer is not known');
  const ids = text.has('ple_layer_ids') ? text.list('ple_layer_ids') : [];
  if (ids.length > 0) refuse(text, 'per-layer n-gram embeddings (ple_layer_ids) are not known');
}

export const QWEN4_EXP: ModelFamily = {
  name: 'qwen4-exp',
  architectures: ['Qwen4ExpForCausalLM'],
  kind: 'hybrid',
  packedModules: {
    qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
    gate_up_proj: ['gate_proj', 'up_proj'],
    in_proj_qkvz: ['in_proj_qkv', 'in_proj_z'],
    in_proj_ba: ['in_proj_b', 'in_proj_a'],
  },
  defaults: {
    qwen4_exp_text: {
      tie_word_embeddings: false,
      head_dim: 256,
      num_key_value_heads: 2,
      linear_conv_kernel_dim: 4,
      linear_key_head_dim: 128,
      linear_value_head_dim: 128,
      linear_num_key_heads: 16,
      linear_num_value_heads: 32,
      num_experts: 512,
      moe_intermediate_size: 512,
      shared_expert_intermediate_size: 512,
      hc_count: 4,
      hc_lowrank: 320,
      max_position_embeddings: 32768,
    },
  },
  state: deltaNetState,
  build: (stage, model) => {
    const { text } = model;
    checkUnderstood(text);
    embeddings(stage, text, {
      tied: false,
      everyStage: true,
      headOnEveryStage: true,
      quantizedHead: false,
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}`;
      const isLinear = layerType(text, layer) === 'linear_attention';
      if (isLinear) buildDeltaNet(stage, model, `${name}.linear_attn`);
      else buildGatedAttention(stage, text, `${name}.self_attn`);
      buildExperts(stage, text, `${name}.mlp`);
      buildHyperConnection(stage, text, `${name}.attn_hyper_connection`, true);
      buildHyperConnection(stage, text, `${name}.mlp_hyper_connection`, true);
    }
    if (stage.isLast) buildHyperConnection(stage, text, 'model.hyper_connection_mixer', false);
  },
};
