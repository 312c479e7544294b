/**
 * Decoders that vLLM runs on transformers' own modelling code, with its linear layers put in their places and fused where the
 * code's shape is known. Source: vllm/model_executor/models/transformers and transformers' models of these names (0.33.0).
 */

import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { always, attentionBias, headNorm, UNTIED } from './architecture-values.ts';
import { periodicLayerTypes, slidingLayerWindow } from './common.ts';
import { type DecoderArchitecture, decoderFamilies, llamaHeads } from './decoder.ts';
import { gptAliases } from './decoder-classic.ts';

/** Layers whose types the file does not list: all alike, or every so-manieth full. */
function withLayerTypes(types: (numLayers: number) => readonly string[]) {
  return (text: HfConfig): HfConfig =>
    text.has('layer_types')
      ? text
      : text.with({ layer_types: [...types(text.num('num_hidden_layers'))] });
}

/** Of GPT-2's code, which the backend replicates but for its attention's projection. */
const BIG_CODE: DecoderArchitecture = {
  architectures: ['GPTBigCodeForCausalLM'],
  modelTypes: {
    gpt_bigcode: {
      tie_word_embeddings: true,
      vocab_size: 50257,
      n_positions: 1024,
      n_embd: 768,
      n_layer: 12,
      n_head: 12,
      multi_query: true,
    },
  },
  names: {
    layers: 'model.h',
    attention: 'attn',
    qkv: 'c_attn',
    output: 'c_proj',
    embedding: 'model.wte',
    finalNorm: 'model.ln_f',
    gateUp: 'c_fc',
    down: 'c_proj',
  },
  qkvBias: always,
  outputBias: always,
  mlpBias: always,
  norms: () => ['ln_1', 'ln_2'],
  normBias: true,
  ungated: true,
  splitMlp: false,
  // The backend splits only the projection that it can fuse: that of one key and value head.
  replicatesAttention: (text) => !text.flag('multi_query'),
  intermediateSize: (text) => text.numOr('n_inner', 4 * text.num('hidden_size')),
  modelParts: (stage, text) => {
    if (!stage.isFirst && !(stage.isLast && text.flag('tie_word_embeddings'))) return;
    stage.tensor('model.wpe.weight', [text.num('n_positions'), text.num('hidden_size')]);
  },
  family: {
    normalize: (text) => {
      const named = gptAliases(text);
      const heads = text.flag('multi_query') ? 1 : named.num('num_attention_heads');
      return named.with({ num_key_value_heads: text.numOr('num_key_value_heads', heads) });
    },
  },
};

/** Norms of queries and keys where the config.json asks for them, with biases. */
export function buildQkLayernorms(stage: StageBuilder, text: HfConfig, name: string): void {
  if (!text.flag('qk_layernorm')) return;
  const { headSize } = llamaHeads(text);
  stage.norm(`${name}.q_layernorm`, headSize, { bias: true });
  stage.norm(`${name}.k_layernorm`, headSize, { bias: true });
}

function buildHunYuanNorms(stage: StageBuilder, text: HfConfig, name: string): void {
  const { headSize } = llamaHeads(text);
  stage.norm(`${name}.query_layernorm`, headSize);
  stage.norm(`${name}.key_layernorm`, headSize);
}

const DENSE: readonly DecoderArchitecture[] = [
  {
    architectures: ['PhiForCausalLM'],
    modelTypes: { phi: { ...UNTIED, vocab_size: 51200, max_position_embeddings: 2048 } },
    names: { output: 'dense', gateUp: 'fc1', down: 'fc2', finalNorm: 'model.final_layernorm' },
    qkvBias: always,
    outputBias: always,
    mlpBias: always,
    norms: () => ['input_layernorm'],
    normBias: true,
    ungated: true,
    attentionParts: buildQkLayernorms,
  },
  {
    architectures: ['GPTNeoXForCausalLM'],
    modelTypes: {
      gpt_neox: {
        ...UNTIED,
        vocab_size: 50432,
        attention_bias: true,
        max_position_embeddings: 2048,
      },
    },
    names: {
      attention: 'attention',
      qkv: 'query_key_value',
      output: 'dense',
      gateUp: 'dense_h_to_4h',
      down: 'dense_4h_to_h',
      embedding: 'model.embed_in',
      finalNorm: 'model.final_layer_norm',
    },
    packsQkv: true,
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: always,
    normBias: true,
    ungated: true,
  },
  BIG_CODE,
  {
    architectures: ['HunYuanDenseV1ForCausalLM'],
    modelTypes: { hunyuan_v1_dense: { ...UNTIED, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    attentionParts: buildHunYuanNorms,
  },
  {
    architectures: ['CwmForCausalLM'],
    modelTypes: {
      cwm: {
        ...UNTIED,
        head_dim: 128,
        num_key_value_heads: 8,
        sliding_window: 8192,
        max_position_embeddings: 131072,
      },
    },
    window: slidingLayerWindow,
    family: {
      normalize: withLayerTypes((layers) =>
        Array.from({ length: layers }, (_, layer) =>
          layer % 4 === 0 ? 'full_attention' : 'sliding_attention',
        ),
      ),
    },
  },
  {
    architectures: ['Jais2ForCausalLM'],
    modelTypes: {
      jais2: {
        ...UNTIED,
        head_dim: 128,
        attention_bias: true,
        mlp_bias: true,
        max_position_embeddings: 8192,
      },
    },
    names: { gateUp: 'up_proj' },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
    normBias: true,
    ungated: true,
  },
  {
    architectures: ['VaultGemmaForCausalLM'],
    modelTypes: {
      vaultgemma: {
        tie_word_embeddings: true,
        head_dim: 256,
        num_key_value_heads: 4,
        sliding_window: 4096,
        attn_logit_softcapping: 50,
        max_position_embeddings: 8192,
      },
    },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    norms: () => ['input_layernorm', 'pre_feedforward_layernorm'],
    window: slidingLayerWindow,
    family: {
      normalize: withLayerTypes((layers) => periodicLayerTypes(layers, 2)),
    },
  },
  {
    // Remote code of Llama's shape.
    architectures: ['NanbeigeForCausalLM'],
    modelTypes: { nanbeige: UNTIED },
  },
];

const EXPERTS: readonly DecoderArchitecture[] = [
  {
    architectures: ['FlexOlmoForCausalLM'],
    modelTypes: { flex_olmo: { ...UNTIED, num_experts: 7, max_position_embeddings: 4096 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    qkNorm: () => 'full',
    norms: () => ['post_attention_layernorm', 'post_feedforward_layernorm'],
    experts: (text) => ({ count: text.num('num_experts'), size: text.num('intermediate_size') }),
  },
  {
    architectures: ['HunYuanMoEV1ForCausalLM'],
    modelTypes: { hunyuan_v1_moe: { ...UNTIED, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    attentionParts: buildHunYuanNorms,
    experts: (text) => ({
      count: text.num('num_experts'),
      size: text.num('intermediate_size'),
      sharedSize: text.num('intermediate_size'),
      shared: 'shared_mlp',
      gate: 'gate.wg',
      gateQuantized: true,
    }),
  },
  {
    architectures: ['Kolibri1ForCausalLM'],
    modelTypes: {
      kolibri1: {
        ...UNTIED,
        head_dim: 128,
        num_key_value_heads: 4,
        num_local_experts: 384,
        moe_intermediate_size: 512,
        shared_expert_intermediate_size: 512,
        sliding_window: 513,
        max_position_embeddings: 262144,
      },
    },
    qkNorm: headNorm,
    norms: () => [
      'input_layernorm',
      'post_attention_layernorm',
      'post_self_attn_layernorm',
      'post_mlp_layernorm',
    ],
    window: slidingLayerWindow,
    experts: (text) => ({
      count: text.num('num_local_experts'),
      size: text.num('moe_intermediate_size'),
      sharedSize: text.numOr('shared_expert_intermediate_size', 0),
    }),
    family: { normalize: withLayerTypes((layers) => periodicLayerTypes(layers, 5)) },
  },
  {
    architectures: ['MellumForCausalLM'],
    modelTypes: {
      mellum: {
        ...UNTIED,
        head_dim: 128,
        num_key_value_heads: 4,
        num_local_experts: 64,
        moe_intermediate_size: 896,
        sliding_window: 1024,
        max_position_embeddings: 131072,
      },
    },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    qkNorm: headNorm,
    window: slidingLayerWindow,
    experts: (text, layer) => {
      const types = text.has('mlp_layer_types') ? text.strings('mlp_layer_types') : [];
      if ((types[layer] ?? 'sparse') !== 'sparse') return null;
      return { count: text.num('num_local_experts'), size: text.num('moe_intermediate_size') };
    },
  },
];

export const TRANSFORMERS_FAMILIES = [
  ...decoderFamilies('dense', DENSE),
  ...decoderFamilies('mixture of experts', EXPERTS),
];
