/** Log probabilities as `/v1/responses` shows them. Pure. Source: responses/serving.py _create_response_logprobs (0.33.0). */

import { internalError } from '../../llm/errors.ts';
import type { LogprobsTable, PositionLogprobs } from '../../llm/logprobs.ts';
import { jsonFloat, jsonString } from '../json-text.ts';
import { type LogprobsFormat, logprobTokenText } from '../logprobs-json.ts';

const MIN_LOGPROB = -9999;

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
  const parts: string[] = [];
  for (const [id, { logprob, decodedToken }] of position) {
    if (format.limit !== null && parts.length >= format.limit) break;
    parts.push(`{${fields(logprobTokenText(format, id, decodedToken), logprob, format)}}`);
  }
  return parts.join(',');
}

function fields(token: string, logprob: number, { hasBytes }: ResponseLogprobsFormat): string {
  const bytes = hasBytes ? `"bytes":[${Buffer.from(token, 'utf8').join(',')}],` : '';
  return `"token":${jsonString(token)},${bytes}"logprob":${jsonFloat(Math.max(logprob, MIN_LOGPROB))}`;
}
