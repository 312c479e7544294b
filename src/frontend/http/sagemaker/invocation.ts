/**
 * Which API a body of /invocations is for: the first whose request it is.
 * Source: vllm/entrypoints/serve/sagemaker/api_router.py, generate/factories.py, pooling/factories.py (0.33.0).
 */
import { pyRepr } from '../../../shared/python/str.ts';
import { isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { badRequest } from '../../llm/errors.ts';
import { type ServedPooling, servesScores } from '../../llm/served-pooling.ts';
import type { RequestParser } from '../../openai/request-parser.ts';
import type { RequestKind } from '../../pydantic/schemas.ts';

const GENERATE = {
  'chat-completion-request': 'ChatCompletionRequest',
  'completion-request': 'CompletionRequest',
} as const;

const POOLING = {
  'embedding-request': 'EmbeddingRequest',
  'classification-request': 'ClassificationRequest',
  'rerank-request': 'RerankRequest',
  'score-request': 'ScoreRequest',
  'pooling-request': 'PoolingRequest',
} as const;

export type GenerateKind = keyof typeof GENERATE;
export type PoolingKind = keyof typeof POOLING;

/**
 * The body with the adapter of the request's header as its model: without one the body's own model counts for nothing.
 * Throws ApiError for what is no object.
 */
export function withAdapter(body: PyValue, adapter: string | null): PyDict {
  if (Array.isArray(body)) throw badRequest('list indices must be integers or slices, not str');
  if (!isDict(body)) throw badRequest("'str' object does not support item assignment");
  return { ...body, model: adapter };
}

export function generateKinds(): readonly GenerateKind[] {
  return Object.keys(GENERATE) as GenerateKind[];
}

export function poolingKinds(pooling: ServedPooling): readonly PoolingKind[] {
  const { task } = pooling;
  return [
    ...(task === 'embed' ? (['embedding-request'] as const) : []),
    ...(task === 'classify' ? (['classification-request'] as const) : []),
    ...(servesScores(pooling) ? (['rerank-request', 'score-request'] as const) : []),
    'pooling-request',
  ];
}

/** Throws ApiError where no kind fits, or a check of one refuses. */
export function matchInvocation<Kind extends RequestKind & (GenerateKind | PoolingKind)>(
  parser: RequestParser,
  body: PyDict,
  kinds: readonly Kind[],
) {
  for (const kind of kinds) {
    const request = parser.match(kind, body);
    if (request !== null) return { kind, request };
  }
  const names = kinds.map((kind) => ({ ...GENERATE, ...POOLING })[kind]);
  throw badRequest(`Cannot find suitable handler for request. Expected one of: ${pyRepr(names)}`);
}
