/**
 * What the layers of a dense decoder hold, by its row in the table of architectures.
 * Source: vllm/model_executor/models/llama.py and the models named in dense-architectures.ts (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim, kvHeads } from './common.ts';
import { DENSE_ARCHITECTURES, type DenseArchitecture } from './dense-architectures.ts';

/** One decoder layer's parameters and its attention layer. */
function buildLayer(
  stage: StageBuilder,
  text: HfConfig,
  about: DenseArchitecture,
  layer: number,
): void {
  const hiddenSize = text.num('hidden_size');
  const intermediateSize = text.num('intermediate_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads, bias: about.qkvBias?.(text) ?? false });
  stage.row(numHeads * headSize, hiddenSize, { bias: about.outputBias?.(text) ?? false });
  const qkNorm = about.qkNorm?.(text) ?? 'none';
  if (qkNorm === 'head') stage.norm(2 * headSize);
  if (qkNorm === 'full') buildFullQkNorm(stage, about, headSize, numHeads, numKvHeads);
  const bias = about.mlpBias?.(text) ?? false;
  if (about.ungated === true) {
    stage.column(hiddenSize, intermediateSize, { bias });
    stage.row(intermediateSize, hiddenSize, { bias });
    if (text.strOr('hidden_act', '') === 'xielu') stage.tensor(4);
  } else {
    stage.gatedMlp(hiddenSize, intermediateSize, { bias });
  }
  for (let norm = 0; norm < (about.norms ?? 2); norm++) {
    stage.norm(hiddenSize, { bias: about.normBias ?? false });
  }
  stage.attention({
    name: about.attentionName?.(layer) ?? `model.layers.${layer}.self_attn.attn`,
    numHeads,
    numKvHeads,
    headSize,
    slidingWindow: about.window?.(text, layer) ?? null,
  });
}

/** Cohere splits these norms over the ranks, OLMo does not. */
function buildFullQkNorm(
  stage: StageBuilder,
  about: DenseArchitecture,
  headSize: number,
  numHeads: number,
  numKvHeads: number,
): void {
  const isSplit = about.norms === 1;
  const heads = isSplit ? stage.perRank(numHeads, 'the number of heads') : numHeads;
  const keyHeads = isSplit ? stage.kvHeadsPerRank(numKvHeads) : numKvHeads;
  stage.norm((heads + keyHeads) * headSize);
}

function build(stage: StageBuilder, model: ResolvedModel, about: DenseArchitecture): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  embeddings(stage, {
    vocabSize: text.num('vocab_size'),
    width: hiddenSize,
    tied: text.flag('tie_word_embeddings'),
    everyStage: about.embeddingOnEveryStage ?? false,
    headOnEveryStage: about.headOnEveryStage ?? false,
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildLayer(stage, text, about, layer);
  }
  if (about.plainNorm === true) return;
  if (stage.isLast || about.normOnEveryStage === true) {
    stage.norm(hiddenSize, { bias: about.normBias ?? false });
  }
}

export const DENSE_FAMILIES: readonly ModelFamily[] = DENSE_ARCHITECTURES.map((about) => ({
  name: 'dense',
  architectures: about.architectures,
  kind: 'decoder',
  defaults: about.modelTypes,
  ...(about.normalize === undefined ? {} : { normalize: about.normalize }),
  build: (stage, model) => build(stage, model, about),
}));
