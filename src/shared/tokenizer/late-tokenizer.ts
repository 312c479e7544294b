import type { DecodeStream, DecodeStreamOptions, Tokenizer } from './tokenizer.ts';

/**
 * A tokenizer that is made when something is first asked of it: a server that answers no prompt of text needs none. Only
 * for one whose files are ours, as nobody is told at the start of what is wrong with them.
 */
export class LateTokenizer implements Tokenizer {
  readonly #make: () => Tokenizer;
  #made: Tokenizer | null = null;

  constructor(make: () => Tokenizer) {
    this.#make = make;
  }

  get #tokenizer(): Tokenizer {
    this.#made ??= this.#make();
    return this.#made;
  }

  encode(text: string, options: { readonly addSpecialTokens: boolean }): readonly number[] {
    return this.#tokenizer.encode(text, options);
  }

  encodePair(text: string, pair: string): readonly number[] {
    return this.#tokenizer.encodePair(text, pair);
  }

  decode(ids: readonly number[], options: { readonly skipSpecialTokens: boolean }): string {
    return this.#tokenizer.decode(ids, options);
  }

  convertIdsToTokens(ids: readonly number[]): readonly (string | null)[] {
    return this.#tokenizer.convertIdsToTokens(ids);
  }

  tokenToId(token: string): number | null {
    return this.#tokenizer.tokenToId(token);
  }

  get allSpecialTokens(): ReadonlyMap<string, number> {
    return this.#tokenizer.allSpecialTokens;
  }

  createDecodeStream(
    promptTokenIds: readonly number[],
    options: DecodeStreamOptions,
  ): DecodeStream {
    return this.#tokenizer.createDecodeStream(promptTokenIds, options);
  }

  get eosTokenId(): number | null {
    return this.#tokenizer.eosTokenId;
  }

  get bosTokenId(): number | null {
    return this.#tokenizer.bosTokenId;
  }

  get padTokenId(): number | null {
    return this.#tokenizer.padTokenId;
  }

  get maxTokenId(): number {
    return this.#tokenizer.maxTokenId;
  }

  get maxCharsPerToken(): number {
    return this.#tokenizer.maxCharsPerToken;
  }

  get truncationSide(): 'left' | 'right' {
    return this.#tokenizer.truncationSide;
  }

  get chatTemplate(): string | null {
    return this.#tokenizer.chatTemplate;
  }

  get specialTokens(): Readonly<Record<string, string>> {
    return this.#tokenizer.specialTokens;
  }
}
