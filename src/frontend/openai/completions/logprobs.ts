/**
 * Log probabilities as `/v1/completions` shows them. Pure.
 * Source: vllm/entrypoints/openai/completion/serving.py _create_completion_logprobs (0.33.0).
 */
import { jsonString } from '../../../shared/python/json-text.ts';
import { pyLength } from '../../../shared/python/str.ts';
import { internalError } from '../../llm/errors.ts';
import type { LogprobsTable, PositionLogprobs } from '../../llm/logprobs.ts';
import {
  entryOf,
  type LogprobsFormat,
  logprobTokenText,
  shownLogprob,
  topCandidates,
} from '../logprobs-json.ts';

export interface CompletionLogprobsText {
  readonly json: string;
  /** Where the next token's text begins. */
  readonly nextOffset: number;
}

export function completionLogprobs(
  tokenIds: readonly number[],
  table: LogprobsTable,
  format: LogprobsFormat,
  initialOffset: number,
): CompletionLogprobsText {
  const offsets: number[] = [];
  const logprobs: string[] = [];
  const tokens: string[] = [];
  const top: string[] = [];
  let nextOffset = initialOffset;
  for (let i = 0; i < tokenIds.length; i++) {
    const id = tokenIds[i] as number;
    const position = table[i];
    if (position === undefined) throw internalError('list index out of range');
    let token: string;
    if (position === null) {
      token = logprobTokenText(format, id, null);
      logprobs.push('null');
      top.push('null');
    } else {
      const entry = entryOf(position, id);
      token = logprobTokenText(format, id, entry.decodedToken);
      logprobs.push(shownLogprob(entry.logprob));
      top.push(topByToken(position, format));
    }
    tokens.push(jsonString(token));
    offsets.push(nextOffset);
    nextOffset += pyLength(token);
  }
  const json =
    `{"text_offset":[${offsets.join(',')}],"token_logprobs":[${logprobs.join(',')}],` +
    `"tokens":[${tokens.join(',')}],"top_logprobs":[${top.join(',')}]}`;
  return { json, nextOffset };
}

/** Candidates by text; two that read the same share one entry, the later value in the earlier place. */
function topByToken(position: PositionLogprobs, format: LogprobsFormat): string {
  const entries = new Map(
    topCandidates(position, format, (token, logprob) => [token, shownLogprob(logprob)] as const),
  );
  const parts: string[] = [];
  for (const [token, logprob] of entries) parts.push(`${jsonString(token)}:${logprob}`);
  return `{${parts.join(',')}}`;
}
