/**
 * Decoders of attention and one feed-forward network per layer, as rows of a table: Llama, Mistral, Qwen, Phi-3, Cohere,
 * Granite, Exaone, GLM-4, OLMo and others. Source: vllm/model_executor/models/{llama,mistral,qwen2,qwen3,phi3,commandr,
 * granite,exaone,exaone4,glm4,ernie45,internlm2,apertus,nemotron,stablelm,mimo}.py and, where vLLM has no class of its own,
 * vllm/model_executor/models/transformers (0.33.0).
 */

import type { JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import type { MtpDraft } from '../model-family.ts';
import { always, attentionBias, headNorm, UNTIED } from './architecture-values.ts';
import { layerType, periodicLayerTypes, type QkNorm, slidingLayerWindow } from './common.ts';
import { MIMO_MTP } from './mtp-drafts.ts';

/** How one architecture's layers differ from Llama's. */
export interface DenseArchitecture {
  readonly architectures: readonly string[];
  readonly modelTypes: Readonly<Record<string, JsonObject>>;
  /** The model runs on transformers' own modelling code. */
  readonly onTransformers?: boolean;
  /** Names where they are not Llama's: the decoder layer, and what is in it. */
  layerName?(layer: number): string;
  /** As the layer's attention has it, where its class is handed another name than it has. */
  cacheLayerName?(layer: number): string;
  readonly attention?: string;
  readonly qkv?: string;
  readonly output?: string;
  readonly mlp?: string;
  readonly mlpProjections?: readonly [string, string];
  readonly embeddingName?: string;
  readonly headName?: string;
  readonly finalNorm?: string;
  qkvBias?(text: HfConfig): boolean;
  outputBias?(text: HfConfig): boolean;
  mlpBias?(text: HfConfig): boolean;
  qkNorm?(text: HfConfig): QkNorm;
  /** Norms of the hidden size per layer; default: Llama's two. */
  readonly norms?: readonly string[];
  readonly normBias?: boolean;
  /** Norms without weights. */
  readonly plainNorm?: boolean;
  /** up and down only. */
  readonly ungated?: boolean;
  window?(text: HfConfig, layer: number): number | null;
  readonly embeddingOnEveryStage?: boolean;
  readonly headOnEveryStage?: boolean;
  readonly quantizedHead?: boolean;
  readonly normOnEveryStage?: boolean;
  normalize?(text: HfConfig): HfConfig;
  /** The class can hand its embedding to a draft on the last stage. Source: utils.py spec_decode_needs_target_embed. */
  readonly sharesEmbedding?: boolean;
  readonly mtp?: MtpDraft;
}

const LLAMA_NORMS = ['input_layernorm', 'post_attention_layernorm'];

/** transformers' defaults of the fields that are read. */
const TIED = { tie_word_embeddings: true };

/** Qwen2 and Qwen3 list layer types only in transformers: windows from max_window_layers on, if use_sliding_window. */
function qwenLayerTypes(text: HfConfig): HfConfig {
  const windowed = text.flag('use_sliding_window') && text.has('sliding_window');
  const sliding_window = windowed ? text.num('sliding_window') : null;
  if (text.has('layer_types')) return text.with({ sliding_window });
  const firstWindowed = text.numOr('max_window_layers', 28);
  const layer_types = Array.from({ length: text.num('num_hidden_layers') }, (_, layer) =>
    windowed && layer >= firstWindowed ? 'sliding_attention' : 'full_attention',
  );
  return text.with({ sliding_window, layer_types });
}

/** `sliding_window_pattern` (a period, or a string whose last letter marks full attention) as layer types. */
function patternLayerTypes(defaultPeriod: number) {
  return (text: HfConfig): HfConfig => {
    if (text.has('layer_types')) return text;
    const pattern = text.get('sliding_window_pattern');
    const period =
      typeof pattern === 'string'
        ? pattern.length
        : typeof pattern === 'number'
          ? pattern
          : defaultPeriod;
    return text.with({ layer_types: periodicLayerTypes(text.num('num_hidden_layers'), period) });
  };
}

/** EXAONE 4 without a window has full attention everywhere. */
function exaone4LayerTypes(text: HfConfig): HfConfig {
  if (text.hasKey('sliding_window') && !text.has('sliding_window')) {
    const layer_types = Array.from(
      { length: text.num('num_hidden_layers') },
      () => 'full_attention',
    );
    return text.has('layer_types') ? text : text.with({ layer_types });
  }
  return patternLayerTypes(4)(text);
}

export const DENSE_ARCHITECTURES: readonly DenseArchitecture[] = [
  {
    architectures: [
      'LlamaForCausalLM',
      'LLaMAForCausalLM',
      'InternLM3ForCausalLM',
      'IQuestCoderForCausalLM',
      'TeleChat3ForCausalLM',
    ],
    sharesEmbedding: true,
    modelTypes: { llama: { ...UNTIED, max_position_embeddings: 2048 }, internlm3: UNTIED },
    qkvBias: (text) =>
      text.hasKey('qkv_bias')
        ? text.flag('qkv_bias')
        : text.flag('attention_bias') || text.flag('bias'),
    outputBias: (text) => text.flag('attention_bias') || text.flag('bias'),
    mlpBias: (text) => text.flag('mlp_bias'),
    window: slidingLayerWindow,
  },
  {
    architectures: ['MistralForCausalLM', 'Ministral3ForCausalLM'],
    sharesEmbedding: true,
    modelTypes: {
      mistral: {
        ...UNTIED,
        num_key_value_heads: 8,
        sliding_window: 4096,
        max_position_embeddings: 131072,
      },
      ministral: UNTIED,
      ministral3: { ...UNTIED, num_key_value_heads: 8 },
    },
    window: slidingLayerWindow,
  },
  {
    architectures: ['Qwen2ForCausalLM'],
    sharesEmbedding: true,
    modelTypes: {
      qwen2: {
        ...UNTIED,
        num_key_value_heads: 32,
        max_position_embeddings: 32768,
        sliding_window: 4096,
      },
    },
    qkvBias: always,
    normalize: qwenLayerTypes,
  },
  {
    architectures: ['MiMoForCausalLM'],
    sharesEmbedding: true,
    mtp: MIMO_MTP,
    modelTypes: { mimo: UNTIED },
    qkvBias: always,
    normalize: qwenLayerTypes,
  },
  {
    architectures: ['Qwen3ForCausalLM'],
    sharesEmbedding: true,
    modelTypes: {
      qwen3: {
        ...UNTIED,
        head_dim: 128,
        num_key_value_heads: 32,
        max_position_embeddings: 32768,
        sliding_window: 4096,
      },
    },
    qkvBias: attentionBias,
    qkNorm: headNorm,
    normalize: qwenLayerTypes,
    window: slidingLayerWindow,
  },
  {
    architectures: ['Phi3ForCausalLM'],
    sharesEmbedding: true,
    modelTypes: {
      phi3: { ...UNTIED, max_position_embeddings: 4096, original_max_position_embeddings: 4096 },
    },
  },
  {
    architectures: ['CohereForCausalLM'],
    modelTypes: { cohere: { ...TIED, max_position_embeddings: 8192 } },
    norms: ['input_layernorm'],
    embeddingOnEveryStage: true,
    quantizedHead: false,
    normOnEveryStage: true,
    qkNorm: (text) => (text.flag('use_qk_norm') ? 'split' : 'none'),
  },
  {
    architectures: ['Cohere2ForCausalLM'],
    modelTypes: { cohere2: { ...TIED, sliding_window: 4096, max_position_embeddings: 8192 } },
    norms: ['input_layernorm'],
    embeddingOnEveryStage: true,
    quantizedHead: false,
    normOnEveryStage: true,
    normalize: patternLayerTypes(4),
    // A Cohere layer sees the token at the window's far end too.
    window: (text, layer) =>
      layerType(text, layer) === 'sliding_attention' ? text.num('sliding_window') + 1 : null,
  },
  {
    architectures: ['Exaone4ForCausalLM'],
    modelTypes: {
      exaone4: {
        ...UNTIED,
        num_key_value_heads: 32,
        sliding_window: 4096,
        max_position_embeddings: 2048,
      },
    },
    qkNorm: headNorm,
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
    normalize: exaone4LayerTypes,
    window: slidingLayerWindow,
  },
  {
    architectures: ['ExaoneForCausalLM'],
    modelTypes: { exaone: UNTIED },
    layerName: (layer) => `transformer.h.${layer}`,
    cacheLayerName: (layer) => `model.h.${layer}`,
    attention: 'attn.attention',
    output: 'out_proj',
    mlpProjections: ['gate_up_proj', 'c_proj'],
    norms: ['ln_1', 'ln_2'],
    embeddingName: 'transformer.wte',
    finalNorm: 'transformer.ln_f',
  },
  {
    architectures: ['Glm4ForCausalLM'],
    modelTypes: {
      glm4: { ...UNTIED, num_key_value_heads: 2, head_dim: 128, max_position_embeddings: 131072 },
    },
    qkvBias: attentionBias,
    norms: [...LLAMA_NORMS, 'post_self_attn_layernorm', 'post_mlp_layernorm'],
  },
  {
    architectures: ['Ernie4_5ForCausalLM'],
    sharesEmbedding: true,
    modelTypes: {
      ernie4_5: { ...TIED, head_dim: 128, num_key_value_heads: 2, max_position_embeddings: 131072 },
    },
    qkvBias: (text) => text.flag('use_bias'),
    outputBias: (text) => text.flag('use_bias'),
  },
  {
    architectures: ['InternLM2ForCausalLM'],
    modelTypes: { internlm2: UNTIED },
    attention: 'attention',
    qkv: 'wqkv',
    output: 'wo',
    mlp: 'feed_forward',
    mlpProjections: ['gate_up_proj', 'w2'],
    norms: ['attention_norm', 'ffn_norm'],
    embeddingName: 'model.tok_embeddings',
    headName: 'output',
    embeddingOnEveryStage: true,
    normOnEveryStage: true,
    headOnEveryStage: true,
  },
  {
    architectures: ['StableLmForCausalLM'],
    modelTypes: { stablelm: { ...UNTIED, max_position_embeddings: 4096 } },
    qkvBias: (text) => text.flag('use_qkv_bias'),
    normBias: true,
    embeddingOnEveryStage: true,
    normOnEveryStage: true,
    headOnEveryStage: true,
  },
  {
    architectures: ['NemotronForCausalLM'],
    modelTypes: { nemotron: { ...UNTIED, max_position_embeddings: 4096 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
    normBias: true,
    ungated: true,
    mlpProjections: ['up_proj', 'down_proj'],
  },
  {
    architectures: ['ApertusForCausalLM'],
    modelTypes: { apertus: { ...UNTIED, max_position_embeddings: 65536 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
    qkNorm: headNorm,
    ungated: true,
    mlpProjections: ['up_proj', 'down_proj'],
    norms: ['attention_layernorm', 'feedforward_layernorm'],
    window: slidingLayerWindow,
  },
  // The rest runs on transformers' own modelling code.
  {
    architectures: ['Olmo3ForCausalLM'],
    onTransformers: true,
    modelTypes: { olmo3: { ...UNTIED, sliding_window: 4096, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    qkNorm: () => 'full',
    normalize: patternLayerTypes(4),
    window: slidingLayerWindow,
  },
  {
    architectures: ['Olmo2ForCausalLM'],
    onTransformers: true,
    modelTypes: { olmo2: { ...UNTIED, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    qkNorm: () => 'full',
  },
  {
    architectures: ['OlmoForCausalLM'],
    onTransformers: true,
    modelTypes: { olmo: { ...UNTIED, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    norms: [],
    plainNorm: true,
  },
  {
    architectures: ['SeedOssForCausalLM'],
    onTransformers: true,
    modelTypes: {
      seed_oss: {
        ...UNTIED,
        attention_bias: true,
        head_dim: 128,
        num_key_value_heads: 8,
        max_position_embeddings: 524288,
      },
    },
    qkvBias: attentionBias,
    outputBias: (text) => text.flag('attention_out_bias'),
    mlpBias: (text) => text.flag('mlp_bias'),
  },
  {
    architectures: ['SmolLM3ForCausalLM'],
    onTransformers: true,
    modelTypes: { smollm3: { ...TIED, num_key_value_heads: 4, max_position_embeddings: 32768 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
  },
  {
    architectures: ['GlmForCausalLM'],
    onTransformers: true,
    modelTypes: {
      glm: {
        ...UNTIED,
        head_dim: 128,
        num_key_value_heads: 2,
        attention_bias: true,
        max_position_embeddings: 131072,
      },
    },
    qkvBias: attentionBias,
  },
  {
    architectures: ['ArceeForCausalLM'],
    onTransformers: true,
    modelTypes: { arcee: { ...UNTIED, max_position_embeddings: 4096 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
    ungated: true,
    mlpProjections: ['up_proj', 'down_proj'],
  },
  {
    architectures: ['Starcoder2ForCausalLM'],
    onTransformers: true,
    modelTypes: {
      starcoder2: {
        ...TIED,
        use_bias: true,
        num_key_value_heads: 2,
        max_position_embeddings: 4096,
      },
    },
    qkvBias: (text) => text.flag('use_bias'),
    outputBias: (text) => text.flag('use_bias'),
    mlpBias: (text) => text.flag('use_bias'),
    normBias: true,
    ungated: true,
    mlpProjections: ['up_proj', 'down_proj'],
  },
];
