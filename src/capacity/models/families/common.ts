/** Pieces that several families build from. Knows no architecture. */
import { ConfigError } from '../../../shared/errors.ts';
import { EXPLICIT_LAYERS_HINT, type HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';

/** head_dim, or the hidden size split over the heads. */
export function headDim(text: HfConfig): number {
  return (
    text.numOr('head_dim', null) ??
    Math.floor(text.num('hidden_size') / text.num('num_attention_heads'))
  );
}

/**
 * Module names of checkpoints → vLLM's, by prefixes that are applied one after the other.
 * Source: vllm/model_executor/models/utils.py WeightsMapper._map_name.
 */
export function weightNamer(
  prefixes: readonly (readonly [string, string])[],
): (name: string) => string {
  return (name) => {
    let mapped = name;
    for (const [from, to] of prefixes) {
      if (mapped.startsWith(from)) mapped = to + mapped.slice(from.length);
    }
    return mapped;
  };
}

export function kvHeads(text: HfConfig): number {
  return text.numOr('num_key_value_heads', text.num('num_attention_heads'));
}

/**
 * Input embedding and output head. Tied, the last stage needs the embedding too; most models build nothing on stages
 * that use neither, some build the embedding everywhere.
 */
export function embeddings(
  stage: StageBuilder,
  text: HfConfig,
  about: {
    /** Default: vocab_size, hidden_size and tie_word_embeddings. */
    readonly vocabSize?: number;
    readonly width?: number;
    readonly tied?: boolean;
    readonly everyStage?: boolean;
    /** The last stage has it too where a draft reads it. */
    readonly sharesWithDraft?: boolean;
    readonly headBias?: boolean;
    /** The head is built on every stage as well. */
    readonly headOnEveryStage?: boolean;
    /** false: the class has a head of its own even so; the tie only brings the embedding to the last stage. */
    readonly tiesHead?: false;
    /** Names of the two modules. */
    readonly embeddingName?: string;
    readonly headName?: string;
    /** false: the model class hands no quantization to the head. */
    readonly quantizedHead?: boolean;
  } = {},
): void {
  const vocabSize = about.vocabSize ?? text.num('vocab_size');
  const width = about.width ?? text.num('hidden_size');
  const tied = about.tied ?? text.flag('tie_word_embeddings');
  const headName = about.headName ?? 'lm_head';
  const needsEmbedding =
    stage.isFirst ||
    (tied && stage.isLast) ||
    about.everyStage === true ||
    (about.sharesWithDraft === true && stage.isLast && stage.run.draftReadsEmbedding);
  if (needsEmbedding)
    stage.embedding(about.embeddingName ?? 'model.embed_tokens', vocabSize, width);
  const needsHead = stage.isLast || about.headOnEveryStage === true;
  const isOneModule = tied && about.tiesHead !== false;
  if (!needsHead) return;
  const quantized = about.quantizedHead ?? true;
  const bias = about.headBias ?? false;
  if (!isOneModule) stage.lmHead(headName, vocabSize, width, { bias, quantized });
  else if (quantized) stage.tiedLmHead(headName, vocabSize, width);
  if (isOneModule && bias) {
    stage.tensor(`${headName}.bias`, [stage.perRank(vocabSize, 'the vocabulary')]);
  }
}

/** A norm of queries and keys over each head, over all heads at once, or over this rank's heads. */
export type QkNorm = 'none' | 'head' | 'full' | 'split';

/** `q_norm` and `k_norm` of the attention module `name`. */
export function buildQkNorm(
  stage: StageBuilder,
  name: string,
  kind: QkNorm,
  sizes: { readonly headSize: number; readonly numHeads: number; readonly numKvHeads: number },
): void {
  if (kind === 'none') return;
  const { headSize, numHeads, numKvHeads } = sizes;
  const [queries, keys] = {
    head: () => [1, 1] as const,
    full: () => [numHeads, numKvHeads] as const,
    split: () =>
      [stage.perRank(numHeads, 'the number of heads'), stage.kvHeadsPerRank(numKvHeads)] as const,
  }[kind]();
  stage.norm(`${name}.q_norm`, queries * headSize);
  stage.norm(`${name}.k_norm`, keys * headSize);
}

/**
 * Shared experts are whole on every rank where tokens are spread over the ranks instead.
 * Source: vllm/config/parallel.py use_sequence_parallel_moe, which also depends on the all-to-all backend.
 */
export function splitsSharedExperts(stage: StageBuilder): boolean {
  return stage.tp === 1 || stage.run.expertParallelSize <= stage.tp;
}

/** The window of one layer by `layer_types`, or null. */
export function slidingLayerWindow(text: HfConfig, layer: number): number | null {
  if (!text.has('layer_types')) return null;
  return layerType(text, layer) === 'sliding_attention' ? text.num('sliding_window') : null;
}

export function layerType(text: HfConfig, layer: number): string {
  const type = text.strings('layer_types')[layer];
  if (type === undefined) text.fail('layer_types', `a list with an entry for layer ${layer}`);
  return type;
}

/** `layer_types` out of a repeating pattern: every `period`-th layer is full attention. */
export function periodicLayerTypes(numLayers: number, period: number): string[] {
  return Array.from({ length: numLayers }, (_, layer) =>
    (layer + 1) % period === 0 ? 'full_attention' : 'sliding_attention',
  );
}

/** Refuses a model because of something that only a family can see. */
export function refuse(text: HfConfig, reason: string): never {
  throw new ConfigError('E_UNKNOWN_MODEL', `${text.label}: ${reason}; ${EXPLICIT_LAYERS_HINT}`);
}
