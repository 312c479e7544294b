import { GrammarError } from '../../shared/structured-output/grammar.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';

/**
 * The ids that decode to the text again, and to nothing else. A tokenizer may add a blank at the start, join what was
 * apart, or take a piece of the text for a special token; then the text is encoded in smaller and smaller pieces.
 * `withSpecialTokens`: their names in the text mean them. Throws GrammarError where the vocabulary cannot write it.
 */
export function encodeExactly(
  text: string,
  tokenizer: Tokenizer,
  withSpecialTokens: boolean,
): readonly number[] {
  const encode = (piece: string): readonly number[] =>
    tokenizer.encode(piece, { addSpecialTokens: false });
  const isExact = (ids: readonly number[]): boolean =>
    tokenizer.decode(ids, { skipSpecialTokens: !withSpecialTokens }) === text;
  const whole = encode(text);
  if (isExact(whole)) return whole;
  const words = (text.match(/\s*\S+|\s+$/g) ?? []).flatMap(encode);
  if (isExact(words)) return words;
  const chars = [...text].flatMap(encode);
  if (isExact(chars)) return chars;
  throw new GrammarError("the tokenizer's vocabulary cannot write a text that fulfils it");
}
