/**
 * Gemma 1, 2 and 3, text and image. Source: vllm/model_executor/models/{gemma,gemma2,gemma3,gemma3_mm}.py (0.33.0).
 * Leaves out: embedding variants of Gemma 3.
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import {
  buildQkNorm,
  embeddings,
  headDim,
  kvHeads,
  periodicLayerTypes,
  slidingLayerWindow,
} from './common.ts';

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

const TWO_NORMS = ['input_layernorm', 'post_attention_layernorm'];
const FOUR_NORMS = [...TWO_NORMS, 'pre_feedforward_layernorm', 'post_feedforward_layernorm'];

function buildText(
  stage: StageBuilder,
  text: HfConfig,
  about: {
    readonly qkNorm: boolean;
    readonly norms: readonly string[];
    readonly quantizedHead?: boolean;
  },
): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const bias = text.flag('attention_bias');
  embeddings(stage, text, {
    everyStage: true,
    headOnEveryStage: true,
    quantizedHead: about.quantizedHead ?? true,
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    const prefix = `model.layers.${layer}`;
    const attention = `${prefix}.self_attn`;
    stage.qkv(`${attention}.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads, bias });
    stage.row(`${attention}.o_proj`, numHeads * headSize, hiddenSize, { bias });
    const norm = about.qkNorm ? 'head' : 'none';
    buildQkNorm(stage, attention, norm, { headSize, numHeads, numKvHeads });
    stage.gatedMlp(`${prefix}.mlp`, hiddenSize, text.num('intermediate_size'));
    for (const name of about.norms) stage.norm(`${prefix}.${name}`, hiddenSize);
    stage.attention({
      name: `${attention}.attn`,
      numHeads,
      numKvHeads,
      headSize,
      slidingWindow: slidingLayerWindow(text, layer),
    });
  }
  stage.norm('model.norm', hiddenSize);
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
  // The first Gemma's class knows no biases, whatever the config.json says.
  build: (stage, { text }) =>
    buildText(stage, text.with({ attention_bias: false }), { qkNorm: false, norms: TWO_NORMS }),
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
  build: (stage, { text }) =>
    buildText(stage, text, { qkNorm: false, norms: FOUR_NORMS, quantizedHead: false }),
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
  build: (stage, { text }) => buildText(stage, text, { qkNorm: true, norms: FOUR_NORMS }),
};
