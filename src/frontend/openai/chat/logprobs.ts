/**
 * Log probabilities as `/v1/chat/completions` shows them. Pure.
 * Source: vllm/entrypoints/openai/chat_completion/serving.py _create_chat_logprobs (0.33.0).
 */
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
    const entry = position?.get(id);
    if (position === null || entry === undefined) {
      const token = logprobTokenText(format, id, null);
      content.push(
        skipUnset
          ? `{"token":${jsonString(token)},"bytes":${utf8Bytes(token)}}`
          : `{"token":${jsonString(token)},"logprob":-9999.0,"bytes":${utf8Bytes(token)},"top_logprobs":[]}`,
      );
      continue;
    }
    const token = logprobTokenText(format, id, entry.decodedToken);
    content.push(
      `{"token":${jsonString(token)},"logprob":${shownLogprob(entry.logprob)},` +
        `"bytes":${entry.decodedToken === null ? 'null' : utf8Bytes(entry.decodedToken)},"top_logprobs":[${topList(position, format)}]}`,
    );
  }
  return `{"content":[${content.join(',')}]}`;
}

function topList(position: PositionLogprobs, format: LogprobsFormat): string {
  return topCandidates(
    position,
    format,
    (token, logprob) =>
      `{"token":${jsonString(token)},"logprob":${shownLogprob(logprob)},"bytes":${utf8Bytes(token)}}`,
  ).join(',');
}
