import { isAllWellFormed, isWellFormed } from '../../shared/python/surrogates.ts';
import { badRequest, internalError } from './errors.ts';
import type { GenerateRequest, PoolRequest } from './input-processor.ts';

const INT64_END = 2 ** 63;
const UINT64_END = 2 ** 64;

/**
 * Throws ApiError for a request that cannot be written for the engines: every text must be UTF-8, and integers have 64
 * bits. It would reach them as something else, so that its outputs belong to nobody; vLLM answers 500, without a word.
 * Source: vllm/v1/engine/async_llm.py generate, vllm/v1/serial_utils.py MsgpackEncoder (0.33.0).
 */
export function checkEncodable(request: GenerateRequest): void {
  const { params, priority } = request;
  // There the grammar's own reader fails before.
  if (!isAllWellFormed(params.structuredOutputs)) {
    throw badRequest('Grammar error: error parsing string: unexpected end of hex escape');
  }
  const isInRange = priority <= INT64_END && priority >= -INT64_END && params.topK < UINT64_END;
  if (!isInRange || !hasEncodableTexts(request)) throw internalError('');
}

/** As checkEncodable. */
export function checkEncodablePooling({ requestId, cacheSalt, priority }: PoolRequest): void {
  const isInRange = priority <= INT64_END && priority >= -INT64_END;
  if (!isInRange || !isWellFormed(requestId) || !isWellFormed(cacheSalt ?? ''))
    throw internalError('');
}

function hasEncodableTexts({ requestId, cacheSalt, sessionId, params }: GenerateRequest): boolean {
  return (
    isWellFormed(requestId) &&
    isWellFormed(cacheSalt ?? '') &&
    isWellFormed(sessionId ?? '') &&
    // Of the parameters these hold texts; to look through all of them takes longer than to write them.
    isAllWellFormed(params.stop) &&
    isAllWellFormed(params.badWords) &&
    isAllWellFormed(params.extraArgs)
  );
}
