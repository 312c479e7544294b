/** What /tokenize answers. Pure. Source: vllm/entrypoints/serve/tokenize/protocol.py TokenizeResponse (0.33.0). */
import type { Tokenizer } from '../../../shared/tokenizer/tokenizer.ts';

export interface TokenizeAnswerOptions {
  readonly maxModelLen: number;
  /** The vocabulary's spellings beside the ids. */
  readonly withStrings: boolean;
}

/** The answer's JSON. */
export function tokenizeAnswer(
  tokenizer: Tokenizer,
  tokens: readonly number[],
  { maxModelLen, withStrings }: TokenizeAnswerOptions,
): string {
  return JSON.stringify({
    count: tokens.length,
    max_model_len: maxModelLen,
    tokens,
    token_strs: withStrings ? tokenizer.convertIdsToTokens(tokens) : null,
  });
}
