/**
 * Texts into terminals and what is between them; what may become a terminal waits for more.
 * Source: vllm/parser/engine/incremental_lexer.py (0.33.0).
 */

/** Of text between terminals. */
export const CONTENT_TERMINAL = '__CONTENT__';

export interface LexToken {
  readonly terminal: string;
  readonly value: string;
  readonly tokenCount: number;
}

/** What is known of terminals once: shared by all lexers of a format. */
export class LexerShape {
  readonly firstChars: ReadonlySet<string>;
  readonly prefixes: ReadonlySet<string>;
  readonly byFirst: ReadonlyMap<string, readonly (readonly [string, string])[]>;

  constructor(literals: readonly (readonly [text: string, terminal: string])[]) {
    const prefixes = new Set<string>();
    const byFirst = new Map<string, (readonly [string, string])[]>();
    for (const literal of literals) {
      const [text] = literal;
      for (let i = 1; i < text.length; i++) prefixes.add(text.slice(0, i));
      const first = text.charAt(0);
      const alike = byFirst.get(first);
      if (alike === undefined) byFirst.set(first, [literal]);
      else alike.push(literal);
    }
    this.firstChars = new Set(byFirst.keys());
    this.prefixes = prefixes;
    this.byFirst = byFirst;
  }

  mayBegin(text: string): boolean {
    for (const char of text) if (this.firstChars.has(char)) return true;
    return false;
  }

  /** Where from 1 on a terminal begins, or may begin with what is there; the length where none does. */
  boundary(buffer: string): number {
    for (let i = 1; i < buffer.length; i++) {
      const rest = buffer.slice(i);
      const literals = this.byFirst.get(buffer.charAt(i)) ?? [];
      if (literals.some(([text]) => text.startsWith(rest.slice(0, text.length)))) return i;
    }
    return buffer.length;
  }
}

export class IncrementalLexer {
  readonly #shape: LexerShape;
  #buffer = '';
  /** Tokens that begin at each character of the buffer. */
  #counts: number[] = [];

  constructor(shape: LexerShape) {
    this.#shape = shape;
  }

  get isEmpty(): boolean {
    return this.#buffer === '';
  }

  reset(): void {
    this.#buffer = '';
    this.#counts = [];
  }

  feed(text: string, tokenTexts: readonly string[], tokenCount: number): readonly LexToken[] {
    const counts = countsByChar(text, tokenTexts, tokenCount);
    if (this.#buffer === '' && !this.#shape.mayBegin(text)) {
      return [{ terminal: CONTENT_TERMINAL, value: text, tokenCount: sum(counts) }];
    }
    this.#buffer += text;
    this.#counts.push(...counts);
    return this.#drain(false);
  }

  flush(): readonly LexToken[] {
    const tokens = this.#buffer === '' ? [] : this.#drain(true);
    if (this.#buffer !== '') tokens.push(this.#take(CONTENT_TERMINAL, this.#buffer));
    return tokens;
  }

  #take(terminal: string, value: string): LexToken {
    const tokenCount = sum(this.#counts.splice(0, value.length));
    this.#buffer = this.#buffer.slice(value.length);
    return { terminal, value, tokenCount };
  }

  #drain(isFinal: boolean): LexToken[] {
    const tokens: LexToken[] = [];
    while (this.#buffer !== '') {
      const buffer = this.#buffer;
      if (!this.#shape.mayBegin(buffer)) {
        tokens.push(this.#take(CONTENT_TERMINAL, buffer));
        break;
      }
      const literals = this.#shape.byFirst.get(buffer.charAt(0)) ?? [];
      let best: readonly [string, string] | null = null;
      for (const literal of literals) {
        if (buffer.startsWith(literal[0]) && literal[0].length > (best?.[0].length ?? 0))
          best = literal;
      }
      if (this.#shape.prefixes.has(buffer) && !isFinal) {
        const length = best?.[0].length ?? 0;
        const mayGrow = literals.some(([text]) => text.length > length && text.startsWith(buffer));
        if (best === null || mayGrow) break;
      }
      if (best !== null) tokens.push(this.#take(best[1], best[0]));
      else tokens.push(this.#take(CONTENT_TERMINAL, buffer.slice(0, this.#shape.boundary(buffer))));
    }
    return tokens;
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function countsByChar(text: string, tokenTexts: readonly string[], tokenCount: number): number[] {
  const counts = new Array<number>(text.length).fill(0);
  if (text === '') return counts;
  let missing = tokenCount;
  let at = 0;
  for (const tokenText of tokenTexts) {
    if (tokenText === '') continue;
    const found = text.indexOf(tokenText, at);
    if (found === -1) continue;
    counts[found] = (counts[found] ?? 0) + 1;
    missing -= 1;
    at = found + tokenText.length;
  }
  if (missing > 0) counts[0] = (counts[0] ?? 0) + missing;
  return counts;
}
