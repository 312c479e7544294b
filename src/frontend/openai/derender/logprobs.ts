/**
 * Log probabilities of token ids, with the tokens' text. Pure.
 * Source: vllm/renderers/online_derenderer.py _resolve_logprobs, _convert_chat_logprobs_to_completion_logprobs (0.33.0).
 */
import type { Tokenizer } from '../../../shared/tokenizer/tokenizer.ts';
import type { Logprob, PositionLogprobs } from '../../llm/logprobs.ts';
import type { GeneratedChoice, TokenLogprob } from './request.ts';

export interface ResolvedLogprobs {
  readonly tokenIds: readonly number[];
  readonly table: readonly PositionLogprobs[];
}

/** As an engine's would be; null where the answer has none. */
export function resolveLogprobs(
  { logprobs }: GeneratedChoice,
  tokenizer: Tokenizer,
): ResolvedLogprobs | null {
  const content = logprobs?.content ?? null;
  if (content === null) return null;
  const entry = ({ token_id: id, logprob }: TokenLogprob): readonly [number, Logprob] => [
    id,
    { logprob, rank: 0, decodedToken: tokenizer.decode([id], { skipSpecialTokens: false }) },
  ];
  return {
    tokenIds: content.map(({ token_id: id }) => id),
    table: content.map((own) => new Map([entry(own), ...(own.top_logprobs ?? []).map(entry)])),
  };
}
