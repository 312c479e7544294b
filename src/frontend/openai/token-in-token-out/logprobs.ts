/**
 * Log probabilities with token ids, for a server that may have no tokenizer. Pure.
 * Source: vllm/entrypoints/scale_out/token_in_token_out/serving.py _create_tokens_logprobs (0.33.0).
 */
import { internalError } from '../../llm/errors.ts';
import type { LogprobsTable } from '../../llm/logprobs.ts';
import { shownLogprob } from '../logprobs-json.ts';

export function tokensLogprobs(tokenIds: readonly number[], table: LogprobsTable): string {
  const content = tokenIds.map((id, i) => {
    const position = table[i];
    if (position === undefined) throw internalError('list index out of range');
    const entry = position?.get(id);
    if (position === null || entry === undefined)
      return `{"token_id":${id},"logprob":-9999.0,"rank":null,"top_logprobs":[]}`;
    const top = [...position].map(([other, candidate]) => shown(other, candidate));
    return `${shown(id, entry).slice(0, -1)},"top_logprobs":[${top.join(',')}]}`;
  });
  return `{"content":[${content.join(',')}]}`;
}

function shown(id: number, { logprob, rank }: { logprob: number; rank: number }): string {
  const value = Number.isNaN(logprob) ? '-9999.0' : shownLogprob(logprob);
  return `{"token_id":${id},"logprob":${value},"rank":${rank || 'null'}}`;
}
