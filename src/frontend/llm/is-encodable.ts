import { isAllWellFormed, isWellFormed } from '../../shared/python/surrogates.ts';
import type { GenerateRequest } from './input-processor.ts';

const INT64_END = 2 ** 63;
const UINT64_END = 2 ** 64;

/**
 * Whether a request can be written for the engines: every text as UTF-8, and the priority as a 64-bit integer. What is
 * not would reach them as something else, so that its outputs belong to nobody; vLLM answers 500, without a word.
 * Source: vllm/v1/engine/async_llm.py generate, vllm/v1/serial_utils.py MsgpackEncoder (0.33.0).
 */
export function isEncodable(request: GenerateRequest): boolean {
  const { requestId, cacheSalt, sessionId, params, priority } = request;
  if (!isWellFormed(requestId) || priority > INT64_END || priority < -INT64_END) return false;
  if (cacheSalt !== null && !isWellFormed(cacheSalt)) return false;
  if (sessionId !== null && !isWellFormed(sessionId)) return false;
  return params.topK < UINT64_END && isAllWellFormed(params);
}
