/** A tokenizer that parsers can be tried with. */

const MARKERS = /(<\|[^|>]*\|>|<｜[^｜>]*｜>|<\/?[\w:]+>|\[[A-Z_]+\])/;

/** Each marker is a token, and each other character. */
export class MarkerTokenizer {
  readonly allSpecialTokens = new Map<string, number>();
  readonly chatTemplate = null;
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [];

  tokenId(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    this.#ids.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  decode(ids: readonly number[]): string {
    return ids.map((id) => this.#texts[id] ?? '').join('');
  }

  encode(text: string): number[] {
    return text
      .split(MARKERS)
      .flatMap((part) =>
        MARKERS.test(part) ? [this.tokenId(part)] : [...part].map((char) => this.tokenId(char)),
      );
  }
}
