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

const NO_TIMES = { queuedTs: 0, scheduledTs: 0, firstTokenTs: 0, lastTokenTs: 0 } as const;

/**
 * `metrics` of an answer: timings with `--enable-per-request-metrics`, drafts with `--per-request-spec-decode-metrics`, as
 * JSON already. Source: build_per_request_timing_metrics, build_spec_decoding_metrics.
 */
export function requestMetricsJson(
  stats: RequestStateStats | null,
  numTokens: number,
  skipNull: boolean,
  drafts: string | null = null,
): string {
  const { queuedTs, scheduledTs, firstTokenTs, lastTokenTs } = stats ?? NO_TIMES;
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
  if (!skipNull || drafts !== null) parts.push(`"speculative_decoding":${drafts ?? 'null'}`);
  return `{${parts.join(',')}}`;
}
