/**
 * What a pooling model is asked for. Field order on the wire is in the tables of a version; here are the meanings.
 * Source: vllm/pooling_params.py, vllm/tasks.py (0.33.0).
 */
/** Source: vllm/tasks.py PoolingTask. */
export const POOLING_TASKS = [
  'embed',
  'classify',
  'token_embed',
  'token_classify',
  'plugin',
  'embed&token_classify',
] as const;
export type PoolingTask = (typeof POOLING_TASKS)[number];

export function isPoolingTask(task: unknown): task is PoolingTask {
  return (POOLING_TASKS as readonly unknown[]).includes(task);
}

/** Scores of a document against a query whose token embeddings the engine has kept. Source: LateInteractionParams. */
export interface LateInteractionParams {
  readonly mode: string;
  /** Names the query, and picks the engine that keeps it. */
  readonly queryKey: string;
  /** Documents that will be scored against it. */
  readonly queryUses: number | null;
}

/** Source: LateChunkingParams. */
export interface LateChunkingParams {
  readonly chunkSize: number;
}

/** Eleven positional fields. Source: PoolingParams. */
export interface PoolingParams {
  /** Whether vectors are normalized, logits made probabilities; null for the pooler's own default. */
  readonly useActivation: boolean | null;
  /** Elements of the embedding to keep; null for all. */
  readonly dimensions: number | null;
  readonly stepTagId: number | null;
  readonly returnedTokenIds: readonly number[] | null;
  readonly task: PoolingTask | null;
  readonly requiresTokenIds: boolean;
  readonly skipReadingPrefixCache: boolean | null;
  readonly lateInteractionParams: LateInteractionParams | null;
  readonly extraKwargs: Readonly<Record<string, unknown>> | null;
  /** A RequestOutputKind: always 2, the final output. */
  readonly outputKind: 0 | 1 | 2;
  readonly lateChunkingParams: LateChunkingParams | null;
}
