/**
 * Log probabilities in the forms of both OpenAI APIs. Pure.
 * Source: vllm/entrypoints/openai/completion/serving.py _create_completion_logprobs,
 * chat_completion/serving.py _create_chat_logprobs (0.33.0).
 */

import { pyLength } from '../../shared/python/values.ts';
import { internalError } from '../llm/errors.ts';
import type { LogprobsTable, PositionLogprobs } from '../llm/logprobs.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { jsonFloat, jsonString } from './json-text.ts';

const MIN_LOGPROB = -9999;

export interface LogprobsFormat {
  readonly tokenizer: Tokenizer;
  /** As many candidates as asked for; null: all there are. */
  readonly limit: number | null;
  /** Tokens as `token_id:N`. */
  readonly asTokenIds: boolean;
}

export function logprobTokenText(
  format: LogprobsFormat,
  id: number,
  decoded: string | null,
): string {
  if (format.asTokenIds) return `token_id:${id}`;
  return decoded ?? format.tokenizer.decode([id], { skipSpecialTokens: false });
}

/** vLLM looks the token up in its table: Python's KeyError, a 500, where the engine did not list it. */
function entryOf(position: PositionLogprobs, id: number) {
  const entry = position.get(id);
  if (entry === undefined) throw internalError(String(id));
  return entry;
}

const shownLogprob = (logprob: number): string => jsonFloat(Math.max(logprob, MIN_LOGPROB));

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
  const entries = new Map<string, string>();
  let count = 0;
  for (const [id, { logprob, decodedToken }] of position) {
    if (format.limit !== null && count >= format.limit) break;
    entries.set(logprobTokenText(format, id, decodedToken), shownLogprob(logprob));
    count += 1;
  }
  const parts: string[] = [];
  for (const [token, logprob] of entries) parts.push(`${jsonString(token)}:${logprob}`);
  return `{${parts.join(',')}}`;
}

/** `skipUnset`: in a stream fields that were never set are left out. */
export function chatLogprobs(
  tokenIds: readonly number[],
  table: LogprobsTable,
  format: LogprobsFormat,
  skipUnset: boolean,
): string {
  const content: string[] = [];
  for (let i = 0; i < tokenIds.length; i++) {
    const id = tokenIds[i] as number;
    const position = table[i];
    if (position === undefined) throw internalError('list index out of range');
    if (position === null || !position.has(id)) {
      const token = logprobTokenText(format, id, null);
      content.push(
        skipUnset
          ? `{"token":${jsonString(token)},"bytes":${utf8Bytes(token)}}`
          : `{"token":${jsonString(token)},"logprob":-9999.0,"bytes":${utf8Bytes(token)},"top_logprobs":[]}`,
      );
      continue;
    }
    const entry = entryOf(position, id);
    const token = logprobTokenText(format, id, entry.decodedToken);
    content.push(
      `{"token":${jsonString(token)},"logprob":${shownLogprob(entry.logprob)},` +
        `"bytes":${utf8Bytes(entry.decodedToken)},"top_logprobs":[${topList(position, format)}]}`,
    );
  }
  return `{"content":[${content.join(',')}]}`;
}

function topList(position: PositionLogprobs, format: LogprobsFormat): string {
  const parts: string[] = [];
  for (const [id, { logprob, decodedToken }] of position) {
    if (format.limit !== null && parts.length >= format.limit) break;
    const token = logprobTokenText(format, id, decodedToken);
    parts.push(
      `{"token":${jsonString(token)},"logprob":${shownLogprob(logprob)},"bytes":${utf8Bytes(token)}}`,
    );
  }
  return parts.join(',');
}

function utf8Bytes(text: string): string {
  return `[${Buffer.from(text, 'utf8').join(',')}]`;
}

/** `prompt_logprobs`: a list of maps from token id, the first entry null. */
export function promptLogprobsJson(table: LogprobsTable | null): string {
  if (table === null) return 'null';
  const rows = table.map((position) => {
    if (position === null) return 'null';
    const parts: string[] = [];
    for (const [id, { logprob, rank, decodedToken }] of position) {
      const shown = logprob === Number.NEGATIVE_INFINITY ? MIN_LOGPROB : logprob;
      parts.push(
        `"${id}":{"logprob":${jsonFloat(shown)},"rank":${rank},"decoded_token":${jsonString(decodedToken)}}`,
      );
    }
    return `{${parts.join(',')}}`;
  });
  return `[${rows.join(',')}]`;
}
