/**
 * Kimi-Linear: Kimi delta attention with a latent-attention layer now and then, experts. Source: vllm/models/kimi_k3 and
 * vllm/model_executor/layers/mamba/gdn (0.33.0). Leaves out: Kimi-K3.
 */
import { ConfigError } from '../../../shared/errors.ts';
import { cacheElementType } from '../../spec/dtypes.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunConfig, StateShape } from '../run-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings } from './common.ts';
import { mlaHeadSize } from './deepseek.ts';

const RECURRENCE_DTYPES = ['float32', 'bfloat16'];

/**
 * What sizes the blocks. The layers themselves keep their recurrence in float32, whatever is asked: they do not hand the
 * flag on. Source: mamba_utils.py kda_state_shape and kda_state_dtype, kimi_gdn_linear_attn.py get_state_dtype.
 */
function state(model: ResolvedModel, run: RunConfig): StateShape {
  const asked = run.mambaSsmCacheDtype;
  if (asked === 'auto') return layerState(model, run);
  if (!RECURRENCE_DTYPES.includes(asked)) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `KDA recurrent state supports only auto, float32, and bfloat16; got ${asked}`,
    );
  }
  const { dtypes, ...shape } = layerState(model, run);
  return { ...shape, dtypes: [...dtypes.slice(0, 1), asked] };
}

function layerState({ text, dtype }: ResolvedModel, run: RunConfig): StateShape {
  const linear = text.sub('linear_attn_config');
  const heads = linear.num('num_heads');
  const width = linear.num('head_dim');
  const tp = run.tensorParallelSize;
  return {
    mambaType: 'gdn_attn',
    shapes: [
      [
        linear.num('short_conv_kernel_size') - 1 + run.numSpeculativeTokens,
        (3 * heads * width) / tp,
      ],
      [heads / tp, width, width],
    ],
    dtypes: [cacheElementType(run.mambaCacheDtype, dtype), 'float32'],
  };
}

function buildDelta(stage: StageBuilder, text: HfConfig, name: string): void {
  const linear = text.sub('linear_attn_config');
  const hiddenSize = text.num('hidden_size');
  const width = linear.num('head_dim');
  const numHeads = linear.num('num_heads');
  const heads = stage.perRank(numHeads, 'linear_attn_config.num_heads');
  const projected = numHeads * width;
  stage.tensor(`${name}.dt_bias`, [heads * width], 'float32');
  stage.tensor(`${name}.A_log`, [heads], 'float32');
  // One projection to queries, keys, values, the betas and the decay's low rank, which every rank has whole.
  const outputs = [projected, projected, projected, numHeads, width * stage.tp];
  stage.column(`${name}.in_proj_qkvgfab`, hiddenSize, outputs);
  stage.column(`${name}.f_b_proj`, width, projected);
  const kernel = linear.num('short_conv_kernel_size');
  const convolution = { dtype: 'float32', quantized: false };
  stage.column(`${name}.conv1d`, kernel, 3 * projected, convolution);
  stage.replicated(`${name}.g_a_proj`, hiddenSize, width);
  stage.column(`${name}.g_b_proj`, width, projected);
  stage.norm(`${name}.o_norm`, width);
  stage.row(`${name}.o_proj`, projected, hiddenSize);
}

/** Latent attention without rotated dimensions in the query's low rank. */
function buildLatent(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const numHeads = text.num('num_attention_heads');
  const latent = text.num('kv_lora_rank');
  const queryWidth = text.num('qk_nope_head_dim') + text.num('qk_rope_head_dim');
  if (text.has('q_lora_rank')) {
    const queryRank = text.num('q_lora_rank');
    const outputs = [queryRank, mlaHeadSize(text)];
    stage.column(`${name}.fused_qkv_a_proj`, hiddenSize, outputs, { split: false });
    stage.norm(`${name}.q_a_layernorm`, queryRank);
    stage.column(`${name}.q_b_proj`, queryRank, numHeads * queryWidth);
  } else {
    stage.column(`${name}.q_proj`, hiddenSize, numHeads * queryWidth);
    stage.replicated(`${name}.kv_a_proj_with_mqa`, hiddenSize, mlaHeadSize(text));
  }
  const valueWidth = text.num('v_head_dim');
  stage.norm(`${name}.kv_a_layernorm`, latent);
  const expanded = numHeads * (text.num('qk_nope_head_dim') + valueWidth);
  stage.column(`${name}.kv_b_proj`, latent, expanded);
  stage.row(`${name}.o_proj`, numHeads * valueWidth, hiddenSize);
}

/** Slices of experts are padded to a least width. Source: kimi_k3/nvidia/model.py KimiMoE. */
function paddedExpertSize(stage: StageBuilder, text: HfConfig): number {
  const size = text.num('moe_intermediate_size');
  const { tensorParallelSize: tp, expertParallelSize } = stage.run;
  if (tp === 1 || expertParallelSize > 1) return size;
  const least = text.numOr('min_moe_intermediate_per_partition', 256);
  return Math.floor(size / tp) < least ? least * tp : size;
}

function buildFeedForward(stage: StageBuilder, text: HfConfig, layer: number): void {
  const name = `model.layers.${layer}`;
  const hiddenSize = text.num('hidden_size');
  const count = text.numOr('num_experts', 0);
  const isSparse =
    count > 0 &&
    layer >= text.numOr('first_k_dense_replace', 0) &&
    layer % text.numOr('moe_layer_freq', 1) === 0;
  if (!isSparse) {
    stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
    return;
  }
  const moe = `${name}.block_sparse_moe`;
  const intermediateSize = text.num('moe_intermediate_size');
  stage.replicated(`${moe}.gate`, hiddenSize, count, { quantized: false });
  stage.tensor(`${moe}.gate.e_score_correction_bias`, [count], 'float32');
  const padded = paddedExpertSize(stage, text);
  stage.experts(`${moe}.experts`, { count, hiddenSize, intermediateSize: padded });
  const shared = text.numOr('num_shared_experts', 0);
  if (shared > 0) stage.gatedMlp(`${moe}.shared_experts`, hiddenSize, intermediateSize * shared);
}

export const KIMI_LINEAR: ModelFamily = {
  name: 'kimi-linear',
  architectures: ['KimiLinearForCausalLM'],
  kind: 'hybrid',
  packedModules: {
    gate_up_proj: ['gate_proj', 'up_proj'],
    in_proj_qkvgfab: ['q_proj', 'k_proj', 'v_proj', 'b_proj', 'f_a_proj'],
    conv1d: ['q_conv1d', 'k_conv1d', 'v_conv1d'],
    fused_qkv_a_proj: ['q_a_proj', 'kv_a_proj_with_mqa'],
  },
  defaults: { kimi_linear: { tie_word_embeddings: false, moe_layer_freq: 1 } },
  usesMla: (text) => text.has('kv_lora_rank'),
  headSize: mlaHeadSize,
  state,
  build: (stage, model) => {
    const { text } = model;
    const hiddenSize = text.num('hidden_size');
    const deltaLayers = text.sub('linear_attn_config').numbers('kda_layers');
    embeddings(stage, text, { tied: false });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}.self_attn`;
      // The lists count layers from 1.
      if (deltaLayers.includes(layer + 1)) {
        buildDelta(stage, text, name);
        stage.state(name, layerState(model, stage.run));
      } else {
        buildLatent(stage, text, name);
        const numHeads = text.num('num_attention_heads');
        stage.mla({ name, numHeads, headSize: mlaHeadSize(text), quantized: false });
      }
      buildFeedForward(stage, text, layer);
      stage.norm(`model.layers.${layer}.input_layernorm`, hiddenSize);
      stage.norm(`model.layers.${layer}.post_attention_layernorm`, hiddenSize);
    }
    if (stage.isLast) stage.norm('model.norm', hiddenSize);
  },
};
