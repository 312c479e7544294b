/**
 * JSON as Python's json module reads it: NaN and Infinity are numbers, integers are exact, and an error has Python's
 * words and position. The server tries JSON.parse first and comes here for what that refuses or rounds. Pure.
 * Source: CPython Lib/json/decoder.py (3.11).
 */
import { setOwn } from '../set-own.ts';
import { MAX_DEPTH } from './json-depth.ts';
import { PyFloat, type PyValue } from './values.ts';

export class PyJsonError extends Error {
  override readonly name = 'PyJsonError';
  /** Code points from the start. */
  readonly position: number;
  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** Python's int() refuses more. Source: sys.get_int_max_str_digits(). */
const MAX_DIGITS = 4300;
const WHITESPACE = /[ \t\n\r]*/y;
const NUMBER = /(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters end a chunk.
const STRING_CHUNK = /([^"\\\u0000-\u001f]*)(["\\\u0000-\u001f])/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const CONSTANTS: readonly (readonly [string, PyValue])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', new PyFloat(Number.NaN)],
  ['Infinity', new PyFloat(Number.POSITIVE_INFINITY)],
  ['-Infinity', new PyFloat(Number.NEGATIVE_INFINITY)],
];

/** Throws PyJsonError with Python's message, and RangeError for what is too deep or has too many digits. */
export function parsePythonJson(text: string): PyValue {
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): PyValue {
    this.#skip();
    const value = this.#value();
    this.#skip();
    if (this.#at !== this.#text.length) this.#fail('Extra data', this.#at);
    return value;
  }

  #fail(message: string, unit: number): never {
    let position = unit;
    for (let i = 0; i < unit; i++) {
      const code = this.#text.charCodeAt(i);
      if (code >= 0xdc00 && code < 0xe000) position -= 1;
    }
    throw new PyJsonError(message, position);
  }

  #skip(): void {
    WHITESPACE.lastIndex = this.#at;
    WHITESPACE.exec(this.#text);
    this.#at = WHITESPACE.lastIndex;
  }

  #value(): PyValue {
    const start = this.#at;
    const char = this.#text[start];
    if (char === '"') {
      this.#at += 1;
      return this.#string();
    }
    if (char === '{' || char === '[') {
      if (++this.#depth > MAX_DEPTH) throw new RangeError('maximum recursion depth exceeded');
      this.#at += 1;
      const value = char === '{' ? this.#object() : this.#array();
      this.#depth -= 1;
      return value;
    }
    NUMBER.lastIndex = start;
    const match = NUMBER.exec(this.#text);
    if (match !== null) {
      this.#at = NUMBER.lastIndex;
      return toPyNumber(match);
    }
    for (const [word, value] of CONSTANTS) {
      if (this.#text.startsWith(word, start)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#fail('Expecting value', start);
  }

  #object(): PyValue {
    const entries: Record<string, PyValue> = {};
    this.#skip();
    if (this.#text[this.#at] === '}') {
      this.#at += 1;
      return entries;
    }
    for (;;) {
      if (this.#text[this.#at] !== '"') {
        this.#fail('Expecting property name enclosed in double quotes', this.#at);
      }
      this.#at += 1;
      const key = this.#string();
      this.#skip();
      if (this.#text[this.#at] !== ':') this.#fail("Expecting ':' delimiter", this.#at);
      this.#at += 1;
      this.#skip();
      setOwn(entries, key, this.#value());
      this.#skip();
      const next = this.#text[this.#at];
      if (next === '}') {
        this.#at += 1;
        return entries;
      }
      if (next !== ',') this.#fail("Expecting ',' delimiter", this.#at);
      this.#at += 1;
      this.#skip();
    }
  }

  #array(): PyValue {
    const items: PyValue[] = [];
    this.#skip();
    if (this.#text[this.#at] === ']') {
      this.#at += 1;
      return items;
    }
    for (;;) {
      items.push(this.#value());
      this.#skip();
      const next = this.#text[this.#at];
      if (next === ']') {
        this.#at += 1;
        return items;
      }
      if (next !== ',') this.#fail("Expecting ',' delimiter", this.#at);
      this.#at += 1;
      this.#skip();
    }
  }

  /** The opening quote is read already. */
  #string(): string {
    const begin = this.#at - 1;
    let out = '';
    for (;;) {
      STRING_CHUNK.lastIndex = this.#at;
      const match = STRING_CHUNK.exec(this.#text);
      if (match === null) this.#fail('Unterminated string starting at', begin);
      out += match[1];
      this.#at = STRING_CHUNK.lastIndex;
      if (match[2] === '"') return out;
      if (match[2] !== '\\') this.#fail('Invalid control character at', this.#at - 1);
      out += this.#escape(begin);
    }
  }

  #escape(begin: number): string {
    const char = this.#text[this.#at];
    if (char === undefined) this.#fail('Unterminated string starting at', begin);
    if (char === 'u') {
      const hex = this.#text.slice(this.#at + 1, this.#at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#fail('Invalid \\uXXXX escape', this.#at);
      this.#at += 5;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const plain = ESCAPES[char];
    if (plain === undefined) this.#fail('Invalid \\escape', this.#at - 1);
    this.#at += 1;
    return plain;
  }
}

function toPyNumber(match: RegExpExecArray): PyValue {
  if (match[2] === undefined && match[3] === undefined) {
    if ((match[1]?.replace('-', '').length ?? 0) > MAX_DIGITS) {
      throw new RangeError(
        `Exceeds the limit (${MAX_DIGITS} digits) for integer string conversion`,
      );
    }
    const value = Number(match[0]);
    // Python has no negative zero among its integers.
    return Number.isSafeInteger(value) ? value + 0 : BigInt(match[0]);
  }
  const value = Number(match[0]);
  return Number.isInteger(value) || !Number.isFinite(value) ? new PyFloat(value) : value;
}
