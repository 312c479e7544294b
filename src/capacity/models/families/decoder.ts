/**
 * A decoder layer by layer, from a row that says how its architecture differs from Llama: attention, then one feed-forward
 * network or experts. Knows no architecture; the rows are in the decoder-*.ts tables.
 */
import type { JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { AttentionOptions, StageBuilder } from '../stage-builder.ts';
import { buildQkNorm, embeddings, headDim, kvHeads, type QkNorm } from './common.ts';

/** Where the modules are. */
export interface DecoderNames {
  /** What the layers are counted under. */
  readonly layers: string;
  readonly attention: string;
  readonly qkv: string;
  readonly output: string;
  readonly mlp: string;
  readonly gateUp: string;
  readonly down: string;
  readonly embedding: string;
  readonly head: string;
  readonly finalNorm: string;
}

export interface HeadSizes {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headSize: number;
}

/** The experts of one layer. */
export interface ExpertLayer {
  readonly count: number;
  readonly size: number;
  /** Width of the experts that every token passes; 0: none. */
  readonly sharedSize?: number;
  readonly sharedBias?: boolean;
  /** Module names within the feed-forward network. */
  readonly gate?: string;
  readonly experts?: string;
  readonly shared?: string;
  /** A gate of width one in front of the shared experts, by its name. */
  readonly sharedGate?: string;
  readonly gateDtype?: string;
  readonly gateBias?: boolean;
  readonly gateQuantized?: boolean;
  /** What corrects the scores, by its name: one number an expert. */
  readonly correction?: string;
  readonly correctionDtype?: string;
  readonly activation?: string;
}

type Question<Answer> = (text: HfConfig, layer: number) => Answer;

export interface DecoderArchitecture {
  readonly architectures: readonly string[];
  readonly modelTypes: Readonly<Record<string, JsonObject>>;
  readonly names?: Partial<DecoderNames>;
  heads?: Question<HeadSizes>;
  qkvBias?: Question<boolean>;
  outputBias?: Question<boolean>;
  mlpBias?: Question<boolean>;
  qkNorm?: Question<QkNorm>;
  /** Norms of the hidden size per layer; default: Llama's two. */
  norms?: Question<readonly string[]>;
  readonly normBias?: boolean;
  hasNormBias?(text: HfConfig): boolean;
  hasFinalNorm?(text: HfConfig): boolean;
  /** Queries, keys and values are one output of one projection, head by head; there are as many of each. */
  readonly packsQkv?: true;
  /** Every rank holds the whole projections of the attention. */
  replicatesAttention?(text: HfConfig): boolean;
  /** false: every rank holds the whole feed-forward network. */
  readonly splitMlp?: boolean;
  /** One projection in instead of gate and up. */
  readonly ungated?: boolean;
  intermediateSize?: Question<number>;
  /** null: a feed-forward network instead. */
  experts?: Question<ExpertLayer | null>;
  window?: Question<number | null>;
  attention?: Question<Partial<AttentionOptions>>;
  /** Builds a feed-forward network unlike either; false where the layer has none. */
  feedForward?(stage: StageBuilder, text: HfConfig, name: string, layer: number): boolean;
  /** Further parameters: of an attention module, of a layer, of the model on this stage. */
  attentionParts?(stage: StageBuilder, text: HfConfig, name: string, layer: number): void;
  layerParts?(stage: StageBuilder, text: HfConfig, name: string, layer: number): void;
  modelParts?(stage: StageBuilder, text: HfConfig): void;
  /** Built on every stage. */
  readonly everywhere?: readonly ('embedding' | 'head' | 'norm')[];
  tied?(text: HfConfig): boolean;
  /** false: the class has a head of its own even so. */
  readonly tiesHead?: false;
  vocabSize?(text: HfConfig): number;
  headBias?(text: HfConfig): boolean;
  readonly quantizedHead?: boolean;
  /** What else the family says of itself. */
  readonly family?: Partial<ModelFamily>;
}

/** Older classes build both ends and the final norm on every stage. */
export const EVERYWHERE = ['embedding', 'head', 'norm'] as const;

const LLAMA: DecoderNames = {
  layers: 'model.layers',
  attention: 'self_attn',
  qkv: 'qkv_proj',
  output: 'o_proj',
  mlp: 'mlp',
  gateUp: 'gate_up_proj',
  down: 'down_proj',
  embedding: 'model.embed_tokens',
  head: 'lm_head',
  finalNorm: 'model.norm',
};

const LLAMA_NORMS = ['input_layernorm', 'post_attention_layernorm'];

export function llamaHeads(text: HfConfig): HeadSizes {
  return {
    numHeads: text.num('num_attention_heads'),
    numKvHeads: kvHeads(text),
    headSize: headDim(text),
  };
}

interface Place {
  readonly stage: StageBuilder;
  readonly text: HfConfig;
  readonly about: DecoderArchitecture;
  readonly names: DecoderNames;
  readonly layer: number;
}

function buildAttention({ stage, text, about, names, layer }: Place, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const heads = about.heads?.(text, layer) ?? llamaHeads(text);
  const qkvBias = about.qkvBias?.(text, layer) ?? false;
  const width = heads.numHeads * heads.headSize;
  const split = about.replicatesAttention?.(text) !== true;
  if (split && about.packsQkv === true) {
    stage.column(`${name}.${names.qkv}`, hiddenSize, 3 * width, { bias: qkvBias });
  } else if (split) {
    stage.qkv(`${name}.${names.qkv}`, { hiddenSize, ...heads, bias: qkvBias });
  } else {
    const all = width + 2 * heads.numKvHeads * heads.headSize;
    stage.replicated(`${name}.${names.qkv}`, hiddenSize, all, { bias: qkvBias });
  }
  const bias = about.outputBias?.(text, layer) ?? false;
  stage.row(`${name}.${names.output}`, width, hiddenSize, { bias, split });
  buildQkNorm(stage, name, about.qkNorm?.(text, layer) ?? 'none', heads);
  about.attentionParts?.(stage, text, name, layer);
  stage.attention({
    name: `${name}.attn`,
    ...heads,
    slidingWindow: about.window?.(text, layer) ?? null,
    ...about.attention?.(text, layer),
  });
}

function buildExperts({ stage, text }: Place, name: string, experts: ExpertLayer): void {
  const hiddenSize = text.num('hidden_size');
  const { count, size, sharedSize = 0 } = experts;
  const gate = `${name}.${experts.gate ?? 'gate'}`;
  stage.replicated(gate, hiddenSize, count, {
    quantized: experts.gateQuantized ?? false,
    bias: experts.gateBias ?? false,
    ...(experts.gateDtype === undefined ? {} : { dtype: experts.gateDtype }),
  });
  if (experts.correction !== undefined) {
    stage.tensor(`${name}.${experts.correction}`, [count], experts.correctionDtype ?? 'float32');
  }
  stage.experts(`${name}${experts.experts ?? '.experts'}`, {
    count,
    hiddenSize,
    intermediateSize: size,
    activation: experts.activation ?? 'silu',
  });
  if (sharedSize > 0) {
    const bias = experts.sharedBias ?? false;
    const shared = `${name}.${experts.shared ?? 'shared_experts'}`;
    stage.gatedMlp(shared, hiddenSize, sharedSize, { bias });
  }
  if (experts.sharedGate !== undefined) {
    stage.replicated(`${name}.${experts.sharedGate}`, hiddenSize, 1, { quantized: false });
  }
}

function buildMlp({ stage, text, about, names, layer }: Place, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const width = about.intermediateSize?.(text, layer) ?? text.num('intermediate_size');
  const bias = about.mlpBias?.(text, layer) ?? false;
  const inwards = about.ungated === true ? width : [width, width];
  const options = { bias, split: about.splitMlp ?? true };
  stage.column(`${name}.${names.gateUp}`, hiddenSize, inwards, options);
  stage.row(`${name}.${names.down}`, width, hiddenSize, options);
}

function buildFeedForward(place: Place, name: string): void {
  const { stage, text, about, layer } = place;
  if (about.feedForward?.(stage, text, name, layer) === true) return;
  const experts = about.experts?.(text, layer) ?? null;
  if (experts === null) buildMlp(place, name);
  else buildExperts(place, name, experts);
}

function normBias(text: HfConfig, about: DecoderArchitecture): boolean {
  return about.hasNormBias?.(text) ?? about.normBias ?? false;
}

function buildLayer(place: Place): void {
  const { stage, text, about, names, layer } = place;
  const name = `${names.layers}.${layer}`;
  buildAttention(place, `${name}.${names.attention}`);
  buildFeedForward(place, `${name}.${names.mlp}`);
  const bias = normBias(text, about);
  for (const norm of about.norms?.(text, layer) ?? LLAMA_NORMS) {
    stage.norm(`${name}.${norm}`, text.num('hidden_size'), { bias });
  }
  about.layerParts?.(stage, text, name, layer);
}

export function buildDecoder(
  stage: StageBuilder,
  { text }: ResolvedModel,
  about: DecoderArchitecture,
): void {
  const names = { ...LLAMA, ...about.names };
  const everywhere: readonly string[] = about.everywhere ?? [];
  embeddings(stage, text, {
    vocabSize: about.vocabSize?.(text) ?? text.num('vocab_size'),
    tied: about.tied?.(text) ?? text.flag('tie_word_embeddings'),
    everyStage: everywhere.includes('embedding'),
    headOnEveryStage: everywhere.includes('head'),
    headBias: about.headBias?.(text) ?? false,
    embeddingName: names.embedding,
    headName: names.head,
    quantizedHead: about.quantizedHead ?? true,
    ...(about.tiesHead === false ? { tiesHead: false } : {}),
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildLayer({ stage, text, about, names, layer });
  }
  const hasFinalNorm = about.hasFinalNorm?.(text) ?? true;
  if (hasFinalNorm && (stage.isLast || everywhere.includes('norm'))) {
    const bias = normBias(text, about);
    stage.norm(names.finalNorm, text.num('hidden_size'), { bias });
  }
  about.modelParts?.(stage, text);
}

/** The families of a table. */
export function decoderFamilies(
  name: string,
  rows: readonly DecoderArchitecture[],
): readonly ModelFamily[] {
  return rows.map((about) => ({
    name,
    architectures: about.architectures,
    kind: 'decoder',
    defaults: about.modelTypes,
    ...about.family,
    build: (stage, model) => buildDecoder(stage, model, about),
  }));
}
