/** What the frontend needs of a tokenizer. Source: vllm/tokenizers/protocol.py TokenizerLike (0.33.0). */
export interface Tokenizer {
  encode(text: string, options: { readonly addSpecialTokens: boolean }): readonly number[];
  /** Two texts as one prompt, joined by the tokenizer's own special tokens. */
  encodePair(text: string, pair: string): readonly number[];
  /** Ids that are in no vocabulary decode to nothing, but by the built-in tokenizer, which stands in for a larger one. */
  decode(ids: readonly number[], options: { readonly skipSpecialTokens: boolean }): string;
  /** The vocabulary's own spelling of each token (`Ġworld`); null for an unknown id. */
  convertIdsToTokens(ids: readonly number[]): readonly (string | null)[];
  /** The id of a token that texts spell as it is, such as an added one; null where the vocabulary has none. */
  tokenToId(token: string): number | null;
  /** Tokens that are no text, by their spelling. */
  readonly allSpecialTokens: ReadonlyMap<string, number>;
  /** One decoder per request, told of the prompt first. */
  createDecodeStream(promptTokenIds: readonly number[], options: DecodeStreamOptions): DecodeStream;
  readonly eosTokenId: number | null;
  readonly bosTokenId: number | null;
  readonly padTokenId: number | null;
  /** The largest id of the vocabulary, added tokens included. */
  readonly maxTokenId: number;
  /** Characters of the longest token: no text needs fewer tokens than its length divided by this. */
  readonly maxCharsPerToken: number;
  readonly truncationSide: 'left' | 'right';
  /** From the tokenizer's own files; null where it has none. */
  readonly chatTemplate: string | null;
  /** `bos_token`, `eos_token` … by name, for chat templates. */
  readonly specialTokens: Readonly<Record<string, string>>;
}

export interface DecodeStreamOptions {
  readonly skipSpecialTokens: boolean;
  readonly spacesBetweenSpecialTokens: boolean;
}

export interface DecodeStream {
  /** The text that this token completes: empty while a character is still in pieces. */
  step(tokenId: number): string;
}
