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
import { embeddings, kvHeads, layerType, weightNamer } from './common.ts';

export function deltaNetSizes(text: HfConfig) {
  const keyHeads = text.num('linear_num_key_heads');
  const valueHeads = text.num('linear_num_value_heads');
  const keyWidth = keyHeads * text.num('linear_key_head_dim');
  const valueWidth = valueHeads * text.num('linear_value_head_dim');
  return { keyHeads, valueHeads, keyWidth, valueWidth, convWidth: 2 * keyWidth + valueWidth };
}

/** Source: mamba_utils.py gated_delta_net_state_shape and gated_delta_net_state_dtype. */
export function deltaNetState({ text, dtype }: ResolvedModel, run: RunConfig): StateShape {
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

/** Their kernels take no narrower a part than the whole gates. Source: qwen_gdn_linear_attn.py maybe_disable_tp. */
const MARLIN_METHODS = ['auto_awq', 'auto_gptq', 'inc'];

/** Qwen3.5's checkpoints keep apart what Qwen3-Next's have interleaved. */
const isInterleaved = ({ architecture }: ResolvedModel): boolean =>
  architecture === 'Qwen3NextForCausalLM';

export function buildDeltaNet(stage: StageBuilder, model: ResolvedModel, name: string): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  const { keyWidth, valueHeads, valueWidth, convWidth } = deltaNetSizes(text);
  const heads = stage.perRank(valueHeads, 'linear_num_value_heads');
  stage.tensor(`${name}.dt_bias`, [heads]);
  stage.tensor(`${name}.A_log`, [heads], 'float32');
  const kernel = text.num('linear_conv_kernel_dim');
  stage.column(`${name}.conv1d`, kernel, convWidth, { quantized: false });
  const [inputs, gates] = isInterleaved(model)
    ? [[convWidth + valueWidth], [2 * valueHeads]]
    : [
        [keyWidth, keyWidth, valueWidth, valueWidth],
        [valueHeads, valueHeads],
      ];
  stage.column(`${name}.in_proj_qkvz`, hiddenSize, inputs);
  const isWhole = !isInterleaved(model) && MARLIN_METHODS.includes(stage.quantizationName ?? '');
  stage.column(`${name}.in_proj_ba`, hiddenSize, gates, { split: !isWhole });
  stage.norm(`${name}.norm`, text.num('linear_value_head_dim'));
  stage.row(`${name}.out_proj`, valueWidth, hiddenSize);
  stage.state(
    name,
    deltaNetState(model, stage.run),
    exportsCheckpoints(stage, text) ? 'grid' : 'none',
  );
}

/** Queries carry a gate of their own width. */
export function buildGatedAttention(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = text.num('head_dim');
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const gates = text.hasKey('attn_output_gate') && !text.flag('attn_output_gate') ? 1 : 2;
  const bias = text.flag('qkv_bias');
  const heads = { hiddenSize, headSize, numHeads: gates * numHeads, numKvHeads, bias };
  stage.qkv(`${name}.qkv_proj`, heads);
  stage.row(`${name}.o_proj`, numHeads * headSize, hiddenSize);
  stage.norm(`${name}.q_norm`, headSize);
  stage.norm(`${name}.k_norm`, headSize);
  stage.attention({ name: `${name}.attn`, numHeads, numKvHeads, headSize });
}

export function buildExperts(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('num_experts');
  stage.replicated(`${name}.gate`, hiddenSize, count, { quantized: false });
  stage.replicated(`${name}.shared_expert_gate`, hiddenSize, 1, { quantized: false });
  const shared = text.numOr('shared_expert_intermediate_size', 0);
  if (shared > 0) stage.gatedMlp(`${name}.shared_expert`, hiddenSize, shared);
  const intermediateSize = text.num('moe_intermediate_size');
  stage.experts(`${name}.experts`, { count, hiddenSize, intermediateSize });
}

/** Qwen3-Next may keep single layers dense; Qwen3.5 is one or the other throughout. */
function isSparse(model: ResolvedModel, layer: number): boolean {
  const { text } = model;
  if (model.architecture === 'Qwen3_5ForCausalLM') return false;
  if (model.architecture === 'Qwen3_5MoeForCausalLM') return true;
  if (text.has('mlp_only_layers') && text.numbers('mlp_only_layers').includes(layer)) return false;
  return text.num('num_experts') > 0 && (layer + 1) % text.numOr('decoder_sparse_step', 1) === 0;
}

/** What follows the attention or delta net of the decoder layer `name`, and the layer's norms. */
function buildRest(stage: StageBuilder, { text }: ResolvedModel, name: string, sparse: boolean) {
  const hiddenSize = text.num('hidden_size');
  if (sparse) buildExperts(stage, text, `${name}.mlp`);
  else stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
  stage.norm(`${name}.input_layernorm`, hiddenSize);
  stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
  if (!text.flag('layer_scale')) return;
  stage.tensor(`${name}.attn_layer_scale`, [1, 1, hiddenSize]);
  stage.tensor(`${name}.ffn_layer_scale`, [1, 1, hiddenSize]);
}

function build(stage: StageBuilder, model: ResolvedModel): void {
  const { text } = model;
  embeddings(stage, text, {
    // Qwen3-Next's class has no tie, builds its head everywhere and without quantization.
    tied: !isInterleaved(model) && text.flag('tie_word_embeddings'),
    everyStage: true,
    headOnEveryStage: isInterleaved(model),
    quantizedHead: !isInterleaved(model),
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    const name = `model.layers.${layer}`;
    const isLinear = layerType(text, layer) === 'linear_attention';
    if (isLinear) buildDeltaNet(stage, model, `${name}.linear_attn`);
    else buildGatedAttention(stage, text, `${name}.self_attn`);
    buildRest(stage, model, name, isSparse(model, layer));
  }
  if (stage.isLast) stage.norm('model.norm', text.num('hidden_size'));
}

function buildMtp(stage: StageBuilder, model: ResolvedModel, layers: number): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  stage.embedding('model.embed_tokens', text.num('vocab_size'), hiddenSize);
  // Left alone by checkpoints of this method, though their lists do not say so.
  const quantized = stage.quantizationName !== 'modelopt_fp4';
  stage.column('mtp.fc', 2 * hiddenSize, hiddenSize, { quantized });
  for (let layer = 0; layer < layers; layer++) {
    const name = `mtp.layers.${layer}`;
    buildGatedAttention(stage, text, `${name}.self_attn`);
    buildRest(stage, model, name, isSparse(model, layer));
  }
  for (const norm of ['norm', 'pre_fc_norm_hidden', 'pre_fc_norm_embedding']) {
    stage.norm(`model.${norm}`, hiddenSize);
  }
  if (isInterleaved(model)) {
    stage.lmHead('lm_head', text.num('vocab_size'), hiddenSize, { quantized: false });
  } else if (!text.flag('tie_word_embeddings')) {
    stage.lmHead('lm_head', text.num('vocab_size'), hiddenSize);
  }
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
  packedModules: {
    qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
    gate_up_proj: ['gate_proj', 'up_proj'],
    in_proj_qkvz: ['in_proj_qkvz'],
    in_proj_ba: ['in_proj_ba'],
  },
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
  state: deltaNetState,
  build,
  mtp: {
    layers: nextMtpLayers,
    build: (stage, model) => buildMtp(stage, model, nextMtpLayers(model.text)),
  },
};

export const QWEN3_5: ModelFamily = {
  name: 'qwen gated delta net',
  architectures: ['Qwen3_5ForCausalLM', 'Qwen3_5MoeForCausalLM'],
  vllmName: weightNamer([['model.language_model.', 'model.']]),
  kind: 'hybrid',
  packedModules: {
    qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
    gate_up_proj: ['gate_proj', 'up_proj'],
    in_proj_qkvz: ['in_proj_qkv', 'in_proj_z'],
    in_proj_ba: ['in_proj_b', 'in_proj_a'],
  },
  defaults: {
    qwen3_5_text: { ...DEFAULTS, num_key_value_heads: 4 },
    qwen3_5_moe_text: { ...DEFAULTS, num_key_value_heads: 2, num_experts: 256 },
  },
  normalize,
  state: deltaNetState,
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
