/**
 * DeepSeek V2, V3, V3.2 and Kimi-K2: latent attention, experts, an indexer in V3.2, MTP drafts.
 * Source: vllm/model_executor/models/{deepseek_v2,deepseek_mtp}.py, vllm/models/deepseek_v32 (0.33.0).
 */

import { createSpec } from '../../spec/create-spec.ts';
import { DEEPSEEK_V32_INDEXER } from '../attention/mla-backends.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily, MtpDraft } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings } from './common.ts';

const V2_DEFAULTS = {
  tie_word_embeddings: false,
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  n_routed_experts: 64,
  n_shared_experts: 2,
  first_k_dense_replace: 0,
  moe_layer_freq: 1,
  max_position_embeddings: 2048,
};
const V3_DEFAULTS = {
  ...V2_DEFAULTS,
  n_routed_experts: 256,
  n_shared_experts: 1,
  first_k_dense_replace: 3,
  max_position_embeddings: 4096,
  topk_method: 'noaux_tc',
  num_nextn_predict_layers: 1,
};

/** Bytes beside a quantized index key: one float32 scale per 128 values. */
const INDEX_SCALE_GROUP = 128;

export function mlaHeadSize(text: HfConfig): number {
  return text.num('kv_lora_rank') + text.num('qk_rope_head_dim');
}

/** The projections of latent attention, without the layer itself. */
export function buildMlaProjections(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const numHeads = text.num('num_attention_heads');
  const latent = text.num('kv_lora_rank');
  const queryWidth = text.num('qk_nope_head_dim') + text.num('qk_rope_head_dim');
  if (text.has('q_lora_rank')) {
    const rank = text.num('q_lora_rank');
    stage.replicated(`${name}.fused_qkv_a_proj`, hiddenSize, [rank, mlaHeadSize(text)]);
    stage.norm(`${name}.q_a_layernorm`, rank);
    stage.column(`${name}.q_b_proj`, rank, numHeads * queryWidth);
  } else {
    stage.replicated(`${name}.kv_a_proj_with_mqa`, hiddenSize, mlaHeadSize(text));
    stage.column(`${name}.q_proj`, hiddenSize, numHeads * queryWidth);
  }
  const width = text.num('qk_nope_head_dim') + text.num('v_head_dim');
  stage.norm(`${name}.kv_a_layernorm`, latent);
  stage.column(`${name}.kv_b_proj`, latent, numHeads * width);
  stage.row(`${name}.o_proj`, numHeads * text.num('v_head_dim'), hiddenSize);
}

function isSparseLayer(text: HfConfig, layer: number): boolean {
  return (
    text.has('n_routed_experts') &&
    layer >= text.num('first_k_dense_replace') &&
    layer % text.numOr('moe_layer_freq', 1) === 0
  );
}

function buildExperts(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('n_routed_experts');
  const intermediateSize = text.num('moe_intermediate_size');
  stage.replicated(`${name}.gate`, hiddenSize, count, { quantized: false });
  if (text.strOr('topk_method', '') === 'noaux_tc') {
    stage.tensor(`${name}.gate.e_score_correction_bias`, [count], 'float32');
  }
  stage.experts(`${name}.experts`, { count, hiddenSize, intermediateSize });
  const shared = text.numOr('n_shared_experts', 0);
  if (shared > 0) stage.gatedMlp(`${name}.shared_experts`, hiddenSize, intermediateSize * shared);
}

/** Some layers reuse the indices of the layer before. Source: vllm/models/deepseek_v32/attention.py. */
function hasIndexer(text: HfConfig, layer: number): boolean {
  if (text.has('index_topk_pattern')) {
    const pattern = text.get('index_topk_pattern');
    return !(typeof pattern === 'string' || Array.isArray(pattern)) || pattern[layer] !== 'S';
  }
  const frequency = text.numOr('index_topk_freq', 1);
  const offset = text.numOr('index_skip_topk_offset', 2);
  return Math.max(layer - offset + 1, 0) % frequency === 0;
}

function buildIndexer(stage: StageBuilder, text: HfConfig, prefix: string): void {
  const hiddenSize = text.num('hidden_size');
  const width = text.num('index_head_dim');
  const heads = text.num('index_n_heads');
  stage.replicated(`${prefix}.wq_b`, text.num('q_lora_rank'), heads * width);
  stage.replicated(`${prefix}.wk_weights_proj`, hiddenSize, [width, heads], { quantized: false });
  stage.norm(`${prefix}.k_norm`, width, { bias: true, dtype: 'float32' });
  const headSize = width + Math.floor(width / INDEX_SCALE_GROUP) * 4;
  stage.custom(`${prefix}.k_cache`, DEEPSEEK_V32_INDEXER, (blockSize) =>
    createSpec({
      kind: 'mla_attention',
      blockSize,
      maxTpShards: 1,
      numKvHeads: 1,
      headSize,
      dtype: 'uint8',
      cacheRole: 'indexer',
    }),
  );
}

function buildLayer(
  stage: StageBuilder,
  text: HfConfig,
  about: { readonly layer: number; readonly isMtp: boolean },
): void {
  const { layer } = about;
  const hiddenSize = text.num('hidden_size');
  const prefix = `model.layers.${layer}`;
  const attention = `${prefix}.self_attn`;
  const isSparse = text.has('index_topk');
  const indexed = isSparse && (about.isMtp || hasIndexer(text, layer));
  buildMlaProjections(stage, text, attention);
  if (indexed) buildIndexer(stage, text, `${attention}.indexer`);
  if (isSparseLayer(text, layer)) buildExperts(stage, text, `${prefix}.mlp`);
  else stage.gatedMlp(`${prefix}.mlp`, hiddenSize, text.num('intermediate_size'));
  stage.norm(`${prefix}.input_layernorm`, hiddenSize);
  stage.norm(`${prefix}.post_attention_layernorm`, hiddenSize);
  stage.mla({
    name: `${attention}.attn`,
    numHeads: text.num('num_attention_heads'),
    headSize: mlaHeadSize(text),
    topkBufferWidth: isSparse ? text.num('index_topk') : null,
    isIndexGroupLeader: indexed,
  });
}

function build(stage: StageBuilder, { text }: ResolvedModel): void {
  embeddings(stage, {
    vocabSize: text.num('vocab_size'),
    width: text.num('hidden_size'),
    tied: text.flag('tie_word_embeddings'),
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildLayer(stage, text, { layer, isMtp: false });
  }
  if (stage.isLast) stage.norm('model.norm', text.num('hidden_size'));
}

const MTP: MtpDraft = {
  layers: (text) => text.numOr('num_nextn_predict_layers', 0),
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const vocabSize = text.num('vocab_size');
    const first = text.num('num_hidden_layers');
    for (let offset = 0; offset < text.num('num_nextn_predict_layers'); offset++) {
      const prefix = `model.layers.${first + offset}`;
      stage.norm(`${prefix}.enorm`, hiddenSize);
      stage.norm(`${prefix}.hnorm`, hiddenSize);
      stage.tensor(`${prefix}.eh_proj.weight`, [hiddenSize, 2 * hiddenSize]);
      stage.norm(`${prefix}.shared_head.norm`, hiddenSize);
      stage.lmHead(`${prefix}.shared_head.head`, vocabSize, hiddenSize);
      buildLayer(stage, text, { layer: first + offset, isMtp: true });
    }
    stage.embedding('model.embed_tokens', vocabSize, hiddenSize);
  },
};

const PACKED_MODULES = {
  gate_up_proj: ['gate_proj', 'up_proj'],
  fused_qkv_a_proj: ['q_a_proj', 'kv_a_proj_with_mqa'],
};

const usesMla = (text: HfConfig): boolean => text.has('kv_lora_rank');

export const DEEPSEEK_V2: ModelFamily = {
  name: 'deepseek',
  architectures: ['DeepseekV2ForCausalLM'],
  kind: 'decoder',
  defaults: { deepseek_v2: V2_DEFAULTS },
  packedModules: PACKED_MODULES,
  usesMla,
  headSize: mlaHeadSize,
  build,
};

export const DEEPSEEK_V3: ModelFamily = {
  name: 'deepseek',
  architectures: ['DeepseekV3ForCausalLM', 'DeepseekV32ForCausalLM', 'GlmMoeDsaForCausalLM'],
  kind: 'decoder',
  defaults: { deepseek_v3: V3_DEFAULTS, deepseek_v32: V3_DEFAULTS, kimi_k2: V3_DEFAULTS },
  packedModules: PACKED_MODULES,
  usesMla,
  headSize: mlaHeadSize,
  adjustRun: (model, run) => {
    const isDsa = model.architecture !== 'DeepseekV3ForCausalLM';
    if (model.architecture === 'DeepseekV32ForCausalLM' && run.cacheDtype === 'bfloat16') {
      return { cacheDtype: 'auto' };
    }
    const wantsFp8 = model.architecture === 'GlmMoeDsaForCausalLM' && run.capability.major === 10;
    return isDsa && wantsFp8 && run.cacheDtype === 'auto' ? { cacheDtype: 'fp8_e4m3' } : {};
  },
  build,
  mtp: MTP,
};
