/**
 * Decoders whose feed-forward networks are experts in some layers or all: DBRX, DeepSeek-MoE, Ling and Ring, EXAONE, Granite,
 * Cohere, Hunyuan, Afmoe, Sarvam, Param. Source: vllm/model_executor/models/{dbrx,deepseek_v2,bailing_moe,exaone_moe,
 * granitemoeshared,cohere2_moe,hy_v3,afmoe,sarvam,param2moe}.py (0.33.0).
 */

import type { HfConfig } from '../hf-config.ts';
import { headNorm, UNTIED } from './architecture-values.ts';
import { layerType, periodicLayerTypes, slidingLayerWindow } from './common.ts';
import {
  type DecoderArchitecture,
  decoderFamilies,
  EVERYWHERE,
  type ExpertLayer,
  llamaHeads,
} from './decoder.ts';
import { buildGraniteSinks, hasGraniteSinks } from './granite-sinks.ts';

const anyBias = (text: HfConfig): boolean => text.flag('attention_bias') || text.flag('bias');

function isDenseFirst(text: HfConfig, layer: number, key = 'first_k_dense_replace'): boolean {
  return layer < text.num(key);
}

/** `mlp_layer_types` says which layers have experts. */
function isListedSparse(text: HfConfig, layer: number): boolean {
  return text.strings('mlp_layer_types')[layer] === 'sparse';
}

/** All but the first `dense` layers are sparse, where the file does not list them. */
function listsMlpTypes(text: HfConfig, dense: number): HfConfig {
  if (text.has('mlp_layer_types')) return text;
  const mlp_layer_types = Array.from({ length: text.num('num_hidden_layers') }, (_, layer) =>
    layer < dense ? 'dense' : 'sparse',
  );
  return text.with({ mlp_layer_types });
}

/** Every `period`-th layer is full attention, where the file does not list the types. */
function listsTypes(text: HfConfig, period: number): HfConfig {
  if (text.has('layer_types')) return text;
  return text.with({ layer_types: periodicLayerTypes(text.num('num_hidden_layers'), period) });
}

// DBRX keeps its sizes in two nested configs, under names of its own.
function normalizeDbrx(text: HfConfig): HfConfig {
  const attention = text.sub('attn_config');
  return text.with({
    hidden_size: text.num('d_model'),
    num_attention_heads: text.num('n_heads'),
    num_hidden_layers: text.num('n_layers'),
    num_key_value_heads: attention.numOr('kv_n_heads', text.num('n_heads')),
  });
}

function ringRouterDtype(text: HfConfig): { gateDtype?: string } {
  const named = text.strOr('router_dtype', null);
  if (named === null) return {};
  return { gateDtype: named === 'fp32' ? 'float32' : 'bfloat16' };
}

/** Ling, Ring and what follows them: the shared experts may have a width of their own. */
function ringSharedSize(text: HfConfig, count: number): number {
  const size = text.numOr('moe_shared_expert_intermediate_size', text.num('moe_intermediate_size'));
  return count * size;
}

function ringExperts(text: HfConfig, layer: number): ExpertLayer | null {
  if (isDenseFirst(text, layer)) return null;
  const hasCorrection = text.flag('moe_router_enable_expert_bias');
  return {
    count: text.num('num_experts'),
    size: text.num('moe_intermediate_size'),
    sharedSize: ringSharedSize(text, text.numOr('num_shared_experts', 0)),
    sharedBias: text.flag('use_bias'),
    ...ringRouterDtype(text),
    ...(hasCorrection ? { correction: 'gate.expert_bias' } : {}),
  };
}

/** Param's have a correction unless told otherwise. */
function correctedExperts(text: HfConfig, sharedSize: number): ExpertLayer {
  const isCorrected =
    !text.hasKey('moe_router_enable_expert_bias') || text.flag('moe_router_enable_expert_bias');
  return {
    count: text.num('num_experts'),
    size: text.num('moe_intermediate_size'),
    sharedSize,
    ...(isCorrected ? { correction: 'gate.e_score_correction_bias' } : {}),
  };
}

const EXPERTS: readonly DecoderArchitecture[] = [
  {
    architectures: ['DbrxForCausalLM'],
    modelTypes: {
      dbrx: { ...UNTIED, vocab_size: 32000, d_model: 2048, n_heads: 16, n_layers: 24 },
    },
    names: {
      layers: 'transformer.blocks',
      attention: 'norm_attn_norm.attn',
      qkv: 'Wqkv',
      output: 'out_proj',
      mlp: 'ffn',
      embedding: 'transformer.wte',
      finalNorm: 'transformer.norm_f',
    },
    norms: () => ['norm_attn_norm.norm_1', 'norm_attn_norm.norm_2'],
    experts: (text) => ({
      count: text.sub('ffn_config').num('moe_num_experts'),
      size: text.sub('ffn_config').num('ffn_hidden_size'),
      gate: 'router.layer',
    }),
    tied: () => false,
    everywhere: EVERYWHERE,
    family: { normalize: normalizeDbrx, packedModules: {} },
  },
  {
    architectures: ['DeepseekForCausalLM'],
    modelTypes: { deepseek: { ...UNTIED, first_k_dense_replace: 0, moe_layer_freq: 1 } },
    experts: (text, layer) => {
      const isSparse =
        text.has('n_routed_experts') &&
        layer >= text.num('first_k_dense_replace') &&
        layer % text.numOr('moe_layer_freq', 1) === 0;
      if (!isSparse) return null;
      const size = text.num('moe_intermediate_size');
      const count = text.num('n_routed_experts');
      const isCorrected = text.strOr('topk_method', '') === 'noaux_tc';
      return {
        count,
        size,
        sharedSize: size * text.numOr('n_shared_experts', 0),
        ...(isCorrected ? { correction: 'gate.e_score_correction_bias' } : {}),
      };
    },
  },
  {
    architectures: ['BailingMoeForCausalLM', 'BailingMoeV2ForCausalLM', 'SarvamMoEForCausalLM'],
    modelTypes: {
      bailing_moe: { ...UNTIED, first_k_dense_replace: 0 },
      bailing_moe_v2: { ...UNTIED, first_k_dense_replace: 0 },
      sarvam_moe: { ...UNTIED, first_k_dense_replace: 0 },
    },
    names: {
      attention: 'attention',
      qkv: 'query_key_value',
      output: 'dense',
      embedding: 'model.word_embeddings',
    },
    qkvBias: (text) => text.flag('use_bias') || text.flag('use_qkv_bias'),
    outputBias: (text) => text.flag('use_bias'),
    mlpBias: (text) => text.flag('use_bias'),
    attentionParts: (stage, text, name) => {
      if (!text.flag('use_qk_norm')) return;
      const options = { bias: !text.flag('use_rmsnorm') };
      const { headSize } = llamaHeads(text);
      stage.norm(`${name}.query_layernorm`, headSize, options);
      stage.norm(`${name}.key_layernorm`, headSize, options);
    },
    attention: () => ({ quantized: false }),
    experts: ringExperts,
    family: {
      packedModules: {
        query_key_value: ['query_key_value'],
        dense_h_to_4h: ['dense_h_to_4h'],
        gate_up_proj: ['gate_proj', 'up_proj'],
      },
    },
  },
  {
    architectures: ['Cohere2MoeForCausalLM'],
    modelTypes: {
      cohere2_moe: {
        tie_word_embeddings: true,
        head_dim: 128,
        num_experts: 8,
        sliding_window: 4096,
        max_position_embeddings: 8192,
      },
    },
    quantizedHead: false,
    norms: () => ['input_layernorm'],
    // A Cohere layer sees the token at the window's far end too.
    window: (text, layer) =>
      text.has('layer_types') && layerType(text, layer) === 'sliding_attention'
        ? text.num('sliding_window') + 1
        : null,
    intermediateSize: (text) =>
      text.numOr('prefix_dense_intermediate_size', text.num('intermediate_size')),
    experts: (text, layer) => {
      if (text.strings('mlp_layer_types')[layer] === 'dense') return null;
      const size = text.num('intermediate_size');
      const sharedSize = size * text.numOr('num_shared_experts', 0);
      return { count: text.num('num_experts'), size, sharedSize };
    },
    everywhere: ['embedding', 'norm'],
    tied: () => true,
    family: {
      normalize: (text) => listsMlpTypes(text, text.numOr('first_k_dense_replace', 0)),
    },
  },
  {
    architectures: ['ExaoneMoeForCausalLM', 'ExaoneMoEForCausalLM'],
    modelTypes: {
      exaone_moe: {
        ...UNTIED,
        num_experts: 64,
        num_shared_experts: 1,
        moe_intermediate_size: 1024,
        sliding_window: 4096,
        max_position_embeddings: 2048,
      },
    },
    qkvBias: anyBias,
    outputBias: anyBias,
    mlpBias: (text) => text.flag('mlp_bias'),
    qkNorm: headNorm,
    window: (text, layer) => {
      if (text.has('sliding_windows')) {
        const window: unknown = text.list('sliding_windows')[layer];
        return typeof window === 'number' ? window : null;
      }
      return slidingLayerWindow(text, layer);
    },
    experts: (text, layer) => {
      if (!isListedSparse(text, layer)) return null;
      const size = text.num('moe_intermediate_size');
      return {
        count: text.num('num_experts'),
        size,
        sharedSize: size * text.numOr('num_shared_experts', 0),
        correction: 'e_score_correction_bias',
      };
    },
    family: {
      normalize: (text) => {
        const typed = listsMlpTypes(text, text.numOr('first_k_dense_replace', 1));
        return listsTypes(typed, text.numOr('sliding_window_pattern', 4));
      },
    },
  },
  {
    architectures: [
      'GraniteMoeForCausalLM',
      'GraniteMoeSharedForCausalLM',
      'GraniteMoeSWAForCausalLM',
    ],
    modelTypes: {
      granitemoe: { ...UNTIED, num_local_experts: 8, max_position_embeddings: 2048 },
      granitemoeshared: { ...UNTIED, num_local_experts: 8, max_position_embeddings: 2048 },
      granitemoe_swa: {
        ...UNTIED,
        num_local_experts: 8,
        sliding_window: 128,
        max_position_embeddings: 2048,
      },
    },
    names: { mlp: 'block_sparse_moe' },
    experts: (text) => ({
      count: text.num('num_local_experts'),
      size: text.num('intermediate_size'),
    }),
    layerParts: (stage, text, name) => {
      const shared = text.numOr('shared_intermediate_size', 0);
      if (shared === 0) return;
      const hiddenSize = text.num('hidden_size');
      stage.column(`${name}.shared_mlp.input_linear`, hiddenSize, [shared, shared]);
      stage.row(`${name}.shared_mlp.output_linear`, shared, hiddenSize);
    },
    window: slidingLayerWindow,
    attentionParts: buildGraniteSinks,
    attention: (text) => ({ hasSink: hasGraniteSinks(text) }),
    everywhere: EVERYWHERE,
    family: { packedModules: { qkv_proj: ['q_proj', 'k_proj', 'v_proj'] } },
  },
  {
    architectures: ['HYV3ForCausalLM'],
    modelTypes: { hy_v3: { ...UNTIED, num_shared_experts: 0 } },
    qkNorm: (text) => (text.flag('qk_norm') ? 'head' : 'none'),
    experts: (text, layer) => {
      if (isDenseFirst(text, layer)) return null;
      const size = text.num('expert_hidden_dim');
      return {
        count: text.num('num_experts'),
        size,
        sharedSize: size * text.numOr('num_shared_experts', 0),
        shared: 'shared_mlp',
        gateDtype: 'float32',
        correction: 'expert_bias',
      };
    },
    everywhere: EVERYWHERE,
  },
  {
    architectures: ['AfmoeForCausalLM'],
    modelTypes: { afmoe: { ...UNTIED, num_shared_experts: 0, num_dense_layers: 1 } },
    qkNorm: headNorm,
    norms: () => [
      'input_layernorm',
      'post_attention_layernorm',
      'pre_mlp_layernorm',
      'post_mlp_layernorm',
    ],
    attentionParts: (stage, text, name) => {
      const { numHeads, headSize } = llamaHeads(text);
      stage.column(`${name}.gate_proj`, text.num('hidden_size'), numHeads * headSize);
    },
    window: slidingLayerWindow,
    experts: (text, layer) => {
      if (isDenseFirst(text, layer, 'num_dense_layers')) return null;
      const size = text.num('moe_intermediate_size');
      return {
        count: text.num('num_experts'),
        size,
        sharedSize: size * text.numOr('num_shared_experts', 0),
        gateDtype: 'float32',
        correction: 'expert_bias',
      };
    },
    tied: () => false,
    family: { normalize: (text) => listsTypes(text, text.numOr('global_attn_every_n_layers', 4)) },
  },
  {
    architectures: ['Param2MoEForCausalLM'],
    modelTypes: { param2moe: { ...UNTIED, first_k_dense_replace: 1, num_shared_experts: 1 } },
    qkvBias: (text) => text.flag('use_qkv_bias'),
    outputBias: (text) => text.flag('use_bias'),
    attentionParts: (stage, text, name) => {
      if (!text.flag('use_qk_norm')) return;
      const { headSize } = llamaHeads(text);
      stage.norm(`${name}.q_layernorm`, headSize);
      stage.norm(`${name}.k_layernorm`, headSize);
    },
    experts: (text, layer) => {
      if (isDenseFirst(text, layer)) return null;
      const count = text.numOr('num_shared_experts', 1);
      const own = text.numOr('moe_shared_expert_intermediate_size', null);
      const sharedSize = count === 0 ? 0 : (own ?? count * text.num('moe_intermediate_size'));
      return { ...correctedExperts(text, sharedSize), gateDtype: 'float32' };
    },
  },
];

export const EXPERT_FAMILIES = decoderFamilies('mixture of experts', EXPERTS);
