/**
 * Decoders of attention and one feed-forward network per layer, as rows of a table: Llama, Mistral, Qwen, Phi-3, Cohere,
 * Granite, Exaone, GLM-4, OLMo and others. Source: vllm/model_executor/models/{llama,mistral,qwen2,qwen3,phi3,commandr,
 * granite,exaone,exaone4,glm4,ernie45,internlm2,apertus,nemotron,stablelm,mimo}.py and, where vLLM has no class of its own,
 * vllm/model_executor/models/transformers (0.33.0).
 */

import type { JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import { layerType, periodicLayerTypes, slidingLayerWindow } from './common.ts';

/** How one architecture's layers differ from Llama's. */
export interface DenseArchitecture {
  readonly architectures: readonly string[];
  readonly modelTypes: Readonly<Record<string, JsonObject>>;
  /** Attention layer name of one decoder layer. */
  attentionName?(layer: number): string;
  qkvBias?(text: HfConfig): boolean;
  outputBias?(text: HfConfig): boolean;
  mlpBias?(text: HfConfig): boolean;
  /** RMSNorm over each head of queries and keys, or over all heads at once. */
  qkNorm?(text: HfConfig): 'none' | 'head' | 'full';
  /** Norms of the hidden size per layer. */
  readonly norms?: number;
  readonly normBias?: boolean;
  /** Norms without weights. */
  readonly plainNorm?: boolean;
  /** up and down only. */
  readonly ungated?: boolean;
  window?(text: HfConfig, layer: number): number | null;
  readonly embeddingOnEveryStage?: boolean;
  readonly headOnEveryStage?: boolean;
  readonly normOnEveryStage?: boolean;
  normalize?(text: HfConfig): HfConfig;
}

const attentionBias = (text: HfConfig): boolean => text.flag('attention_bias');
const always = (): boolean => true;
const headNorm = (): 'head' => 'head';

/** transformers' defaults of the fields that are read. */
const UNTIED = { tie_word_embeddings: false };
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
    modelTypes: { mimo: UNTIED },
    qkvBias: always,
    normalize: qwenLayerTypes,
  },
  {
    architectures: ['Qwen3ForCausalLM'],
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
    modelTypes: {
      phi3: { ...UNTIED, max_position_embeddings: 4096, original_max_position_embeddings: 4096 },
    },
  },
  {
    architectures: ['CohereForCausalLM'],
    modelTypes: { cohere: { ...TIED, max_position_embeddings: 8192 } },
    norms: 1,
    embeddingOnEveryStage: true,
    normOnEveryStage: true,
    qkNorm: (text) => (text.flag('use_qk_norm') ? 'full' : 'none'),
  },
  {
    architectures: ['Cohere2ForCausalLM'],
    modelTypes: { cohere2: { ...TIED, sliding_window: 4096, max_position_embeddings: 8192 } },
    norms: 1,
    embeddingOnEveryStage: true,
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
    attentionName: (layer) => `transformer.h.${layer}.attn.attention.attn`,
  },
  {
    architectures: ['GraniteForCausalLM', 'GraniteSWAForCausalLM'],
    modelTypes: { granite: { ...UNTIED, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
    window: slidingLayerWindow,
  },
  {
    architectures: ['Glm4ForCausalLM'],
    modelTypes: {
      glm4: { ...UNTIED, num_key_value_heads: 2, head_dim: 128, max_position_embeddings: 131072 },
    },
    qkvBias: attentionBias,
    norms: 4,
  },
  {
    architectures: ['Ernie4_5ForCausalLM'],
    modelTypes: {
      ernie4_5: { ...TIED, head_dim: 128, num_key_value_heads: 2, max_position_embeddings: 131072 },
    },
    qkvBias: (text) => text.flag('use_bias'),
    outputBias: (text) => text.flag('use_bias'),
  },
  {
    architectures: ['InternLM2ForCausalLM'],
    modelTypes: { internlm2: UNTIED },
    attentionName: (layer) => `model.layers.${layer}.attention.attn`,
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
  },
  {
    architectures: ['ApertusForCausalLM'],
    modelTypes: { apertus: { ...UNTIED, max_position_embeddings: 65536 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
    qkNorm: headNorm,
    ungated: true,
    window: slidingLayerWindow,
  },
  // The rest runs on transformers' own modelling code.
  {
    architectures: ['Olmo3ForCausalLM'],
    modelTypes: { olmo3: { ...UNTIED, sliding_window: 4096, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    qkNorm: () => 'full',
    normalize: patternLayerTypes(4),
    window: slidingLayerWindow,
  },
  {
    architectures: ['Olmo2ForCausalLM'],
    modelTypes: { olmo2: { ...UNTIED, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    qkNorm: () => 'full',
  },
  {
    architectures: ['OlmoForCausalLM'],
    modelTypes: { olmo: { ...UNTIED, max_position_embeddings: 2048 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    norms: 0,
    plainNorm: true,
  },
  {
    architectures: ['SeedOssForCausalLM'],
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
    modelTypes: { smollm3: { ...TIED, num_key_value_heads: 4, max_position_embeddings: 32768 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
  },
  {
    architectures: ['GlmForCausalLM'],
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
    modelTypes: { arcee: { ...UNTIED, max_position_embeddings: 4096 } },
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: (text) => text.flag('mlp_bias'),
    ungated: true,
  },
  {
    architectures: ['Starcoder2ForCausalLM'],
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
  },
];
