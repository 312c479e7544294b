/**
 * Qwen3-Next and Qwen3.5: three gated delta nets to one gated attention layer, dense or with experts, an MTP draft.
 * Source: vllm/model_executor/models/{qwen3_next,qwen3_5,qwen3_next_mtp,qwen3_5_mtp}.py,
 * vllm/model_executor/layers/mamba/gdn/qwen_gdn_linear_attn.py (0.33.0). Leaves out: the multimodal wrappers.
 */
import { cacheElementType } from '../../spec/dtypes.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunConfig, StateShape } from '../run-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, kvHeads, layerType } from './common.ts';

function deltaNetSizes(text: HfConfig) {
  const keyHeads = text.num('linear_num_key_heads');
  const valueHeads = text.num('linear_num_value_heads');
  const keyWidth = keyHeads * text.num('linear_key_head_dim');
  const valueWidth = valueHeads * text.num('linear_value_head_dim');
  return { keyHeads, valueHeads, keyWidth, valueWidth, convWidth: 2 * keyWidth + valueWidth };
}

/** Source: mamba_utils.py gated_delta_net_state_shape and gated_delta_net_state_dtype. */
function state({ text, dtype }: ResolvedModel, run: RunConfig): StateShape {
  const { convWidth, valueHeads } = deltaNetSizes(text);
  const tp = run.tensorParallelSize;
  const rows = text.num('linear_conv_kernel_dim') - 1 + run.numSpeculativeTokens;
  const convDtype = cacheElementType(run.mambaCacheDtype, dtype);
  const ssmDtype = run.mambaSsmCacheDtype;
  return {
    mambaType: 'gdn_attn',
    shapes: [
      [rows, convWidth / tp],
      [valueHeads / tp, text.num('linear_value_head_dim'), text.num('linear_key_head_dim')],
    ],
    dtypes: [convDtype, ssmDtype === 'auto' ? convDtype : ssmDtype],
  };
}

/** FlashInfer's prefill exports states in mid-prefill. Source: qwen_gdn_linear_attn.py _resolve_gdn_prefill_backend. */
function exportsCheckpoints(stage: StageBuilder, text: HfConfig): boolean {
  if (stage.run.mambaCacheMode !== 'align') return false;
  const { major } = stage.run.capability;
  if (major === 9) return true;
  return (major === 10 || major === 12) && text.num('linear_key_head_dim') === 128;
}

function buildDeltaNet(stage: StageBuilder, model: ResolvedModel, layer: number): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  const { valueHeads, valueWidth, convWidth } = deltaNetSizes(text);
  const heads = stage.perRank(valueHeads, 'linear_num_value_heads');
  stage.tensor(heads);
  stage.tensor(heads, 'float32');
  stage.column(text.num('linear_conv_kernel_dim'), convWidth);
  stage.column(hiddenSize, convWidth + valueWidth);
  stage.column(hiddenSize, 2 * valueHeads);
  stage.norm(text.num('linear_value_head_dim'));
  stage.row(valueWidth, hiddenSize);
  stage.state(
    `model.layers.${layer}.linear_attn`,
    state(model, stage.run),
    exportsCheckpoints(stage, text) ? 'grid' : 'none',
  );
}

/** Queries carry a gate of their own width. */
function buildAttention(stage: StageBuilder, text: HfConfig, prefix: string): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = text.num('head_dim');
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const gates = text.hasKey('attn_output_gate') && !text.flag('attn_output_gate') ? 1 : 2;
  const bias = text.flag('attention_bias');
  stage.qkv({ hiddenSize, headSize, numHeads: gates * numHeads, numKvHeads, bias });
  stage.row(numHeads * headSize, hiddenSize, { bias });
  stage.norm(2 * headSize);
  stage.attention({ name: `${prefix}.self_attn.attn`, numHeads, numKvHeads, headSize });
}

function buildExperts(stage: StageBuilder, text: HfConfig): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('num_experts');
  stage.replicated(hiddenSize, count);
  stage.experts({ count, hiddenSize, intermediateSize: text.num('moe_intermediate_size') });
  const shared = text.numOr('shared_expert_intermediate_size', 0);
  if (shared > 0) {
    stage.replicated(hiddenSize, 1);
    stage.gatedMlp(hiddenSize, shared);
  }
}

/** Qwen3-Next may keep single layers dense; Qwen3.5 is one or the other throughout. */
function isSparse(model: ResolvedModel, layer: number): boolean {
  const { text } = model;
  if (model.architecture === 'Qwen3_5ForCausalLM') return false;
  if (model.architecture === 'Qwen3_5MoeForCausalLM') return true;
  if (text.has('mlp_only_layers') && text.numbers('mlp_only_layers').includes(layer)) return false;
  return text.num('num_experts') > 0 && (layer + 1) % text.numOr('decoder_sparse_step', 1) === 0;
}

function buildFeedForward(stage: StageBuilder, model: ResolvedModel, sparse: boolean): void {
  const { text } = model;
  if (sparse) buildExperts(stage, text);
  else stage.gatedMlp(text.num('hidden_size'), text.num('intermediate_size'));
}

function build(stage: StageBuilder, model: ResolvedModel): void {
  const { text } = model;
  embeddings(stage, {
    vocabSize: text.num('vocab_size'),
    width: text.num('hidden_size'),
    // Qwen3-Next's head is never tied.
    tied: text.flag('tie_word_embeddings') && model.architecture !== 'Qwen3NextForCausalLM',
    everyStage: true,
    headOnEveryStage: model.architecture === 'Qwen3NextForCausalLM',
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    if (layerType(text, layer) === 'linear_attention') buildDeltaNet(stage, model, layer);
    else buildAttention(stage, text, `model.layers.${layer}`);
    buildFeedForward(stage, model, isSparse(model, layer));
    stage.norm(2 * text.num('hidden_size'));
  }
  if (stage.isLast) stage.norm(text.num('hidden_size'));
}

function buildMtp(stage: StageBuilder, model: ResolvedModel, layers: number): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  stage.embedding(text.num('vocab_size'), hiddenSize);
  stage.column(2 * hiddenSize, hiddenSize);
  for (let layer = 0; layer < layers; layer++) {
    buildAttention(stage, text, `mtp.layers.${layer}`);
    buildFeedForward(stage, model, model.architecture !== 'Qwen3_5ForCausalLM');
    stage.norm(2 * hiddenSize);
  }
  stage.norm(3 * hiddenSize);
  if (!text.flag('tie_word_embeddings')) stage.embedding(text.num('vocab_size'), hiddenSize);
}

/** Every full_attention_interval-th layer attends, unless the file lists the types. */
function normalize(text: HfConfig): HfConfig {
  if (text.has('layer_types')) return text;
  const period = text.numOr('full_attention_interval', 4);
  const layer_types = Array.from({ length: text.num('num_hidden_layers') }, (_, layer) =>
    (layer + 1) % period === 0 ? 'full_attention' : 'linear_attention',
  );
  return text.with({ layer_types });
}

const DEFAULTS = {
  tie_word_embeddings: false,
  head_dim: 256,
  linear_conv_kernel_dim: 4,
  linear_key_head_dim: 128,
  linear_value_head_dim: 128,
  linear_num_key_heads: 16,
  linear_num_value_heads: 32,
  max_position_embeddings: 32768,
};

function nextMtpLayers(text: HfConfig): number {
  return text.numOr('num_nextn_predict_layers', 1);
}

function mtpLayers(text: HfConfig): number {
  return text.numOr('mtp_num_hidden_layers', 1);
}

export const QWEN3_NEXT: ModelFamily = {
  name: 'qwen gated delta net',
  architectures: ['Qwen3NextForCausalLM'],
  kind: 'hybrid',
  defaults: {
    qwen3_next: {
      ...DEFAULTS,
      num_key_value_heads: 2,
      num_experts: 512,
      moe_intermediate_size: 512,
      shared_expert_intermediate_size: 512,
      decoder_sparse_step: 1,
    },
  },
  normalize,
  state,
  build,
  mtp: {
    layers: nextMtpLayers,
    build: (stage, model) => buildMtp(stage, model, nextMtpLayers(model.text)),
  },
};

export const QWEN3_5: ModelFamily = {
  name: 'qwen gated delta net',
  architectures: ['Qwen3_5ForCausalLM', 'Qwen3_5MoeForCausalLM'],
  kind: 'hybrid',
  defaults: {
    qwen3_5_text: { ...DEFAULTS, num_key_value_heads: 4 },
    qwen3_5_moe_text: { ...DEFAULTS, num_key_value_heads: 2, num_experts: 256 },
  },
  normalize,
  state,
  adjustRun: ({ text }, run) =>
    run.mambaSsmCacheDtype === 'auto' && text.has('mamba_ssm_dtype')
      ? { mambaSsmCacheDtype: text.str('mamba_ssm_dtype') }
      : {},
  build,
  mtp: {
    layers: mtpLayers,
    build: (stage, model) => buildMtp(stage, model, mtpLayers(model.text)),
  },
};
