/**
 * Decoders of GPT's time and shape: Falcon, Bloom, GPT-J, ChatGLM, Orion. Source: vllm/model_executor/models/{falcon,bloom,
 * gpt_j,chatglm,orion}.py (0.33.0).
 */

import type { HfConfig } from '../hf-config.ts';
import { always } from './architecture-values.ts';
import { type DecoderArchitecture, decoderFamilies, EVERYWHERE } from './decoder.ts';

/** The hidden size by its other name, and the counts by GPT-2's. */
export function gptAliases(text: HfConfig): HfConfig {
  return text.with({
    hidden_size: text.numOr('hidden_size', text.numOr('n_embd', text.numOr('n_embed', null))),
    num_hidden_layers: text.numOr('num_hidden_layers', text.numOr('n_layer', null)),
    num_attention_heads: text.numOr('num_attention_heads', text.numOr('n_head', null)),
  });
}

function falconKvHeads(text: HfConfig): number {
  if (text.flag('new_decoder_architecture')) return text.num('num_kv_heads');
  return text.flag('multi_query') ? 1 : text.num('num_attention_heads');
}

/** The old file format, of which vLLM keeps a config class, knows the 40B model by its width. */
function normalizeFalcon(text: HfConfig): HfConfig {
  const named = gptAliases(text);
  const isOld = ['RefinedWeb', 'RefinedWebModel'].includes(text.strOr('model_type', ''));
  const heads = named.numOr('num_kv_heads', named.numOr('n_head_kv', null));
  return named.with({
    num_kv_heads: heads ?? (isOld ? 1 : named.num('num_attention_heads')),
    new_decoder_architecture:
      named.flag('new_decoder_architecture') || (isOld && named.num('hidden_size') === 8192),
  });
}

function falconNorms(text: HfConfig): string[] {
  if (!text.flag('parallel_attn')) return ['input_layernorm', 'post_attention_layernorm'];
  const norms = text.numOr(
    'num_ln_in_parallel_attn',
    text.flag('new_decoder_architecture') ? 2 : null,
  );
  return norms === 2 ? ['ln_attn', 'ln_mlp'] : ['input_layernorm'];
}

const BLOOM_NAMES = {
  layers: 'transformer.h',
  attention: 'self_attention',
  qkv: 'query_key_value',
  output: 'dense',
  gateUp: 'dense_h_to_4h',
  down: 'dense_4h_to_h',
  embedding: 'transformer.word_embeddings',
  finalNorm: 'transformer.ln_f',
};

function glmKvHeads(text: HfConfig): number {
  return text.flag('multi_query_attention')
    ? text.num('multi_query_group_num')
    : text.num('num_attention_heads');
}

const CLASSIC: readonly DecoderArchitecture[] = [
  {
    architectures: ['FalconForCausalLM'],
    modelTypes: {
      falcon: {
        tie_word_embeddings: true,
        vocab_size: 65024,
        hidden_size: 4544,
        num_hidden_layers: 32,
        num_attention_heads: 71,
        multi_query: true,
        parallel_attn: true,
        max_position_embeddings: 2048,
      },
      RefinedWeb: { tie_word_embeddings: true, vocab_size: 250880, multi_query: true },
      RefinedWebModel: { tie_word_embeddings: true, vocab_size: 250880, multi_query: true },
    },
    names: BLOOM_NAMES,
    heads: (text) => ({
      numHeads: text.num('num_attention_heads'),
      numKvHeads: falconKvHeads(text),
      headSize: Math.floor(text.num('hidden_size') / text.num('num_attention_heads')),
    }),
    qkvBias: (text) => text.flag('bias'),
    outputBias: (text) => text.flag('bias'),
    mlpBias: (text) => text.flag('bias'),
    norms: falconNorms,
    normBias: true,
    ungated: true,
    intermediateSize: (text) => 4 * text.num('hidden_size'),
    // Layers with positions of either kind are not told of --kv-cache-dtype.
    attention: () => ({ ignoresCacheConfig: true }),
    everywhere: EVERYWHERE,
    family: {
      normalize: normalizeFalcon,
      totalNumKvHeads: falconKvHeads,
      packedModules: { query_key_value: ['query_key_value'] },
    },
  },
  {
    architectures: ['BloomForCausalLM'],
    modelTypes: { bloom: { tie_word_embeddings: true, vocab_size: 250880 } },
    names: BLOOM_NAMES,
    qkvBias: always,
    outputBias: always,
    mlpBias: always,
    normBias: true,
    ungated: true,
    intermediateSize: (text) => 4 * text.num('hidden_size'),
    modelParts: (stage, text) => {
      const name = 'transformer.word_embeddings_layernorm';
      stage.norm(name, text.num('hidden_size'), { bias: true });
    },
    everywhere: EVERYWHERE,
    quantizedHead: false,
    family: { normalize: gptAliases, packedModules: {} },
  },
  {
    architectures: ['GPTJForCausalLM'],
    modelTypes: {
      gptj: {
        tie_word_embeddings: false,
        vocab_size: 50400,
        n_positions: 2048,
        n_embd: 4096,
        n_layer: 28,
        n_head: 16,
      },
    },
    names: {
      layers: 'transformer.h',
      attention: 'attn',
      output: 'out_proj',
      gateUp: 'fc_in',
      down: 'fc_out',
      embedding: 'transformer.wte',
      finalNorm: 'transformer.ln_f',
    },
    mlpBias: always,
    norms: () => ['ln_1'],
    normBias: true,
    ungated: true,
    intermediateSize: (text) => text.numOr('n_inner', 4 * text.num('hidden_size')),
    everywhere: EVERYWHERE,
    tied: () => false,
    headBias: always,
    family: { normalize: gptAliases, packedModules: {} },
  },
  {
    architectures: ['ChatGLMModel', 'ChatGLMForConditionalGeneration'],
    modelTypes: {
      chatglm: {
        tie_word_embeddings: false,
        num_layers: 28,
        padded_vocab_size: 65024,
        hidden_size: 4096,
        ffn_hidden_size: 13696,
        num_attention_heads: 32,
        seq_length: 2048,
        rmsnorm: true,
        post_layer_norm: true,
        multi_query_group_num: 1,
      },
    },
    names: {
      ...BLOOM_NAMES,
      layers: 'transformer.encoder.layers',
      embedding: 'transformer.embedding',
      head: 'transformer.output_layer',
      finalNorm: 'transformer.encoder.final_layernorm',
    },
    heads: (text) => ({
      numHeads: text.num('num_attention_heads'),
      numKvHeads: glmKvHeads(text),
      headSize: Math.floor(text.num('hidden_size') / text.num('num_attention_heads')),
    }),
    qkvBias: (text) => text.flag('add_bias_linear') || text.flag('add_qkv_bias'),
    outputBias: (text) => text.flag('add_bias_linear'),
    mlpBias: (text) => text.flag('add_bias_linear'),
    hasNormBias: (text) => !text.flag('rmsnorm'),
    hasFinalNorm: (text) => text.flag('post_layer_norm'),
    intermediateSize: (text) => text.num('ffn_hidden_size'),
    vocabSize: (text) => text.num('padded_vocab_size'),
    everywhere: EVERYWHERE,
    family: {
      normalize: (text) =>
        text.with({ num_hidden_layers: text.numOr('num_hidden_layers', text.num('num_layers')) }),
      packedModules: {
        query_key_value: ['query_key_value'],
        dense_h_to_4h: ['dense_h_to_4h'],
      },
    },
  },
  {
    architectures: ['OrionForCausalLM'],
    modelTypes: { orion: { tie_word_embeddings: false } },
    normBias: true,
    everywhere: EVERYWHERE,
    family: { packedModules: {} },
  },
];

export const CLASSIC_FAMILIES = decoderFamilies('dense', CLASSIC);
