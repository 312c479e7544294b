/**
 * Gemma 1, 2 and 3, text and image. Source: vllm/model_executor/models/{gemma,gemma2,gemma3,gemma3_mm}.py (0.33.0).
 * Leaves out: embedding variants of Gemma 3.
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim, kvHeads, periodicLayerTypes, slidingLayerWindow } from './common.ts';
import { buildSiglip } from './vision-towers.ts';

const GEMMA3_DEFAULTS = {
  tie_word_embeddings: true,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  sliding_window: 4096,
  max_position_embeddings: 131072,
  vocab_size: 262208,
  rms_norm_eps: 1e-6,
  num_hidden_layers: 26,
  hidden_size: 2304,
  intermediate_size: 9216,
};

function buildText(
  stage: StageBuilder,
  text: HfConfig,
  about: { readonly prefix: string; readonly qkNorm: boolean; readonly norms: number },
): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const bias = text.flag('attention_bias');
  embeddings(stage, {
    vocabSize: text.num('vocab_size'),
    width: hiddenSize,
    tied: text.flag('tie_word_embeddings'),
    everyStage: true,
    headOnEveryStage: true,
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads, bias });
    stage.row(numHeads * headSize, hiddenSize, { bias });
    if (about.qkNorm) stage.norm(2 * headSize);
    stage.gatedMlp(hiddenSize, text.num('intermediate_size'));
    stage.norm(about.norms * hiddenSize);
    stage.attention({
      name: `${about.prefix}model.layers.${layer}.self_attn.attn`,
      numHeads,
      numKvHeads,
      headSize,
      slidingWindow: slidingLayerWindow(text, layer),
    });
  }
  stage.norm(hiddenSize);
}

export const GEMMA: ModelFamily = {
  name: 'gemma',
  architectures: ['GemmaForCausalLM'],
  kind: 'decoder',
  defaults: {
    gemma: {
      tie_word_embeddings: true,
      head_dim: 256,
      num_key_value_heads: 16,
      max_position_embeddings: 8192,
    },
  },
  build: (stage, { text }) => buildText(stage, text, { prefix: '', qkNorm: false, norms: 2 }),
};

export const GEMMA2: ModelFamily = {
  name: 'gemma-2',
  architectures: ['Gemma2ForCausalLM'],
  kind: 'decoder',
  defaults: {
    gemma2: {
      tie_word_embeddings: true,
      head_dim: 256,
      num_key_value_heads: 4,
      sliding_window: 4096,
      max_position_embeddings: 8192,
      attn_logit_softcapping: 50,
    },
  },
  normalize: (text) =>
    text.has('layer_types')
      ? text
      : text.with({ layer_types: periodicLayerTypes(text.num('num_hidden_layers'), 2) }),
  build: (stage, { text }) => buildText(stage, text, { prefix: '', qkNorm: false, norms: 4 }),
};

/** Every sixth layer sees everything, unless the file says otherwise. */
function gemma3LayerTypes(text: HfConfig): HfConfig {
  if (text.has('layer_types')) return text;
  const period = text.numOr('sliding_window_pattern', 6);
  return text.with({ layer_types: periodicLayerTypes(text.num('num_hidden_layers'), period) });
}

export const GEMMA3_TEXT: ModelFamily = {
  name: 'gemma-3',
  architectures: ['Gemma3ForCausalLM'],
  kind: 'decoder',
  defaults: { gemma3_text: GEMMA3_DEFAULTS },
  normalize: gemma3LayerTypes,
  build: (stage, { text }) => buildText(stage, text, { prefix: '', qkNorm: true, norms: 4 }),
};

export const GEMMA3_MULTIMODAL: ModelFamily = {
  name: 'gemma-3',
  architectures: ['Gemma3ForConditionalGeneration'],
  kind: 'decoder',
  defaults: { gemma3_text: GEMMA3_DEFAULTS },
  normalize: gemma3LayerTypes,
  isMmPrefixLm: () => true,
  build: (stage, { text, root }) => {
    // Encoders run on the first stage only.
    if (stage.isFirst) {
      const vision = root.sub('vision_config');
      buildSiglip(stage, vision);
      const visionWidth = vision.num('hidden_size');
      stage.tensor(visionWidth * text.num('hidden_size') + visionWidth);
    }
    buildText(stage, text, { prefix: 'language_model.', qkNorm: true, norms: 4 });
  },
};
