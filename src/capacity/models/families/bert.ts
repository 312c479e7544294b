/**
 * BERT and RoBERTa with what their classes put on top: encoders without a cache.
 * Source: vllm/model_executor/models/{bert,roberta,colbert}.py (0.33.0).
 */

import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { ModelFamily } from '../model-family.ts';
import { headDtype } from '../pooling/head-dtype.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';

interface BertArchitecture {
  readonly architectures: readonly string[];
  /** Name of the encoder within the class, and as its attention layers have it. */
  readonly encoder: string;
  readonly layerPrefix?: string;
  /** What stands on it. */
  buildHead?(stage: StageBuilder, model: ResolvedModel): void;
}

const DEFAULTS = {
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  max_position_embeddings: 512,
  type_vocab_size: 2,
};

export function numLabels({ pooling }: ResolvedModel): number {
  return pooling?.numLabels ?? 2;
}

/** BertMLMHead. */
function buildMlmHead(stage: StageBuilder, { text }: ResolvedModel): void {
  const hiddenSize = text.num('hidden_size');
  linear(stage, 'mlm_head.dense', hiddenSize, hiddenSize);
  stage.norm('mlm_head.layer_norm', hiddenSize, { bias: true });
  linear(stage, 'mlm_head.decoder', hiddenSize, text.num('vocab_size'));
}

export function buildClassifier(stage: StageBuilder, model: ResolvedModel): void {
  linear(stage, 'classifier', model.text.num('hidden_size'), numLabels(model), {
    dtype: headDtype(model),
  });
}

/** BertPooler and a classifier. */
function buildPooledClassifier(stage: StageBuilder, model: ResolvedModel): void {
  const hiddenSize = model.text.num('hidden_size');
  linear(stage, 'bert.pooler.dense', hiddenSize, hiddenSize, { dtype: headDtype(model) });
  buildClassifier(stage, model);
}

/** RobertaClassificationHead. */
function buildRobertaHead(stage: StageBuilder, model: ResolvedModel): void {
  const hiddenSize = model.text.num('hidden_size');
  const dtype = headDtype(model);
  linear(stage, 'classifier.dense', hiddenSize, hiddenSize, { dtype });
  linear(stage, 'classifier.out_proj', hiddenSize, numLabels(model), { dtype });
}

/** Sparse and multi-vector embeddings beside the dense one. */
function buildBgeM3(stage: StageBuilder, model: ResolvedModel): void {
  const hiddenSize = model.text.num('hidden_size');
  const dtype = headDtype(model);
  linear(stage, 'sparse_linear', hiddenSize, 1, { dtype });
  linear(stage, 'colbert_linear', hiddenSize, hiddenSize, { dtype });
}

/** The projection of late interaction, without a bias, where the config.json names its width. */
export function buildColbert(stage: StageBuilder, model: ResolvedModel): void {
  const width = colbertWidth(model.text);
  if (width === null) return;
  const hiddenSize = model.text.num('hidden_size');
  stage.tensor('colbert_linear.weight', [width, hiddenSize], headDtype(model));
}

function colbertWidth(text: HfConfig): number | null {
  const key = ['colbert_dim', 'dim', 'projection_dim'].find((name) => text.has(name));
  return key === undefined ? null : text.num(key);
}

const ARCHITECTURES: readonly BertArchitecture[] = [
  {
    architectures: ['BertModel', 'RobertaModel', 'RobertaForMaskedLM', 'XLMRobertaModel'],
    encoder: 'model',
  },
  { architectures: ['HF_ColBERT'], encoder: 'model', buildHead: buildColbert },
  { architectures: ['BgeM3EmbeddingModel'], encoder: 'model', buildHead: buildBgeM3 },
  { architectures: ['BertSpladeSparseEmbeddingModel'], encoder: 'model', buildHead: buildMlmHead },
  { architectures: ['BertForMaskedLM'], encoder: 'bert', buildHead: buildMlmHead },
  {
    architectures: ['BertForSequenceClassification'],
    encoder: 'bert',
    buildHead: buildPooledClassifier,
  },
  { architectures: ['BertForTokenClassification'], encoder: 'bert', buildHead: buildClassifier },
  {
    architectures: ['RobertaForTokenClassification', 'XLMRobertaForTokenClassification'],
    encoder: 'roberta',
    buildHead: buildClassifier,
  },
  {
    architectures: ['RobertaForSequenceClassification', 'XLMRobertaForSequenceClassification'],
    encoder: 'roberta',
    layerPrefix: 'bert',
    buildHead: buildRobertaHead,
  },
];

function buildLayer(
  stage: StageBuilder,
  text: HfConfig,
  about: BertArchitecture,
  layer: number,
): void {
  const hiddenSize = text.num('hidden_size');
  const intermediateSize = text.num('intermediate_size');
  const numHeads = text.num('num_attention_heads');
  const heads = { numHeads, numKvHeads: numHeads, headSize: Math.floor(hiddenSize / numHeads) };
  const name = `${about.encoder}.encoder.layer.${layer}`;
  stage.qkv(`${name}.attention.self.qkv_proj`, { hiddenSize, ...heads, bias: true });
  stage.row(`${name}.attention.output.dense`, hiddenSize, hiddenSize, { bias: true });
  stage.norm(`${name}.attention.output.LayerNorm`, hiddenSize, { bias: true });
  stage.column(`${name}.intermediate.dense`, hiddenSize, intermediateSize, { bias: true });
  stage.row(`${name}.output.dense`, intermediateSize, hiddenSize, { bias: true });
  stage.norm(`${name}.output.LayerNorm`, hiddenSize, { bias: true });
  const prefix = about.layerPrefix ?? about.encoder;
  stage.attention({
    name: `${prefix}.encoder.layer.${layer}.attention.output.attn`,
    ...heads,
    attnType: 'encoder_only',
  });
}

function build(stage: StageBuilder, model: ResolvedModel, about: BertArchitecture): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  const name = `${about.encoder}.embeddings`;
  stage.embedding(`${name}.word_embeddings`, text.num('vocab_size'), hiddenSize);
  stage.embedding(`${name}.position_embeddings`, text.num('max_position_embeddings'), hiddenSize);
  stage.embedding(`${name}.token_type_embeddings`, text.num('type_vocab_size'), hiddenSize);
  stage.norm(`${name}.LayerNorm`, hiddenSize, { bias: true });
  for (let layer = 0; layer < text.num('num_hidden_layers'); layer++) {
    buildLayer(stage, text, about, layer);
  }
  about.buildHead?.(stage, model);
}

export const BERT_FAMILIES: readonly ModelFamily[] = ARCHITECTURES.map((about) => ({
  name: 'bert',
  architectures: about.architectures,
  kind: 'pooling',
  defaults: {
    bert: { ...DEFAULTS, vocab_size: 30522 },
    roberta: { ...DEFAULTS, vocab_size: 50265 },
    'xlm-roberta': { ...DEFAULTS, vocab_size: 30522 },
  },
  build: (stage, model) => build(stage, model, about),
}));
