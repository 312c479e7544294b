/** Parts of answers that several endpoints write alike, in vLLM's key order. Pure. */
import { jsonFloat } from '../../shared/python/json-text.ts';
import type { RequestStateStats } from '../metrics/iteration-stats.ts';

/** stop_reason: a token id, a stop string or null. */
export function jsonStopReason(reason: number | string | null): string {
  return typeof reason === 'string' ? JSON.stringify(reason) : String(reason);
}

/** `usage` of a whole answer: every field. */
export function usageJson({
  promptTokens,
  completionTokens,
  promptTokensDetails,
  completionTokensDetails = 'null',
}: {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly promptTokensDetails: string;
  readonly completionTokensDetails?: string;
}): string {
  return (
    `{"prompt_tokens":${promptTokens},"total_tokens":${promptTokens + completionTokens},` +
    `"completion_tokens":${completionTokens},"prompt_tokens_details":${promptTokensDetails},"completion_tokens_details":${completionTokensDetails}}`
  );
}

/** `usage` inside a stream: only what is set. */
export function streamUsageJson(
  promptTokens: number,
  completionTokens: number,
  details = '',
): string {
  return (
    `{"prompt_tokens":${promptTokens},"total_tokens":${promptTokens + completionTokens},` +
    `"completion_tokens":${completionTokens}${details}}`
  );
}

/** `metrics` of an answer with `--enable-per-request-metrics`. Source: build_per_request_timing_metrics. */
export function requestMetricsJson(
  stats: RequestStateStats,
  numTokens: number,
  skipNull: boolean,
): string {
  const { queuedTs, scheduledTs, firstTokenTs, lastTokenTs } = stats;
  const hasBoth = (from: number, to: number) => from > 0 && to > 0;
  const span = (from: number, to: number) => (hasBoth(from, to) ? (to - from) * 1000 : null);
  const decode = span(firstTokenTs, lastTokenTs);
  const inference = span(scheduledTs, lastTokenTs);
  const values: readonly (readonly [string, number | null])[] = [
    ['time_to_first_token_ms', span(scheduledTs, firstTokenTs)],
    ['generation_time_ms', decode],
    ['queue_time_ms', span(queuedTs, scheduledTs)],
    ['mean_itl_ms', decode !== null && numTokens > 1 ? decode / (numTokens - 1) : null],
    [
      'tokens_per_second',
      inference !== null && inference > 0 ? (numTokens / inference) * 1000 : null,
    ],
  ];
  const parts = values
    .filter(([, value]) => !skipNull || value !== null)
    .map(([name, value]) => `"${name}":${value === null ? 'null' : jsonFloat(value)}`);
  if (!skipNull) parts.push('"speculative_decoding":null');
  return `{${parts.join(',')}}`;
}
