/** Log probabilities as `/v1/responses` shows them. Pure. Source: responses/serving.py _create_response_logprobs (0.33.0). */
import { jsonString } from '../../../shared/python/json-text.ts';
import { internalError } from '../../llm/errors.ts';
import type { LogprobsTable, PositionLogprobs } from '../../llm/logprobs.ts';
import {
  type LogprobsFormat,
  logprobTokenText,
  shownLogprob,
  topCandidates,
  utf8Bytes,
} from '../logprobs-json.ts';

export interface ResponseLogprobsFormat extends LogprobsFormat {
  /** Deltas of streams show no bytes. */
  readonly hasBytes: boolean;
}

/** The entries, joined by commas. */
export function responseLogprobs(
  tokenIds: readonly number[],
  table: LogprobsTable,
  format: ResponseLogprobsFormat,
): string {
  const entries = tokenIds.map((id, i) => {
    const position = table[i];
    const entry = position?.get(id);
    if (position === undefined || position === null || entry === undefined) {
      throw internalError(String(id));
    }
    const token = logprobTokenText(format, id, entry.decodedToken);
    return `{${fields(token, entry.logprob, format)},"top_logprobs":[${topEntries(position, format)}]}`;
  });
  return entries.join(',');
}

function topEntries(position: PositionLogprobs, format: ResponseLogprobsFormat): string {
  return topCandidates(
    position,
    format,
    (token, logprob) => `{${fields(token, logprob, format)}}`,
  ).join(',');
}

function fields(token: string, logprob: number, { hasBytes }: ResponseLogprobsFormat): string {
  const bytes = hasBytes ? `"bytes":${utf8Bytes(token)},` : '';
  return `"token":${jsonString(token)},${bytes}"logprob":${shownLogprob(logprob)}`;
}
