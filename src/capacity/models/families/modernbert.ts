/**
 * ModernBERT: an encoder with rotary positions, local attention in two of three layers, and no cache.
 * Source: vllm/model_executor/models/{modernbert,colbert}.py (0.33.0).
 */

import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { ModelFamily } from '../model-family.ts';
import { headDtype } from '../pooling/head-dtype.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildClassifier, buildColbert } from './bert.ts';
import { layerType } from './common.ts';

interface ModernBertArchitecture {
  readonly architectures: readonly string[];
  /** Name of the encoder within the class, with a dot behind it. */
  readonly prefix: string;
  buildHead?(stage: StageBuilder, model: ResolvedModel): void;
}

const DEFAULTS = {
  vocab_size: 50368,
  hidden_size: 768,
  intermediate_size: 1152,
  num_hidden_layers: 22,
  num_attention_heads: 12,
  max_position_embeddings: 8192,
  local_attention: 128,
  global_attn_every_n_layers: 3,
};

/** A dense layer and its norm, before the classifier. */
function buildDense(stage: StageBuilder, model: ResolvedModel, name: string, dtype: string): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  stage.tensor(`${name}.dense.weight`, [hiddenSize, hiddenSize], dtype);
  if (text.flag('classifier_bias')) stage.tensor(`${name}.dense.bias`, [hiddenSize], dtype);
  stage.norm(`${name}.norm`, hiddenSize, { bias: text.flag('norm_bias'), dtype });
}

const ARCHITECTURES: readonly ModernBertArchitecture[] = [
  { architectures: ['ModernBertModel'], prefix: '' },
  { architectures: ['ColBERTModernBertModel'], prefix: 'model.', buildHead: buildColbert },
  {
    architectures: ['ModernBertForSequenceClassification'],
    prefix: 'model.',
    buildHead: (stage, model) => {
      buildClassifier(stage, model);
      buildDense(stage, model, 'pooling', headDtype(model));
    },
  },
  {
    architectures: ['ModernBertForTokenClassification'],
    prefix: 'model.',
    buildHead: (stage, model) => {
      buildDense(stage, model, 'head', model.dtype);
      buildClassifier(stage, model);
    },
  },
];

/** One layer under the name `name`; ModernVBERT has the same under other names. */
export function buildModernBertLayer(
  stage: StageBuilder,
  text: HfConfig,
  name: string,
  layer: number,
): void {
  const hiddenSize = text.num('hidden_size');
  const intermediateSize = text.num('intermediate_size');
  const numHeads = text.num('num_attention_heads');
  const heads = { numHeads, numKvHeads: numHeads, headSize: Math.floor(hiddenSize / numHeads) };
  const bias = text.flag('attention_bias');
  const mlpBias = { bias: text.flag('mlp_bias') };
  const normBias = { bias: text.flag('norm_bias') };
  if (layer > 0) stage.norm(`${name}.attn_norm`, hiddenSize, normBias);
  stage.qkv(`${name}.attn.Wqkv`, { hiddenSize, ...heads, bias });
  stage.row(`${name}.attn.Wo`, hiddenSize, hiddenSize, { bias });
  stage.norm(`${name}.mlp_norm`, hiddenSize, normBias);
  stage.column(`${name}.mlp.Wi`, hiddenSize, [intermediateSize, intermediateSize], mlpBias);
  stage.row(`${name}.mlp.Wo`, intermediateSize, hiddenSize, mlpBias);
  // A layer sees the token at the window's far end too, half of it on either side.
  const isLocal = layerType(text, layer) === 'sliding_attention';
  stage.attention({
    name: `${layer}.attn`,
    ...heads,
    attnType: 'encoder_only',
    slidingWindow: isLocal ? Math.floor(text.num('local_attention') / 2) + 1 : null,
  });
}

export function modernBertLayerTypes(text: HfConfig): HfConfig {
  if (text.has('layer_types')) return text;
  const period = text.num('global_attn_every_n_layers');
  const layer_types = Array.from({ length: text.num('num_hidden_layers') }, (_, layer) =>
    layer % period === 0 ? 'full_attention' : 'sliding_attention',
  );
  return text.with({ layer_types });
}

function build(stage: StageBuilder, model: ResolvedModel, about: ModernBertArchitecture): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  const { prefix } = about;
  const bias = text.flag('norm_bias');
  stage.embedding(`${prefix}embeddings.tok_embeddings`, text.num('vocab_size'), hiddenSize);
  stage.norm(`${prefix}embeddings.norm`, hiddenSize, { bias });
  for (let layer = 0; layer < text.num('num_hidden_layers'); layer++) {
    buildModernBertLayer(stage, text, `${prefix}encoder_layer.layers.${layer}`, layer);
  }
  stage.norm(`${prefix}final_norm`, hiddenSize, { bias });
  about.buildHead?.(stage, model);
}

export const MODERNBERT_FAMILIES: readonly ModelFamily[] = ARCHITECTURES.map((about) => ({
  name: 'modernbert',
  architectures: about.architectures,
  kind: 'pooling',
  defaults: { modernbert: DEFAULTS },
  normalize: modernBertLayerTypes,
  build: (stage, model) => build(stage, model, about),
}));

/** ModernVBERT's text layers, and the projection of late interaction. Source: colmodernvbert.py ColModernVBertForRetrieval. */
export const MODERNVBERT_TEXT: ModelFamily = {
  name: 'modernvbert',
  architectures: [],
  kind: 'pooling',
  isPoolingClass: true,
  normalize: (text) => modernBertLayerTypes(text.withDefaults(DEFAULTS)),
  build: (stage, model) => {
    const { root, text } = model;
    const width = text.num('hidden_size');
    const bias = text.flag('norm_bias');
    stage.embedding('text_embeddings.tok_embeddings', text.num('vocab_size'), width);
    stage.norm('text_embeddings.norm', width, { bias });
    for (let layer = 0; layer < text.num('num_hidden_layers'); layer++) {
      buildModernBertLayer(stage, text, `text_layers.${layer}`, layer);
    }
    stage.norm('text_final_norm', width, { bias });
    const dtype = headDtype(model);
    linear(stage, 'custom_text_proj', width, root.numOr('embedding_dim', 128), { dtype });
  },
};
