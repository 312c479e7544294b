/**
 * When a request is done, judged after each new token.
 * Source: vllm/v1/core/sched/utils.py check_stop, check_sequence_repetition (0.33.0).
 */
import type { RepetitionDetectionParams } from '../../shared/protocol/request.ts';
import type { Request } from './request.ts';
import { RequestStatus } from './request-status.ts';

/**
 * Sets the finished status and stop reason if the last output token ends the request. The order is vLLM's: eos, stop
 * token ids, length, and, from min_tokens on, repetition.
 */
export function checkStop(request: Request, maxModelLen: number): boolean {
  const tokens = request.allTokenIds;
  const numTokens = tokens.length;
  const lastTokenId = tokens[numTokens - 1] ?? -1;
  if (lastTokenId === request.eosTokenId) {
    request.status = RequestStatus.FINISHED_STOPPED;
    return true;
  }
  if (request.stopTokenIds.length > 0 && request.stopTokenIds.includes(lastTokenId)) {
    request.status = RequestStatus.FINISHED_STOPPED;
    request.stopReason = lastTokenId;
    return true;
  }
  const numOutputTokens = numTokens - request.numPromptTokens;
  if (numTokens >= maxModelLen || numOutputTokens >= request.maxTokens) {
    request.status = RequestStatus.FINISHED_LENGTH_CAPPED;
    return true;
  }
  if (request.repetitionDetection === null || numOutputTokens < request.minTokens) return false;
  if (!hasRepetition(tokens, request.numPromptTokens, request.repetitionDetection)) return false;
  request.status = RequestStatus.FINISHED_REPETITION;
  request.stopReason = 'repetition_detected';
  return true;
}

/** Whether the tokens from index `start` on end in a pattern that repeats often enough. */
export function hasRepetition(
  tokens: readonly number[],
  start: number,
  params: RepetitionDetectionParams,
): boolean {
  const { maxPatternSize, minCount } = params;
  const minPatternSize = Math.max(1, params.minPatternSize);
  if (maxPatternSize <= 0 || minCount < 2 || minPatternSize > maxPatternSize) return false;
  for (let size = minPatternSize; size <= maxPatternSize; size += 1) {
    if (size * minCount > tokens.length - start) return false;
    if (endsInPattern(tokens, size, minCount)) return true;
  }
  return false;
}

function endsInPattern(tokens: readonly number[], size: number, count: number): boolean {
  const end = tokens.length;
  for (let n = 1; n <= size; n += 1) {
    const target = tokens[end - n];
    for (let m = 1; m < count; m += 1) {
      if (tokens[end - size * m - n] !== target) return false;
    }
  }
  return true;
}
