/**
 * Pooling classes that are a generating model without its head for the vocabulary, and something else on top: reward models,
 * classifiers, rerankers, bidirectional embedding models.
 * Source: vllm/model_executor/models/{qwen2_rm,internlm2,jina,voyage,gpt2,jamba,llama,lfm2,colbert,gemma3,config}.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import { subConfig } from '../multimodal/config-defaults.ts';
import { headDtype } from '../pooling/head-dtype.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildColbert, numLabels } from './bert.ts';

export interface PoolingOnDecoder {
  readonly architectures: readonly string[];
  /** The architecture that it is built on. */
  readonly base: string;
  normalize?(text: HfConfig): HfConfig;
  /** The config of what it is built on, where that is nested in the whole one. */
  baseConfig?(root: HfConfig): HfConfig;
  /** What the class makes of a module's name, where it hands on a prefix of its own. */
  readonly rename?: (name: string) => string;
  /** The class is the inner model itself, without the module `model` around it. */
  readonly isInner?: boolean;
  /** The class keeps the head that it does not use. */
  readonly keepsHead?: boolean;
  buildHead?(stage: StageBuilder, model: ResolvedModel): void;
}

const bidirectional = (text: HfConfig): HfConfig => text.with({ is_causal: false });

/** Two projections, of which the second gives a value a label. */
function buildReward(labels: (model: ResolvedModel) => number) {
  return (stage: StageBuilder, model: ResolvedModel): void => {
    const hiddenSize = model.text.num('hidden_size');
    const options = { bias: true, dtype: headDtype(model) };
    stage.column('score.0', hiddenSize, hiddenSize, options);
    stage.row('score.2', hiddenSize, labels(model), options);
  };
}

function buildScore(stage: StageBuilder, model: ResolvedModel): void {
  const sizes = [numLabels(model), model.text.num('hidden_size')];
  stage.tensor('score.weight', sizes, headDtype(model));
}

/** Width of the vectors that Jina's reranker compares. Source: JinaForRankingConfig. */
const JINA_WIDTH = 512;

function buildJinaProjector(stage: StageBuilder, { text }: ResolvedModel): void {
  stage.tensor('projector.0.weight', [JINA_WIDTH, text.num('hidden_size')]);
  stage.tensor('projector.2.weight', [JINA_WIDTH, JINA_WIDTH]);
}

/** The projection of a late-interaction model, as wide as the first of these keys says. */
function buildTextProjection(
  keys: readonly string[],
  about: { readonly bias: boolean; readonly usual: number | null },
) {
  return (stage: StageBuilder, model: ResolvedModel): void => {
    const { root, text } = model;
    const key = keys.find((name) => root.flag(name));
    const width = key === undefined ? about.usual : root.num(key);
    if (width === null) return;
    const dtype = headDtype(model);
    // The whole model's width where the file has one, whatever the language model's is.
    const input = root.numOr('hidden_size', text.num('hidden_size'));
    stage.tensor('custom_text_proj.weight', [width, input], dtype);
    if (about.bias) stage.tensor('custom_text_proj.bias', [width], dtype);
  };
}

const WIDTH_KEYS = ['embed_dim', 'dims', 'dim', 'projection_dim', 'colbert_dim'];

function buildJinaScorer(stage: StageBuilder, model: ResolvedModel): void {
  const hiddenSize = model.text.num('hidden_size');
  const options = { bias: true, dtype: headDtype(model), quantized: false };
  stage.column('score.dense', hiddenSize, hiddenSize, options);
  stage.row('score.out_proj', hiddenSize, 1, options);
}

export const POOLING_ON_DECODERS: readonly PoolingOnDecoder[] = [
  {
    architectures: ['ColPaliForRetrieval'],
    base: 'PaliGemmaForConditionalGeneration',
    baseConfig: (root) => (root.has('vlm_config') ? subConfig(root, 'vlm_config') : root),
    buildHead: buildTextProjection(
      ['embedding_dim', 'embed_dim', 'dim', 'projection_dim', 'colbert_dim'],
      {
        bias: false,
        usual: null,
      },
    ),
  },
  {
    architectures: ['ColQwen3', 'OpsColQwen3Model', 'Qwen3VLNemotronEmbedModel'],
    base: 'Qwen3VLForConditionalGeneration',
    keepsHead: true,
    buildHead: buildTextProjection(WIDTH_KEYS, { bias: false, usual: null }),
  },
  {
    architectures: ['ColQwen3_5'],
    base: 'Qwen3_5ForConditionalGeneration',
    keepsHead: true,
    buildHead: buildTextProjection(WIDTH_KEYS, { bias: true, usual: 128 }),
  },
  {
    architectures: ['JinaVLForRanking'],
    base: 'Qwen2VLForConditionalGeneration',
    keepsHead: true,
    buildHead: buildJinaScorer,
  },
  {
    architectures: ['Qwen2ForRewardModel'],
    base: 'Qwen2ForCausalLM',
    buildHead: buildReward(() => 1),
  },
  {
    architectures: ['Qwen2ForProcessRewardModel'],
    base: 'Qwen2ForCausalLM',
    buildHead: buildReward(() => 2),
  },
  {
    architectures: ['InternLM2ForRewardModel'],
    base: 'InternLM2ForCausalLM',
    buildHead: (stage, model) =>
      stage.row('v_head', model.text.num('hidden_size'), 1, { dtype: headDtype(model) }),
  },
  {
    architectures: ['GPT2ForSequenceClassification'],
    base: 'GPT2LMHeadModel',
    buildHead: buildScore,
  },
  {
    architectures: ['JambaForSequenceClassification'],
    base: 'JambaForCausalLM',
    keepsHead: true,
    buildHead: buildScore,
  },
  {
    architectures: ['JinaEmbeddingsV5Model'],
    base: 'Qwen3ForCausalLM',
    // Encoder checkpoints are told from decoders by this field alone.
    normalize: (text) => (text.get('is_decoder') === false ? bidirectional(text) : text),
  },
  { architectures: ['JinaForRanking'], base: 'Qwen3ForCausalLM', buildHead: buildJinaProjector },
  {
    architectures: ['VoyageQwen3BidirectionalEmbedModel'],
    base: 'Qwen3ForCausalLM',
    normalize: bidirectional,
    buildHead: (stage, model) => {
      stage.tensor('linear.weight', [numLabels(model), model.text.num('hidden_size')]);
    },
  },
  {
    architectures: ['LlamaBidirectionalModel'],
    base: 'LlamaForCausalLM',
    normalize: bidirectional,
  },
  {
    architectures: ['LlamaBidirectionalForSequenceClassification'],
    base: 'LlamaForCausalLM',
    normalize: bidirectional,
    buildHead: buildScore,
  },
  {
    architectures: ['Lfm2BidirectionalModel'],
    base: 'Lfm2ForCausalLM',
    normalize: bidirectional,
    isInner: true,
  },
  {
    architectures: ['ColBERTLfm2Model'],
    base: 'Lfm2ForCausalLM',
    rename: withoutPrefix,
    buildHead: buildColbert,
  },
  { architectures: ['Gemma3TextModel'], base: 'Gemma3ForCausalLM', isInner: true },
];

/** Layers with a cache lack the module `model` that they are in: the class hands on its own empty name. */
function withoutPrefix(name: string): string {
  return LAYER_WITH_CACHE.test(name) ? name.replace(/^model\./, '.') : name;
}

const LAYER_WITH_CACHE = /\.(attn|short_conv)$/;

/** Without `model.`; layers with a cache keep the dot, since the class puts its own empty name before it. */
function innerName(name: string): string {
  return name.replace(/^model\./, name.endsWith('.attn') ? '.' : '');
}

/** `base`: the family of the architecture that it is built on. */
export function poolingFamily(about: PoolingOnDecoder, base: ModelFamily): ModelFamily {
  const { mtp: _, ...rest } = base;
  return {
    ...rest,
    architectures: about.architectures,
    isPoolingClass: true,
    withoutHead: about.keepsHead !== true,
    normalize: (text, root) => {
      const normal = base.normalize?.(text, root) ?? text;
      return about.normalize?.(normal) ?? normal;
    },
    build: (stage, model) => {
      const rename = about.isInner === true ? innerName : (about.rename ?? ((name) => name));
      const inner = { ...model, root: about.baseConfig?.(model.root) ?? model.root };
      stage.renaming(rename, () => base.build(stage, inner));
      about.buildHead?.(stage, model);
    },
  };
}
