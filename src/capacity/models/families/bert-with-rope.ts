/**
 * Encoders of BERT's shape with rotary positions: Nomic, GTE, Jina v3. No cache.
 * Source: vllm/model_executor/models/{bert_with_rope,colbert}.py, models/config.py NomicBertModelConfig,
 * GteNewModelConfig (0.33.0).
 */

import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { ModelFamily } from '../model-family.ts';
import { headDtype } from '../pooling/head-dtype.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildColbert, numLabels } from './bert.ts';

interface RopeBertArchitecture {
  readonly architectures: readonly string[];
  /** Name of the encoder within the class, with a dot behind it. */
  readonly prefix: string;
  /** GTE: everything has a bias but the gated projection in. */
  readonly plainGate?: boolean;
  normalize(text: HfConfig): HfConfig;
  buildHead?(stage: StageBuilder, model: ResolvedModel): void;
}

/** Nomic's own names of the fields. */
function nomic(text: HfConfig): HfConfig {
  const named = text.strOr('activation_function', 'gelu');
  const hiddenSize = text.numOr('n_embd', text.numOr('hidden_size', 768));
  return text.with({
    hidden_act: named === 'swiglu' ? 'silu' : named,
    bias: text.flag('qkv_proj_bias'),
    hidden_size: hiddenSize,
    intermediate_size: text.numOr('n_inner', text.numOr('intermediate_size', 4 * hiddenSize)),
    num_hidden_layers: text.numOr('n_layer', text.numOr('num_hidden_layers', 12)),
    num_attention_heads: text.numOr('n_head', text.numOr('num_attention_heads', 12)),
  });
}

const gte = (text: HfConfig): HfConfig => text.with({ hidden_act: 'geglu', bias: true });
const jina = (text: HfConfig): HfConfig => text.with({ bias: text.get('bias') ?? true });

const ARCHITECTURES: readonly RopeBertArchitecture[] = [
  { architectures: ['NomicBertModel'], prefix: '', normalize: nomic },
  { architectures: ['GteModel', 'GteNewModel'], prefix: '', plainGate: true, normalize: gte },
  {
    architectures: ['GteNewForSequenceClassification'],
    prefix: 'new.',
    plainGate: true,
    normalize: gte,
    buildHead: (stage, model) => {
      const hiddenSize = model.text.num('hidden_size');
      const dtype = headDtype(model);
      linear(stage, 'new.pooler.dense', hiddenSize, hiddenSize, { dtype });
      stage.replicated('classifier', hiddenSize, numLabels(model), { bias: true, dtype });
    },
  },
  {
    architectures: ['ColBERTJinaRobertaModel'],
    prefix: 'model.',
    normalize: jina,
    buildHead: buildColbert,
  },
];

/** NomicMoE: experts of torch's own, in every `moe_every_n_layers`-th layer. */
function isSparse(text: HfConfig, layer: number): boolean {
  const period = text.numOr('moe_every_n_layers', 0);
  return period > 0 && layer % period === 1;
}

function buildExperts(stage: StageBuilder, text: HfConfig, name: string): void {
  const count = text.num('num_experts');
  const hiddenSize = text.num('hidden_size');
  const width = stage.perRank(text.num('intermediate_size'), 'the expert intermediate size');
  stage.replicated(`${name}.router`, hiddenSize, count, { quantized: false });
  stage.tensor(`${name}.w1`, [count, width, hiddenSize]);
  stage.tensor(`${name}.w2`, [count, hiddenSize, width]);
  stage.tensor(`${name}.bias`, [hiddenSize]);
}

function buildMlp(
  stage: StageBuilder,
  text: HfConfig,
  name: string,
  about: RopeBertArchitecture,
): void {
  const hiddenSize = text.num('hidden_size');
  const intermediateSize = text.num('intermediate_size');
  const bias = text.flag('bias');
  if (['silu', 'geglu'].includes(text.strOr('hidden_act', ''))) {
    const inwards = [intermediateSize, intermediateSize];
    const gateBias = bias && about.plainGate !== true;
    stage.column(`${name}.gate_up_proj`, hiddenSize, inwards, { bias: gateBias });
  } else {
    stage.column(`${name}.up_proj`, hiddenSize, intermediateSize, { bias });
  }
  stage.row(`${name}.down_proj`, intermediateSize, hiddenSize, { bias });
}

function buildLayer(
  stage: StageBuilder,
  text: HfConfig,
  about: RopeBertArchitecture,
  layer: number,
): void {
  const hiddenSize = text.num('hidden_size');
  const numHeads = text.num('num_attention_heads');
  const heads = { numHeads, numKvHeads: numHeads, headSize: Math.floor(hiddenSize / numHeads) };
  const bias = text.flag('bias');
  const name = `${about.prefix}encoder.layers.${layer}`;
  stage.qkv(`${name}.attn.qkv_proj`, { hiddenSize, ...heads, bias });
  stage.row(`${name}.attn.out_proj`, hiddenSize, hiddenSize, { bias });
  if (isSparse(text, layer)) buildExperts(stage, text, `${name}.mlp`);
  else buildMlp(stage, text, `${name}.mlp`, about);
  stage.norm(`${name}.attn_ln`, hiddenSize, { bias: true });
  stage.norm(`${name}.mlp_ln`, hiddenSize, { bias: true });
  const layerName = `.encoder.layer.${layer}.attention.attn`;
  stage.attention({ name: layerName, ...heads, attnType: 'encoder_only' });
}

function build(stage: StageBuilder, model: ResolvedModel, about: RopeBertArchitecture): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  const name = `${about.prefix}embeddings`;
  stage.embedding(`${name}.word_embeddings`, text.num('vocab_size'), hiddenSize);
  const types = text.numOr('type_vocab_size', 0);
  if (types > 0) stage.embedding(`${name}.token_type_embeddings`, types, hiddenSize);
  stage.norm(`${name}.LayerNorm`, hiddenSize, { bias: true });
  for (let layer = 0; layer < text.num('num_hidden_layers'); layer++) {
    buildLayer(stage, text, about, layer);
  }
  about.buildHead?.(stage, model);
}

export const ROPE_BERT_FAMILIES: readonly ModelFamily[] = ARCHITECTURES.map((about) => ({
  name: 'bert with rotary positions',
  architectures: about.architectures,
  kind: 'pooling',
  normalize: about.normalize,
  build: (stage, model) => build(stage, model, about),
}));
