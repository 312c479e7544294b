/**
 * Ling and Ring 2.5: linear attention with a latent-attention layer at the end of every group, experts.
 * Source: vllm/model_executor/models/{bailing_moe_linear,bailing_moe_mtp}.py, layers/mamba/linear (0.33.0). Leaves out: Ling 3.
 */
import { cacheElementType } from '../../spec/dtypes.ts';
import { BAILING_LINEAR_ATTN } from '../attention/state-backends.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily, MtpDraft } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunConfig, StateShape } from '../run-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim, refuse } from './common.ts';
import { buildMlaProjections, mlaHeadSize } from './deepseek.ts';

const NORMS = ['input_layernorm', 'post_attention_layernorm'];

function isLinear(text: HfConfig, layer: number): boolean {
  const group = text.numOr('layer_group_size', 1);
  return group > 0 && (layer + 1) % group !== 0;
}

function state({ text, dtype }: ResolvedModel, run: RunConfig): StateShape {
  const width = headDim(text);
  const heads = Math.floor(text.num('num_attention_heads') / run.tensorParallelSize);
  return {
    mambaType: 'linear',
    shapes: [[heads, width, width]],
    dtypes: [cacheElementType(run.mambaCacheDtype, dtype)],
  };
}

function buildLinear(stage: StageBuilder, model: ResolvedModel, name: string): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const width = headSize * numHeads;
  const bias = text.flag('use_bias') || text.flag('use_qkv_bias');
  const heads = { hiddenSize, headSize, numHeads, numKvHeads: numHeads, bias };
  const groups = text.numOr('group_norm_size', 1);
  if (groups % stage.tp !== 0) {
    refuse(text, 'group_norm_size must be divisible by tp_size');
  }
  stage.qkv(`${name}.query_key_value`, heads);
  if (text.flag('use_qk_norm')) {
    stage.norm(`${name}.query_layernorm`, headSize);
    stage.norm(`${name}.key_layernorm`, headSize);
  }
  stage.column(`${name}.g_proj`, hiddenSize, width);
  stage.row(`${name}.dense`, width, hiddenSize, { bias: text.flag('use_bias') });
  stage.norm(`${name}.g_norm`, stage.perRank(width, 'the width of all heads'));
  stage.state(name, state(model, stage.run), 'none', BAILING_LINEAR_ATTN);
}

function buildLatent(stage: StageBuilder, text: HfConfig, name: string): void {
  buildMlaProjections(stage, text, name);
  const numHeads = text.num('num_attention_heads');
  stage.mla({ name: `${name}.attn`, numHeads, headSize: mlaHeadSize(text) });
}

function buildExperts(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('num_experts');
  const intermediateSize = text.num('moe_intermediate_size');
  const dtype = text.strOr('router_dtype', 'fp32') === 'fp32' ? 'float32' : 'bfloat16';
  stage.replicated(`${name}.gate`, hiddenSize, count, { quantized: false, dtype });
  if (text.flag('moe_router_enable_expert_bias')) {
    stage.tensor(`${name}.gate.expert_bias`, [count], 'float32');
  }
  const width = text.numOr('moe_shared_expert_intermediate_size', intermediateSize);
  const shared = width * text.num('num_shared_experts');
  if (shared > 0) {
    const bias = text.flag('use_bias');
    stage.gatedMlp(`${name}.shared_experts`, hiddenSize, shared, { bias });
  }
  stage.experts(`${name}.experts`, { count, hiddenSize, intermediateSize });
}

function buildLayer(stage: StageBuilder, model: ResolvedModel, layer: number): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  const prefix = `model.layers.${layer}`;
  if (isLinear(text, layer)) buildLinear(stage, model, `${prefix}.self_attn`);
  else buildLatent(stage, text, `${prefix}.self_attn`);
  if (text.num('num_experts') > 1 && layer >= text.numOr('first_k_dense_replace', 0)) {
    buildExperts(stage, text, `${prefix}.mlp`);
  } else {
    const bias = text.flag('use_bias');
    stage.gatedMlp(`${prefix}.mlp`, hiddenSize, text.num('intermediate_size'), { bias });
  }
  for (const norm of NORMS) stage.norm(`${prefix}.${norm}`, hiddenSize);
}

const MTP: MtpDraft = {
  layers: (text) => text.numOr('num_nextn_predict_layers', 0),
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const vocabSize = text.num('vocab_size');
    const first = text.num('num_hidden_layers');
    for (let offset = 0; offset < text.num('num_nextn_predict_layers'); offset++) {
      const prefix = `model.layers.${first + offset}`;
      for (const norm of ['enorm', 'hnorm', ...NORMS, 'final_layernorm']) {
        stage.norm(`${prefix}.${norm}`, hiddenSize);
      }
      stage.tensor(`${prefix}.eh_proj.weight`, [hiddenSize, 2 * hiddenSize]);
      buildLatent(stage, text, `${prefix}.self_attn`);
      buildExperts(stage, text, `${prefix}.mlp`);
      stage.lmHead(`${prefix}.shared_head.head`, vocabSize, hiddenSize);
    }
    if (stage.isFirst) {
      stage.embedding('model.embed_tokens', vocabSize, hiddenSize, { quantized: false });
    }
  },
};

export const BAILING_LINEAR: ModelFamily = {
  name: 'ling-2.5',
  architectures: ['BailingMoeV2_5ForCausalLM'],
  kind: 'hybrid',
  defaults: {
    bailing_hybrid: {
      tie_word_embeddings: false,
      kv_lora_rank: 512,
      qk_nope_head_dim: 128,
      qk_rope_head_dim: 64,
      v_head_dim: 128,
      first_k_dense_replace: 2,
      layer_group_size: 6,
    },
  },
  // transformers' class puts the rotated width there, and vLLM sizes the linear heads by it.
  normalize: (text) => text.with({ head_dim: text.num('qk_rope_head_dim') }),
  packedModules: {
    gate_up_proj: ['gate_proj', 'up_proj'],
    fused_qkv_a_proj: ['q_a_proj', 'kv_a_proj_with_mqa'],
  },
  usesMla: (text) => text.strOr('model_type', '') === 'bailing_hybrid' && text.has('kv_lora_rank'),
  headSize: mlaHeadSize,
  state,
  build: (stage, model) => {
    const { text } = model;
    const hiddenSize = text.num('hidden_size');
    embeddings(stage, text, {
      tied: false,
      embeddingName: 'model.word_embeddings',
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      buildLayer(stage, model, layer);
    }
    if (stage.isLast) stage.norm('model.norm', hiddenSize);
  },
  mtp: MTP,
};
