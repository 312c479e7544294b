/** What the answers of all endpoints do alike with log probabilities. Pure. */
import { jsonFloat, jsonNullable } from '../../shared/python/json-text.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import { internalError } from '../llm/errors.ts';
import type { LogprobsTable, PositionLogprobs } from '../llm/logprobs.ts';

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
export function entryOf(position: PositionLogprobs, id: number) {
  const entry = position.get(id);
  if (entry === undefined) throw internalError(String(id));
  return entry;
}

export function shownLogprob(logprob: number): string {
  return jsonFloat(Math.max(logprob, MIN_LOGPROB));
}

export function utf8Bytes(text: string): string {
  return `[${Buffer.from(text, 'utf8').join(',')}]`;
}

/** The candidates that are shown, as `shown` writes one. */
export function topCandidates<T>(
  position: PositionLogprobs,
  format: LogprobsFormat,
  shown: (token: string, logprob: number) => T,
): T[] {
  const parts: T[] = [];
  for (const [id, { logprob, decodedToken }] of position) {
    if (format.limit !== null && parts.length >= format.limit) break;
    parts.push(shown(logprobTokenText(format, id, decodedToken), logprob));
  }
  return parts;
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
        `"${id}":{"logprob":${jsonFloat(shown)},"rank":${rank},"decoded_token":${jsonNullable(decodedToken)}}`,
      );
    }
    return `{${parts.join(',')}}`;
  });
  return `[${rows.join(',')}]`;
}
