/**
 * A tokenizer that a reader can do in his head: ids below 256 are the bytes of UTF-8 and each further id is a word, so
 * that half a character, a word of many characters and a special token are one number each.
 */
import { ByteDecodeStream, tokenPiece } from '../../src/shared/tokenizer/decode-stream.ts';
import type { DecodeStream, Tokenizer } from '../../src/shared/tokenizer/tokenizer.ts';

const FIRST_WORD_ID = 256;
const lossyUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export interface ByteTokenizerOptions {
  /** The texts of the ids 256, 257, … */
  readonly words?: readonly string[];
  /** Which of them are special: no text where special tokens are skipped. */
  readonly specialWords?: readonly string[];
  readonly eosTokenId?: number | null;
}

export class ByteTokenizer implements Tokenizer {
  readonly eosTokenId: number | null;
  readonly bosTokenId = null;
  readonly padTokenId = null;
  readonly maxTokenId: number;
  readonly maxCharsPerToken: number;
  readonly truncationSide = 'left';
  readonly chatTemplate = null;
  readonly specialTokens = {};
  /** The prompt and options of each decode stream, for tests to look at. */
  readonly streams: { readonly prompt: readonly number[]; readonly skipSpecialTokens: boolean }[] =
    [];
  readonly #words: readonly string[];
  readonly #specialWords: readonly string[];

  constructor({ words = [], specialWords = [], eosTokenId = null }: ByteTokenizerOptions = {}) {
    this.#words = words;
    this.#specialWords = specialWords;
    this.eosTokenId = eosTokenId;
    this.maxTokenId = FIRST_WORD_ID + words.length - 1;
    this.maxCharsPerToken = Math.max(1, ...words.map(({ length }) => length));
  }

  /** A text that is a word is that word's id; else its bytes. */
  encode(text: string): readonly number[] {
    const word = this.#words.indexOf(text);
    return word === -1 ? [...Buffer.from(text)] : [FIRST_WORD_ID + word];
  }

  encodePair(text: string, pair: string): readonly number[] {
    return [...this.encode(text), ...this.encode(pair)];
  }

  decode(
    ids: readonly number[],
    { skipSpecialTokens }: { readonly skipSpecialTokens: boolean },
  ): string {
    const all = ids.map((id) => this.#bytes(id, skipSpecialTokens) ?? Buffer.alloc(0));
    return lossyUtf8.decode(Buffer.concat(all));
  }

  tokenToId(token: string): number | null {
    const word = this.#words.indexOf(token);
    return word === -1 ? null : FIRST_WORD_ID + word;
  }

  get allSpecialTokens(): ReadonlyMap<string, number> {
    return new Map(this.#specialWords.map((word) => [word, this.tokenToId(word) ?? 0]));
  }

  convertIdsToTokens(ids: readonly number[]): readonly (string | null)[] {
    return ids.map((id) => this.#bytes(id, false)?.toString('latin1') ?? null);
  }

  createDecodeStream(
    prompt: readonly number[],
    { skipSpecialTokens }: { readonly skipSpecialTokens: boolean },
  ): DecodeStream {
    this.streams.push({ prompt, skipSpecialTokens });
    return new ByteDecodeStream(prompt, (id) => {
      const bytes = this.#bytes(id, skipSpecialTokens);
      return bytes === null ? null : tokenPiece(bytes);
    });
  }

  #bytes(id: number, skipSpecialTokens: boolean): Buffer | null {
    if (id < FIRST_WORD_ID) return Buffer.from([id]);
    const word = this.#words[id - FIRST_WORD_ID];
    if (word === undefined || (skipSpecialTokens && this.#specialWords.includes(word))) return null;
    return Buffer.from(word);
  }
}
