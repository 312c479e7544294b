/**
 * Decoders whose feed-forward networks are experts, in some layers or all: Mixtral, Qwen, GLM-4.5, MiniMax-M2, OLMoE and
 * others, as rows of a table. Source: vllm/model_executor/models/{mixtral,qwen2_moe,qwen3_moe,glm4_moe,minimax_m2,olmoe,
 * phimoe,ernie45_moe}.py (0.33.0).
 */

import type { JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily, MtpDraft } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { UNTIED } from './architecture-values.ts';
import { buildQkNorm, embeddings, headDim, kvHeads, type QkNorm } from './common.ts';
import { ERNIE_MTP } from './mtp-drafts.ts';

interface MoeArchitecture {
  readonly architectures: readonly string[];
  readonly modelTypes: Readonly<Record<string, JsonObject>>;
  qkvBias?(text: HfConfig): boolean;
  outputBias?(text: HfConfig): boolean;
  /** Over each head; over all heads, split or whole. `key`: what the key norm of MiniMax-M2 is over. */
  qkNorm?(text: HfConfig): QkNorm;
  readonly normBias?: boolean;
  isSparse?(text: HfConfig, layer: number): boolean;
  numExperts(text: HfConfig): number;
  expertSize(text: HfConfig): number;
  /** Width of the experts that every token passes, 0 without. */
  sharedSize?(text: HfConfig): number;
  /** A gate of width one in front of the shared experts. */
  readonly sharedGate?: boolean;
  readonly routerDtype?: string;
  /** The class hands the quantization to the router. */
  readonly quantizedRouter?: boolean;
  /** e_score_correction_bias, float32, one per expert. */
  correctionBias?(text: HfConfig): boolean;
  readonly embeddingOnEveryStage?: boolean;
  readonly normOnEveryStage?: boolean;
  readonly headOnEveryStage?: boolean;
  readonly headBias?: boolean;
  /** Names of the feed-forward module and of the shared experts in it. */
  readonly mlp?: string;
  readonly shared?: string;
  readonly mtp?: MtpDraft;
}

/** Qwen: every decoder_sparse_step-th layer but the listed ones. */
function qwenIsSparse(text: HfConfig, layer: number): boolean {
  if (text.has('mlp_only_layers') && text.numbers('mlp_only_layers').includes(layer)) return false;
  if (text.num('num_experts') === 0) return false;
  return (layer + 1) % text.numOr('decoder_sparse_step', 1) === 0;
}

const firstDense = (text: HfConfig, layer: number): boolean =>
  layer >= text.num('first_k_dense_replace');

const ARCHITECTURES: readonly MoeArchitecture[] = [
  {
    architectures: ['MixtralForCausalLM'],
    modelTypes: {
      mixtral: {
        ...UNTIED,
        num_key_value_heads: 8,
        num_local_experts: 8,
        num_experts_per_tok: 2,
        max_position_embeddings: 131072,
      },
    },
    mlp: 'block_sparse_moe',
    embeddingOnEveryStage: true,
    headOnEveryStage: true,
    normOnEveryStage: true,
    numExperts: (text) => text.num('num_local_experts'),
    expertSize: (text) => text.num('intermediate_size'),
  },
  {
    architectures: ['Qwen2MoeForCausalLM'],
    modelTypes: {
      qwen2_moe: {
        ...UNTIED,
        num_key_value_heads: 16,
        max_position_embeddings: 32768,
        decoder_sparse_step: 1,
      },
    },
    qkvBias: (text) => (text.hasKey('qkv_bias') ? text.flag('qkv_bias') : true),
    isSparse: qwenIsSparse,
    numExperts: (text) => text.num('num_experts'),
    expertSize: (text) => text.num('moe_intermediate_size'),
    sharedSize: (text) => text.num('shared_expert_intermediate_size'),
    sharedGate: true,
    shared: 'shared_expert',
  },
  {
    architectures: ['Qwen3MoeForCausalLM'],
    modelTypes: {
      qwen3_moe: {
        ...UNTIED,
        num_key_value_heads: 4,
        num_experts: 128,
        moe_intermediate_size: 768,
        max_position_embeddings: 32768,
        decoder_sparse_step: 1,
      },
    },
    qkvBias: (text) => text.flag('attention_bias'),
    qkNorm: () => 'head',
    quantizedRouter: true,
    embeddingOnEveryStage: true,
    headOnEveryStage: true,
    normOnEveryStage: true,
    isSparse: qwenIsSparse,
    numExperts: (text) => text.num('num_experts'),
    expertSize: (text) => text.num('moe_intermediate_size'),
  },
  {
    architectures: ['Glm4MoeForCausalLM'],
    modelTypes: {
      glm4_moe: {
        ...UNTIED,
        num_key_value_heads: 8,
        n_shared_experts: 1,
        first_k_dense_replace: 1,
        max_position_embeddings: 131072,
      },
    },
    qkvBias: (text) => text.flag('attention_bias'),
    qkNorm: (text) => (text.flag('use_qk_norm') ? 'head' : 'none'),
    isSparse: firstDense,
    numExperts: (text) => text.num('n_routed_experts'),
    expertSize: (text) => text.num('moe_intermediate_size'),
    sharedSize: (text) => text.numOr('n_shared_experts', 0) * text.num('moe_intermediate_size'),
    routerDtype: 'float32',
    correctionBias: () => true,
    mtp: {
      layers: (text) => text.numOr('num_nextn_predict_layers', 0),
      build: (stage, model) => buildGlmMtp(stage, model),
    },
  },
  {
    architectures: ['MiniMaxM2ForCausalLM'],
    modelTypes: {
      minimax_m2: {
        ...UNTIED,
        head_dim: 128,
        num_key_value_heads: 8,
        max_position_embeddings: 196608,
      },
    },
    qkNorm: () => 'split',
    numExperts: (text) => text.num('num_local_experts'),
    expertSize: (text) => text.num('intermediate_size'),
    routerDtype: 'float32',
    correctionBias: (text) => text.flag('use_routing_bias'),
  },
  {
    architectures: ['OlmoeForCausalLM'],
    modelTypes: {
      olmoe: { ...UNTIED, num_experts: 64, num_key_value_heads: 16, max_position_embeddings: 4096 },
    },
    qkNorm: () => 'full',
    numExperts: (text) => text.num('num_experts'),
    expertSize: (text) => text.num('intermediate_size'),
    embeddingOnEveryStage: true,
    normOnEveryStage: true,
  },
  {
    architectures: ['PhiMoEForCausalLM'],
    modelTypes: { phimoe: { ...UNTIED, num_key_value_heads: 8, max_position_embeddings: 131072 } },
    qkvBias: () => true,
    outputBias: () => true,
    mlp: 'block_sparse_moe',
    normBias: true,
    numExperts: (text) => text.num('num_local_experts'),
    expertSize: (text) => text.num('intermediate_size'),
    embeddingOnEveryStage: true,
    normOnEveryStage: true,
    headBias: true,
  },
  {
    architectures: ['Ernie4_5_MoeForCausalLM'],
    mtp: ERNIE_MTP,
    modelTypes: {
      ernie4_5_moe: {
        tie_word_embeddings: true,
        num_key_value_heads: 4,
        max_position_embeddings: 131072,
        moe_layer_start_index: 1,
        moe_layer_interval: 1,
      },
    },
    qkvBias: (text) => text.flag('use_bias'),
    outputBias: (text) => text.flag('use_bias'),
    isSparse: (text, layer) => {
      const start = text.numOr('moe_layer_start_index', 0);
      const end = text.get('moe_layer_end_index');
      const last =
        end === undefined || end === -1
          ? text.num('num_hidden_layers') - 1
          : text.num('moe_layer_end_index');
      return (
        (layer + 1) % text.numOr('moe_layer_interval', 1) === 0 && layer >= start && layer <= last
      );
    },
    numExperts: (text) => text.num('moe_num_experts'),
    expertSize: (text) => text.num('moe_intermediate_size'),
    sharedSize: (text) =>
      text.numOr('moe_num_shared_experts', 0) * text.num('moe_intermediate_size'),
    routerDtype: 'float32',
    correctionBias: () => true,
  },
];

function buildAttention(
  stage: StageBuilder,
  text: HfConfig,
  about: MoeArchitecture,
  name: string,
): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const qkvBias = about.qkvBias?.(text) ?? false;
  stage.qkv(`${name}.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads, bias: qkvBias });
  const bias = about.outputBias?.(text) ?? false;
  stage.row(`${name}.o_proj`, numHeads * headSize, hiddenSize, { bias });
  buildQkNorm(stage, name, about.qkNorm?.(text) ?? 'none', { headSize, numHeads, numKvHeads });
  stage.attention({ name: `${name}.attn`, numHeads, numKvHeads, headSize });
}

function buildExperts(
  stage: StageBuilder,
  text: HfConfig,
  about: MoeArchitecture,
  name: string,
): void {
  const hiddenSize = text.num('hidden_size');
  const count = about.numExperts(text);
  const dtype = about.routerDtype === undefined ? {} : { dtype: about.routerDtype };
  stage.replicated(`${name}.gate`, hiddenSize, count, {
    quantized: about.quantizedRouter ?? false,
    ...dtype,
  });
  if (about.correctionBias?.(text) === true) {
    stage.tensor(`${name}.gate.e_score_correction_bias`, [count], 'float32');
  }
  stage.experts(`${name}.experts`, {
    count,
    hiddenSize,
    intermediateSize: about.expertSize(text),
  });
  const shared = about.sharedSize?.(text) ?? 0;
  if (shared === 0) return;
  stage.gatedMlp(`${name}.${about.shared ?? 'shared_experts'}`, hiddenSize, shared);
  if (about.sharedGate === true) {
    stage.replicated(`${name}.shared_expert_gate`, hiddenSize, 1, { quantized: false });
  }
}

function buildLayer(
  stage: StageBuilder,
  text: HfConfig,
  about: MoeArchitecture,
  layer: number,
): void {
  const hiddenSize = text.num('hidden_size');
  const prefix = `model.layers.${layer}`;
  buildAttention(stage, text, about, `${prefix}.self_attn`);
  const mlp = `${prefix}.${about.mlp ?? 'mlp'}`;
  if (about.isSparse?.(text, layer) ?? true) buildExperts(stage, text, about, mlp);
  else stage.gatedMlp(mlp, hiddenSize, text.num('intermediate_size'));
  stage.norm(`${prefix}.input_layernorm`, hiddenSize, { bias: about.normBias ?? false });
  stage.norm(`${prefix}.post_attention_layernorm`, hiddenSize, { bias: about.normBias ?? false });
}

function build(stage: StageBuilder, model: ResolvedModel, about: MoeArchitecture): void {
  const { text } = model;
  embeddings(stage, text, {
    everyStage: about.embeddingOnEveryStage ?? false,
    headOnEveryStage: about.headOnEveryStage ?? false,
    headBias: about.headBias ?? false,
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildLayer(stage, text, about, layer);
  }
  if (stage.isLast || about.normOnEveryStage === true) {
    stage.norm('model.norm', text.num('hidden_size'), { bias: about.normBias ?? false });
  }
}

/** Source: vllm/model_executor/models/glm4_moe_mtp.py. */
function buildGlmMtp(stage: StageBuilder, model: ResolvedModel): void {
  const { text } = model;
  const about = ARCHITECTURES.find(({ architectures }) =>
    architectures.includes('Glm4MoeForCausalLM'),
  );
  if (about === undefined) return;
  const hiddenSize = text.num('hidden_size');
  const first = text.num('num_hidden_layers');
  stage.embedding('model.embed_tokens', text.num('vocab_size'), hiddenSize);
  for (let offset = 0; offset < text.num('num_nextn_predict_layers'); offset++) {
    const prefix = `model.layers.${first + offset}`;
    stage.norm(`${prefix}.enorm`, hiddenSize);
    stage.norm(`${prefix}.hnorm`, hiddenSize);
    stage.tensor(`${prefix}.eh_proj.weight`, [hiddenSize, 2 * hiddenSize]);
    stage.norm(`${prefix}.shared_head.norm`, hiddenSize);
    stage.lmHead(`${prefix}.shared_head.head`, text.num('vocab_size'), hiddenSize);
    buildLayer(stage, text, about, first + offset);
  }
}

export const MOE_FAMILIES: readonly ModelFamily[] = ARCHITECTURES.map((about) => ({
  name: 'mixture of experts',
  architectures: about.architectures,
  kind: 'decoder',
  defaults: about.modelTypes,
  build: (stage, model) => build(stage, model, about),
  ...(about.mtp === undefined ? {} : { mtp: about.mtp }),
}));
