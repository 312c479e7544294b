/**
 * Dense decoders that are Llama but for a norm, a bias or a name. Source: vllm/model_executor/models/{solar,step1,minicpm,
 * teleflm,telechat2,hyperclovax,rnj1,plamo3,openpangu,domyn_edge}.py (0.33.0).
 */

import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { always, attentionBias, mlpBias, UNTIED } from './architecture-values.ts';
import { periodicLayerTypes, slidingLayerWindow } from './common.ts';
import { type DecoderArchitecture, decoderFamilies, EVERYWHERE, llamaHeads } from './decoder.ts';
import { buildGraniteSinks, hasGraniteSinks } from './granite-sinks.ts';

const anyBias = (text: HfConfig): boolean => text.flag('attention_bias') || text.flag('bias');

const GEMMA_NORMS = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
];

/** One window for all layers, or a list that repeats; vLLM moves it here where `sliding_window` is a list. */
function interleavedWindow(text: HfConfig, layer: number): number | null {
  const windows = text.get('interleaved_sliding_window');
  if (!Array.isArray(windows)) return text.numOr('interleaved_sliding_window', null);
  const window: unknown = windows[layer % windows.length];
  return typeof window === 'number' ? window : null;
}

function listsWindows(text: HfConfig): HfConfig {
  if (!Array.isArray(text.get('sliding_window'))) return text;
  return text.with({
    interleaved_sliding_window: text.list('sliding_window'),
    sliding_window: null,
  });
}

/** TeleChat2's file counts as GPT-2's does. */
function normalizeTeleChat(text: HfConfig): HfConfig {
  return text.with({
    num_hidden_layers: text.numOr('n_layer', text.numOr('num_hidden_layers', null)),
    num_attention_heads: text.numOr('n_head', text.numOr('num_attention_heads', null)),
    intermediate_size: text.numOr('ffn_hidden_size', text.numOr('intermediate_size', null)),
  });
}

/** MiniCPM's experts are bare tensors, which no quantization knows. */
function buildMiniCpmExperts(stage: StageBuilder, text: HfConfig, name: string): boolean {
  const count = text.numOr('num_experts', 0);
  if (count === 0) return false;
  const hiddenSize = text.num('hidden_size');
  const width = stage.perRank(text.num('intermediate_size'), 'the expert intermediate size');
  stage.replicated(`${name}.gate`, hiddenSize, count, { quantized: false });
  stage.tensor(`${name}.ws`, [count, 2 * width, hiddenSize]);
  stage.tensor(`${name}.w2s`, [count, hiddenSize, width]);
  return true;
}

const LLAMA_LIKE: readonly DecoderArchitecture[] = [
  {
    architectures: ['SolarForCausalLM'],
    modelTypes: { solar: UNTIED },
    qkvBias: anyBias,
    outputBias: anyBias,
    mlpBias,
  },
  {
    architectures: ['Step1ForCausalLM'],
    modelTypes: { step1: { tie_word_embeddings: true } },
    heads: (text) => ({
      ...llamaHeads(text),
      numKvHeads: text.numOr('num_attention_groups', text.numOr('num_key_value_heads', 1)),
    }),
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias,
  },
  {
    architectures: ['TeleFLMForCausalLM'],
    modelTypes: { TeleFLM: UNTIED, teleflm: UNTIED },
    qkvBias: anyBias,
    outputBias: anyBias,
    mlpBias,
  },
  {
    architectures: ['TeleChat2ForCausalLM'],
    modelTypes: { telechat: UNTIED },
    outputBias: always,
    layerParts: (stage, text, name) => {
      stage.tensor(`${name}.mlp.down_proj.bias`, [text.num('hidden_size')]);
    },
    family: { normalize: normalizeTeleChat },
  },
  {
    architectures: ['MiniCPMForCausalLM'],
    modelTypes: { minicpm: UNTIED },
    heads: (text) => ({
      ...llamaHeads(text),
      headSize: Math.floor(text.num('hidden_size') / text.num('num_attention_heads')),
    }),
    everywhere: EVERYWHERE,
    feedForward: buildMiniCpmExperts,
  },
  {
    architectures: ['HyperCLOVAXForCausalLM'],
    modelTypes: { hyperclovax: { ...UNTIED, use_post_norm: true } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias,
    norms: (text) => [
      'input_layernorm',
      'post_attention_layernorm',
      ...(text.flag('use_post_norm') ? ['post_norm1', 'post_norm2'] : []),
    ],
  },
  {
    architectures: ['GraniteForCausalLM', 'GraniteSWAForCausalLM'],
    modelTypes: {
      granite: { ...UNTIED, max_position_embeddings: 2048 },
      granite_swa: { ...UNTIED, sliding_window: 128, max_position_embeddings: 2048 },
    },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias,
    attentionParts: buildGraniteSinks,
    attention: (text) => ({ hasSink: hasGraniteSinks(text) }),
    window: slidingLayerWindow,
  },
  {
    architectures: ['Rnj1ForCausalLM'],
    modelTypes: { gemma3_text: { tie_word_embeddings: true } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    qkNorm: () => 'head',
    norms: () => GEMMA_NORMS,
    window: slidingLayerWindow,
    everywhere: EVERYWHERE,
    family: {
      normalize: (text) =>
        text.has('layer_types')
          ? text
          : text.with({
              layer_types: periodicLayerTypes(
                text.num('num_hidden_layers'),
                text.numOr('sliding_window_pattern', 6),
              ),
            }),
    },
  },
  {
    architectures: ['Plamo3ForCausalLM'],
    modelTypes: { plamo3: UNTIED },
    names: { layers: 'model.layers.layers', attention: 'mixer' },
    qkNorm: () => 'head',
    norms: () => ['pre_mixer_norm', 'post_mixer_norm', 'pre_mlp_norm', 'post_mlp_norm'],
    attention: () => ({ quantized: false }),
    window: interleavedWindow,
    everywhere: EVERYWHERE,
    quantizedHead: false,
    family: {
      normalize: listsWindows,
      packedModules: { qkv_proj: ['qkv_proj'], gate_up_proj: ['gate_up_proj'] },
    },
  },
  {
    architectures: ['PanguEmbeddedForCausalLM'],
    modelTypes: { PanguEmbedded: UNTIED },
    qkvBias: (text) => (text.hasKey('qkv_bias') ? text.flag('qkv_bias') : anyBias(text)),
    outputBias: anyBias,
    mlpBias,
    window: interleavedWindow,
    family: { normalize: listsWindows },
  },
];

export const LLAMA_LIKE_FAMILIES = decoderFamilies('dense', LLAMA_LIKE);
