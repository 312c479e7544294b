/**
 * What llguidance says of a grammar in EBNF that it cannot turn into Lark; null where it can.
 * Source: llguidance gbnf_to_lark.py (1.7.6).
 */
import { pyRepr } from '../../../shared/python/str.ts';

class GbnfProblem extends Error {}

const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Characters shown on either side of a place. */
const CONTEXT = 20;

export function gbnfProblem(source: string): string | null {
  try {
    new GbnfReader(source).read();
    return null;
  } catch (error) {
    if (error instanceof GbnfProblem) return error.message;
    throw error;
  }
}

class GbnfReader {
  readonly #source: string;
  #position = 0;
  readonly #rules = new Set<string>();
  readonly #used: string[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  read(): void {
    this.#skipSpace(true);
    while (this.#current !== '') {
      this.#rules.add(this.#readName());
      this.#skipSpace(true);
      if (!this.#source.startsWith('::=', this.#position)) this.#fail('Expected ::=');
      this.#position += 3;
      this.#skipSpace(true);
      this.#readAlternatives(false);
      this.#skipSpace(true);
    }
    for (const name of this.#used)
      if (!this.#rules.has(name)) throw new GbnfProblem(`Rule '${name}' not found`);
  }

  get #current(): string {
    return this.#source[this.#position] ?? '';
  }

  #fail(message: string): never {
    const line = this.#source.slice(0, this.#position).split('\n').length;
    const before = this.#source.slice(Math.max(0, this.#position - CONTEXT), this.#position);
    const after = this.#source.slice(this.#position, this.#position + CONTEXT);
    throw new GbnfProblem(`${message} at line ${line}, ${pyRepr(before)} ^ ${pyRepr(after)}`);
  }

  #skipSpace(acrossLines: boolean): void {
    const pattern = acrossLines ? /(?:\s|#[^\n]*)*/y : /(?:[^\S\n]|#[^\n]*)*/y;
    pattern.lastIndex = this.#position;
    this.#position += pattern.exec(this.#source)?.[0].length ?? 0;
  }

  #readName(): string {
    const pattern = /[A-Za-z0-9_-]+/y;
    pattern.lastIndex = this.#position;
    const name = pattern.exec(this.#source)?.[0] ?? this.#fail('Expected name');
    this.#position += name.length;
    return name;
  }

  #readAlternatives(isNested: boolean): void {
    this.#readSequence(isNested);
    this.#skipSpace(isNested);
    while (this.#current === '|') {
      this.#position += 1;
      this.#skipSpace(true);
      this.#readSequence(isNested);
      this.#skipSpace(isNested);
    }
  }

  #readSequence(isNested: boolean): void {
    for (;;) {
      this.#skipSpace(isNested);
      const char = this.#current;
      if (char === '' || char === '\n' || char === '|' || char === ')') return;
      this.#readElement(char);
      this.#readRepetition();
    }
  }

  #readElement(char: string): void {
    if (char === '"') {
      this.#position += 1;
      while (this.#current !== '"') this.#readChar();
      this.#position += 1;
    } else if (char === '[') {
      this.#position += 1;
      while (this.#current !== ']') this.#readChar();
      this.#position += 1;
    } else if (char === '(') {
      this.#position += 1;
      this.#skipSpace(true);
      this.#readAlternatives(true);
      this.#skipSpace(true);
      if (this.#current !== ')') this.#fail("Expected ')'");
      this.#position += 1;
    } else if (char === '.') {
      this.#position += 1;
    } else {
      this.#used.push(this.#readName());
    }
  }

  #readChar(): void {
    if (this.#current === '') this.#fail('Unexpected end of input');
    const first = this.#current;
    this.#position += 1;
    if (first !== '\\') return;
    const char = this.#source[this.#position] ?? '';
    const digits = HEX_DIGITS[char];
    if (digits !== undefined) {
      const hex = this.#source.slice(this.#position + 1, this.#position + 1 + digits);
      if (hex.length !== digits || !/^[0-9a-fA-F]*$/.test(hex))
        this.#fail(`Invalid \\${char} escape sequence: \\${char}${hex}`);
      this.#position += 1 + digits;
    } else if (char !== '' && '"\\[]nrt'.includes(char)) {
      this.#position += 1;
    } else {
      this.#fail(`Invalid escape sequence \\${char}`);
    }
  }

  #readRepetition(): void {
    const pattern = /[*+?]|\{\s*\d*\s*,?\s*\d*\s*\}/y;
    pattern.lastIndex = this.#position;
    this.#position += pattern.exec(this.#source)?.[0].length ?? 0;
  }
}
