import { GrammarError } from './grammar.ts';

/** A place in a grammar's text, with what both of its readers need: blanks, comments, names, escapes. */
export class TextScanner {
  readonly source: string;
  position = 0;
  readonly #commentStarts: readonly string[];

  constructor(source: string, commentStarts: readonly string[]) {
    this.source = source;
    this.#commentStarts = commentStarts;
  }

  get isAtEnd(): boolean {
    return this.position >= this.source.length;
  }

  peek(ahead = 0): string {
    return this.source[this.position + ahead] ?? '';
  }

  startsWith(text: string): boolean {
    return this.source.startsWith(text, this.position);
  }

  /** Steps over the text if it stands here. */
  take(text: string): boolean {
    if (!this.startsWith(text)) return false;
    this.position += text.length;
    return true;
  }

  /** Steps over what the sticky pattern finds here; null where it finds nothing. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.source);
    if (found !== null) this.position += found[0].length;
    return found;
  }

  /** `acrossLines` false stops at a line's end. */
  skipBlanks(acrossLines = true): void {
    for (;;) {
      this.match(acrossLines ? /\s*/y : /[^\S\n]*/y);
      if (!this.#commentStarts.some((start) => this.startsWith(start))) return;
      this.match(/[^\n]*/y);
    }
  }

  fail(message: string): never {
    const before = this.source.slice(0, this.position).split('\n');
    const line = before.length;
    const column = (before[line - 1]?.length ?? 0) + 1;
    throw new GrammarError(`line ${line}, column ${column}: ${message}`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  b: '\b',
  a: '\x07',
  e: '\x1b',
  '0': '\0',
};

/** What an escape means, read from behind the backslash. `isStrict`: a letter that means nothing is refused. */
export function readTextEscape(scanner: TextScanner, isStrict = false): string {
  const hex = scanner.match(
    /x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|u\{([0-9a-fA-F]+)\}/y,
  );
  if (hex !== null) {
    const point = Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? hex[4] ?? '', 16);
    if (point > 0x10ffff) scanner.fail('Invalid escape sequence');
    return String.fromCodePoint(point);
  }
  const char = scanner.peek();
  if (char === '') scanner.fail('Invalid escape sequence');
  scanner.position += 1;
  if (isStrict && !Object.hasOwn(ESCAPES, char) && /[A-Za-z1-9]/.test(char))
    scanner.fail('Invalid escape sequence');
  return ESCAPES[char] ?? char;
}
