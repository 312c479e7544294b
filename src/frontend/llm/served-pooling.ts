import type { PoolingTask } from '../../shared/protocol/pooling.ts';

/** What the HTTP side must know of a model that pools. */
export interface ServedPooling {
  readonly architecture: string;
  /** Sorted, as engines tell them. */
  readonly supportedTasks: readonly PoolingTask[];
  /** The one that the endpoints serve. */
  readonly task: PoolingTask;
  readonly pooler: {
    /** Null takes true. */
    readonly useActivation: boolean | null;
    readonly dimensions: number | null;
    readonly tokPoolingType: string;
    readonly stepTagId: number | null;
    readonly returnedTokenIds: readonly number[] | null;
    readonly enableChunkedProcessing: boolean;
    /** Tokens; null is max_model_len. */
    readonly maxEmbedLen: number | null;
  };
  readonly embeddingSize: number;
  readonly isMatryoshka: boolean;
  readonly matryoshkaDimensions: readonly number[] | null;
  readonly numLabels: number;
  readonly id2label: Readonly<Record<string, string>>;
  readonly usesSepToken: boolean;
  readonly doLowerCase: boolean;
  readonly taskInstructions: Readonly<Record<string, string>> | null;
}

/** Source: vllm/entrypoints/pooling/utils.py enable_scoring_api (0.33.0). */
export function servesScores({ task, numLabels }: ServedPooling): boolean {
  if (task === 'embed' || task === 'token_embed') return true;
  return task === 'classify' && numLabels === 1;
}
