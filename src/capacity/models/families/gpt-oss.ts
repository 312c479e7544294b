/**
 * gpt-oss: experts with biases, attention sinks, every other layer windowed; and the classifier of tokens made of it.
 * Source: vllm/model_executor/models/{gpt_oss,openai_privacy_filter}.py (0.33.0).
 */

import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { ModelFamily } from '../model-family.ts';
import { headDtype } from '../pooling/head-dtype.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { numLabels } from './bert.ts';
import { embeddings, headDim, kvHeads } from './common.ts';

interface LayerWindow {
  readonly slidingWindow: number | null;
  readonly attnType?: 'encoder_only';
}

function buildLayer(
  stage: StageBuilder,
  text: HfConfig,
  name: string,
  { slidingWindow, attnType }: LayerWindow,
): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const count = text.num('num_local_experts');
  stage.tensor(`${name}.attn.sinks`, [stage.perRank(numHeads, 'the number of attention heads')]);
  stage.qkv(`${name}.attn.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads, bias: true });
  stage.row(`${name}.attn.o_proj`, numHeads * headSize, hiddenSize, { bias: true });
  stage.replicated(`${name}.mlp.router`, hiddenSize, count, { bias: true, quantized: false });
  stage.experts(`${name}.mlp.experts`, {
    count,
    hiddenSize,
    intermediateSize: text.num('intermediate_size'),
    bias: true,
    activation: 'swigluoai',
  });
  stage.norm(`${name}.input_layernorm`, hiddenSize);
  stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
  stage.attention({
    name: `${name}.attn.attn`,
    numHeads,
    numKvHeads,
    headSize,
    slidingWindow,
    hasSink: true,
    ...(attnType === undefined ? {} : { attnType }),
  });
}

function build(stage: StageBuilder, text: HfConfig, window: (layer: number) => LayerWindow): void {
  embeddings(stage, text, {
    tied: false,
    everyStage: true,
    headOnEveryStage: true,
    embeddingName: 'model.embedding',
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildLayer(stage, text, `model.layers.${layer}`, window(layer));
  }
  stage.norm('model.norm', text.num('hidden_size'));
}

const PRIVACY_FILTER_DEFAULTS = {
  vocab_size: 200064,
  hidden_size: 640,
  intermediate_size: 640,
  num_hidden_layers: 8,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  num_local_experts: 128,
  head_dim: 64,
  sliding_window: 128,
  max_position_embeddings: 131072,
};

export const GPT_OSS: ModelFamily = {
  name: 'gpt-oss',
  architectures: ['GptOssForCausalLM'],
  kind: 'decoder',
  packedModules: { qkv_proj: ['q_proj', 'k_proj', 'v_proj'] },
  defaults: {
    gpt_oss: {
      tie_word_embeddings: false,
      head_dim: 64,
      num_key_value_heads: 8,
      sliding_window: 128,
      max_position_embeddings: 131072,
    },
  },
  // transformers lists the types, so that no window is the whole model's.
  normalize: (text) => {
    if (text.has('layer_types')) return text;
    const layer_types = Array.from({ length: text.num('num_hidden_layers') }, (_, layer) =>
      layer % 2 === 0 ? 'sliding_attention' : 'full_attention',
    );
    return text.with({ layer_types });
  },
  // By the index alone: the class does not read layer_types.
  build: (stage, { text }) =>
    build(stage, text, (layer) => ({
      slidingWindow: layer % 2 === 0 ? text.numOr('sliding_window', null) : null,
    })),
};

/** A token sees its neighbours on either side; a head of labels is in the place of the vocabulary's. */
export const OPENAI_PRIVACY_FILTER: ModelFamily = {
  name: 'openai-privacy-filter',
  architectures: ['OpenAIPrivacyFilterForTokenClassification'],
  kind: 'pooling',
  isPoolingClass: true,
  withoutHead: true,
  defaults: { openai_privacy_filter: PRIVACY_FILTER_DEFAULTS },
  build: (stage, model) => {
    const { text } = model;
    const slidingWindow = text.num('sliding_window') + 1;
    build(stage, text, () => ({ slidingWindow, attnType: 'encoder_only' }));
    linear(stage, 'score', text.num('hidden_size'), numLabels(model), { dtype: headDtype(model) });
  },
};
