/**
 * Decoders of latent attention and experts, as rows of a table: DeepSeek V2, V3 and V3.2, Kimi-K2, GLM-4.7-Flash, GLM-5,
 * A.X K1, Mistral Large 3, openPangu and Sarvam. Source: vllm/model_executor/models/{deepseek_v2,glm4_moe_lite,AXK1,
 * mistral_large_3,openpangu,sarvam}.py, vllm/models/deepseek_v32 (0.33.0).
 */
import type { JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunAdjustment, RunConfig } from '../run-config.ts';
import { refuse } from './common.ts';

/** How one architecture differs from DeepSeek V3. */
export interface MlaArchitecture {
  readonly name: string;
  readonly architectures: readonly string[];
  readonly modelTypes: Readonly<Record<string, JsonObject>>;
  /** Whether the model counts as one of latent attention; default: where it has a kv_lora_rank. */
  usesMla?(text: HfConfig): boolean;
  /** Keys and values of every head are kept, not the latents. Source: deepseek_v2.py DeepseekV2Attention. */
  attendsPlainly?(text: HfConfig): boolean;
  isSparse?(text: HfConfig, layer: number): boolean;
  numExperts?(text: HfConfig): number;
  /** Width of the experts that every token passes, 0 without. */
  sharedSize?(text: HfConfig): number;
  /** Refuses experts that vLLM refuses. */
  checkExperts?(text: HfConfig): void;
  /** e_score_correction_bias, float32, one per expert. */
  correctionBias(text: HfConfig): boolean;
  readonly routerDtype?: string;
  /** Norms of the hidden size beside the usual two. */
  extraNorms?(text: HfConfig): readonly string[];
  /** The low-rank projections of queries and latents are two modules. */
  readonly hasSeparateQuery?: boolean;
  /** The class can tie its head to the embedding; DeepSeek's cannot. */
  readonly canTie?: boolean;
  /** The class can hand its embedding to a draft on the last stage. */
  readonly sharesEmbedding?: boolean;
  readonly mlpBias?: boolean;
  /** Has an MTP draft of its own layers. */
  readonly hasMtp?: boolean;
  adjustRun?(model: ResolvedModel, run: RunConfig): Partial<RunAdjustment>;
  normalize?: ModelFamily['normalize'];
}

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
  num_nextn_predict_layers: 1,
};
const GLM_LITE_DEFAULTS = {
  tie_word_embeddings: false,
  hidden_size: 2048,
  intermediate_size: 10240,
  moe_intermediate_size: 1536,
  num_hidden_layers: 47,
  num_attention_heads: 20,
  num_key_value_heads: 20,
  n_shared_experts: 1,
  n_routed_experts: 64,
  kv_lora_rank: 512,
  q_lora_rank: 768,
  qk_rope_head_dim: 64,
  v_head_dim: 256,
  qk_nope_head_dim: 192,
  max_position_embeddings: 202752,
  vocab_size: 154880,
};
const AXK1_DEFAULTS = {
  ...V3_DEFAULTS,
  n_routed_experts: 192,
  first_k_dense_replace: 1,
  max_position_embeddings: 32768,
  vocab_size: 163840,
};

/** Groups of experts, which transformers' DeepSeek V2 has none of unless the file says so. */
function checkGroups(text: HfConfig): void {
  if (text.has('n_group') && text.has('topk_group')) return;
  refuse(text, 'num_expert_group and topk_group must be provided when use_grouped_topk is True');
}

const noauxBias = (text: HfConfig): boolean => text.strOr('topk_method', '') === 'noaux_tc';

/** Source: AXK1.py _get_mlp_layer_types. */
function axk1IsSparse(text: HfConfig, layer: number): boolean {
  if (text.has('mlp_layer_types')) return text.strings('mlp_layer_types')[layer] === 'sparse';
  return (
    layer >= text.num('first_k_dense_replace') && layer % text.numOr('moe_layer_freq', 1) === 0
  );
}

/** Where a field that vLLM reads with a default stands as null, Python sees the null. */
function sarvamSharedSize(text: HfConfig): number {
  const width = text.numOr(
    'moe_shared_expert_intermediate_size',
    text.num('moe_intermediate_size'),
  );
  return width * text.numOr('num_shared_experts', 1);
}

/** Source: vllm/model_executor/models/config.py DeepseekV32ForCausalLM and GlmMoeDsaForCausalLM. */
function adjustSparseRun(model: ResolvedModel, run: RunConfig): Partial<RunAdjustment> {
  if (model.architecture === 'DeepseekV32ForCausalLM') {
    return run.cacheDtype === 'bfloat16' ? { cacheDtype: 'auto' } : {};
  }
  const wantsFp8 = run.capability.major === 10 && run.cacheDtype === 'auto';
  return wantsFp8 ? { cacheDtype: 'fp8_e4m3' } : {};
}

/** openPangu without latents has attention of another kind. */
function panguHasLatents(text: HfConfig): HfConfig {
  if (!text.has('kv_lora_rank')) refuse(text, 'openPangu is known with latent attention only');
  return text;
}

/** Source: ModelConfig.use_mla. Its kernels are causal. */
function countsAsMla(text: HfConfig): boolean {
  const isOfType = ['deepseek_v2', 'deepseek_v3', 'kimi_k2'].includes(text.strOr('model_type', ''));
  return isOfType && text.has('kv_lora_rank') && text.get('is_causal') !== false;
}

export const MLA_ARCHITECTURES: readonly MlaArchitecture[] = [
  {
    name: 'deepseek',
    architectures: ['DeepseekV2ForCausalLM'],
    modelTypes: { deepseek_v2: V2_DEFAULTS },
    checkExperts: checkGroups,
    correctionBias: noauxBias,
  },
  {
    name: 'deepseek',
    architectures: ['DeepseekV3ForCausalLM'],
    modelTypes: { deepseek_v3: V3_DEFAULTS, kimi_k2: V3_DEFAULTS },
    correctionBias: noauxBias,
    hasMtp: true,
  },
  {
    name: 'deepseek',
    // The same class under the name of embedding models, which say `is_causal: false`.
    architectures: ['DeepseekV3BidirectionalModel'],
    modelTypes: { deepseek_v3: V3_DEFAULTS },
    usesMla: countsAsMla,
    attendsPlainly: (text) => !countsAsMla(text),
    correctionBias: noauxBias,
  },
  {
    name: 'deepseek',
    architectures: ['DeepseekV32ForCausalLM', 'GlmMoeDsaForCausalLM'],
    modelTypes: { deepseek_v32: V3_DEFAULTS, glm_moe_dsa: V3_DEFAULTS },
    correctionBias: noauxBias,
    hasMtp: true,
    adjustRun: adjustSparseRun,
  },
  {
    name: 'mistral-large-3',
    architectures: ['MistralLarge3ForCausalLM'],
    modelTypes: { deepseek_v3: V3_DEFAULTS },
    correctionBias: noauxBias,
  },
  {
    name: 'glm-4.7-flash',
    architectures: ['Glm4MoeLiteForCausalLM'],
    modelTypes: { glm4_moe_lite: GLM_LITE_DEFAULTS },
    correctionBias: () => true,
    routerDtype: 'float32',
    hasMtp: true,
  },
  {
    name: 'a.x-k1',
    architectures: ['AXK1ForCausalLM'],
    modelTypes: { axk1: AXK1_DEFAULTS },
    isSparse: axk1IsSparse,
    correctionBias: (text) => !text.hasKey('topk_method') || noauxBias(text),
    extraNorms: () => ['post_mlp_layernorm'],
  },
  {
    name: 'openpangu',
    architectures: ['PanguUltraMoEForCausalLM', 'PanguProMoEV2ForCausalLM'],
    modelTypes: { pangu_ultra_moe: {} },
    usesMla: (text) =>
      text.strOr('model_type', '') === 'pangu_ultra_moe' && text.has('kv_lora_rank'),
    isSparse: (text, layer) => layer >= text.num('first_k_dense_replace'),
    correctionBias: (text) => text.flag('router_enable_expert_bias'),
    extraNorms: (text) =>
      text.flag('sandwich_norm') ? ['pre_mlp_layernorm', 'post_mlp_layernorm'] : [],
    canTie: true,
    mlpBias: true,
    hasMtp: true,
    normalize: panguHasLatents,
  },
  {
    name: 'sarvam',
    architectures: ['SarvamMLAForCausalLM'],
    modelTypes: { sarvam_mla: { tie_word_embeddings: false } },
    usesMla: () => false,
    isSparse: (text, layer) => {
      const first = text.numOr('first_k_dense_replace', 1);
      return layer >= first && (layer - first) % text.numOr('moe_layer_freq', 1) === 0;
    },
    numExperts: (text) => text.numOr('num_experts', 0),
    sharedSize: sarvamSharedSize,
    correctionBias: (text) =>
      !text.hasKey('moe_router_enable_expert_bias') || text.flag('moe_router_enable_expert_bias'),
    hasSeparateQuery: true,
    canTie: true,
    sharesEmbedding: true,
  },
];
