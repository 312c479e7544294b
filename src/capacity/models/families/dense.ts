/**
 * What the layers of a dense decoder hold, by its row in the table of architectures.
 * Source: vllm/model_executor/models/llama.py and the models named in dense-architectures.ts (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildQkNorm, embeddings, headDim, kvHeads } from './common.ts';
import { DENSE_ARCHITECTURES, type DenseArchitecture } from './dense-architectures.ts';

const LLAMA_NORMS = ['input_layernorm', 'post_attention_layernorm'];
const GATED_PROJECTIONS = ['gate_up_proj', 'down_proj'] as const;

/** One decoder layer's parameters and its attention layer. */
function buildLayer(
  stage: StageBuilder,
  text: HfConfig,
  about: DenseArchitecture,
  layer: number,
): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const prefix = about.layerName?.(layer) ?? `model.layers.${layer}`;
  const attention = `${prefix}.${about.attention ?? 'self_attn'}`;
  const qkvBias = about.qkvBias?.(text) ?? false;
  const sizes = { hiddenSize, headSize, numHeads, numKvHeads, bias: qkvBias };
  stage.qkv(`${attention}.${about.qkv ?? 'qkv_proj'}`, sizes);
  const bias = about.outputBias?.(text) ?? false;
  stage.row(`${attention}.${about.output ?? 'o_proj'}`, numHeads * headSize, hiddenSize, { bias });
  buildQkNorm(stage, attention, about.qkNorm?.(text) ?? 'none', { headSize, numHeads, numKvHeads });
  buildMlp(stage, text, about, `${prefix}.${about.mlp ?? 'mlp'}`);
  for (const norm of about.norms ?? LLAMA_NORMS) {
    stage.norm(`${prefix}.${norm}`, hiddenSize, { bias: about.normBias ?? false });
  }
  const cacheLayer = about.cacheLayerName?.(layer) ?? prefix;
  stage.attention({
    name: `${cacheLayer}.${about.attention ?? 'self_attn'}.attn`,
    numHeads,
    numKvHeads,
    headSize,
    slidingWindow: about.window?.(text, layer) ?? null,
    castsScales: about.onTransformers ?? false,
  });
}

function buildMlp(
  stage: StageBuilder,
  text: HfConfig,
  about: DenseArchitecture,
  name: string,
): void {
  const hiddenSize = text.num('hidden_size');
  const intermediateSize = text.num('intermediate_size');
  const bias = about.mlpBias?.(text) ?? false;
  const [inwards, down] = about.mlpProjections ?? GATED_PROJECTIONS;
  const widths = about.ungated === true ? intermediateSize : [intermediateSize, intermediateSize];
  stage.column(`${name}.${inwards}`, hiddenSize, widths, { bias });
  stage.row(`${name}.${down}`, intermediateSize, hiddenSize, { bias });
  if (text.strOr('hidden_act', '') !== 'xielu') return;
  for (const parameter of ['alpha_p', 'alpha_n']) {
    stage.tensor(`${name}.act_fn.${parameter}`, [1]);
  }
}

function build(stage: StageBuilder, model: ResolvedModel, about: DenseArchitecture): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  embeddings(stage, text, {
    sharesWithDraft: about.sharesEmbedding ?? false,
    everyStage: about.embeddingOnEveryStage ?? false,
    headOnEveryStage: about.headOnEveryStage ?? false,
    quantizedHead: about.quantizedHead ?? true,
    ...(about.embeddingName === undefined ? {} : { embeddingName: about.embeddingName }),
    ...(about.headName === undefined ? {} : { headName: about.headName }),
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildLayer(stage, text, about, layer);
  }
  if (about.plainNorm === true) return;
  if (stage.isLast || about.normOnEveryStage === true) {
    const name = about.finalNorm ?? 'model.norm';
    stage.norm(name, hiddenSize, { bias: about.normBias ?? false });
  }
}

export const DENSE_FAMILIES: readonly ModelFamily[] = DENSE_ARCHITECTURES.map((about) => ({
  name: 'dense',
  architectures: about.architectures,
  kind: 'decoder',
  defaults: about.modelTypes,
  ...(about.normalize === undefined ? {} : { normalize: about.normalize }),
  ...(about.mtp === undefined ? {} : { mtp: about.mtp }),
  build: (stage, model) => build(stage, model, about),
}));
