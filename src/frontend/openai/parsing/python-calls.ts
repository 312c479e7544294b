/**
 * Calls as Python writes them, `[get_weather(city='Tokyo'), …]`, and what closes such a text where it is cut off.
 * Source: vllm/tool_parsers/utils.py handle_single_tool, get_parameter_value, make_valid_python (0.33.0), CPython's ast.
 * Leaves out: expressions that are no values, which vLLM refuses as well. Pure.
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { PyFloat, type PyValue } from '../../../shared/python/values.ts';
import { pythonString } from './python-string.ts';

/** No such Python, or not what a call may be. */
export class NotPythonCalls extends Error {}

export interface PythonCall {
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
}

export interface PythonCalls {
  readonly calls: readonly PythonCall[];
  /** A set is among the values. */
  readonly hasSet: boolean;
}

const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if ' +
    'import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);
const CONSTANTS: Readonly<Record<string, PyValue>> = {
  True: true,
  False: false,
  None: null,
  true: true,
  false: false,
  null: null,
};
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER =
  /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*)?\.?\d[\d_]*\.?(?:[eE][-+]?\d[\d_]*)?/y;
const BLANK = /(?:[ \t\f\n\r]|\\\r?\n|#[^\n]*)*/y;
const STRING_START = /([rRbBuUfF]{0,2})('''|"""|'|")/y;

/** A text that is one list of calls. Throws NotPythonCalls. */
export function parsePythonCalls(text: string): PythonCalls {
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  #at = 0;
  #hasSet = false;

  constructor(text: string) {
    this.#text = text;
  }

  document(): PythonCalls {
    if (/^[ \t]/.test(this.#text)) this.#fail('unexpected indent');
    this.#skip();
    this.#expect('[');
    const calls = this.#items(']', () => this.#call());
    if (/[^ \t\f\n\r]/.test(this.#text.slice(this.#at).replace(/#[^\n]*/g, '')))
      this.#fail('text after the calls');
    return { calls, hasSet: this.#hasSet };
  }

  #fail(message: string): never {
    throw new NotPythonCalls(message);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  #skip(): void {
    this.#match(BLANK);
  }

  #accept(text: string): boolean {
    this.#skip();
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) this.#fail(`expected ${text}`);
  }

  /** Up to the closing bracket, which is taken too. */
  #items<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    while (!this.#accept(close)) {
      items.push(item());
      if (this.#accept(',')) continue;
      this.#expect(close);
      break;
    }
    return items;
  }

  #name(): string {
    this.#skip();
    const name = this.#match(NAME)?.[0];
    if (name === undefined || KEYWORDS.has(name)) this.#fail('expected a name');
    return name;
  }

  #call(): PythonCall {
    let name = this.#name();
    while (this.#accept('.')) name += `.${this.#name()}`;
    this.#expect('(');
    const args = new Map<string, PyValue>();
    this.#items(')', () => this.#argument(args));
    return { name, arguments: pythonDumps(args) };
  }

  /** One without a name counts for nothing. */
  #argument(args: Map<string, PyValue>): void {
    this.#skip();
    const start = this.#at;
    const name = this.#match(NAME)?.[0];
    const isNamed = name !== undefined && this.#accept('=') && this.#text[this.#at] !== '=';
    if (!isNamed) {
      this.#at = start;
      if (args.size > 0) this.#fail('positional argument follows keyword argument');
      this.#value();
      return;
    }
    if (KEYWORDS.has(name) || args.has(name)) this.#fail('no name for an argument');
    args.set(name, this.#value());
  }

  #value(): PyValue {
    this.#skip();
    const char = this.#text[this.#at] ?? '';
    if (char === '-' || char === '+') return this.#signed(char);
    if (this.#accept('[')) return this.#items(']', () => this.#value());
    if (this.#accept('(')) return this.#tuple();
    if (this.#accept('{')) return this.#dictOrSet();
    const text = this.#strings();
    if (text !== null) return text;
    if (/[\d.]/.test(char)) return this.#number();
    const name = this.#match(NAME)?.[0] ?? '';
    if (!Object.hasOwn(CONSTANTS, name)) this.#fail('Tool call arguments must be literals');
    this.#skip();
    return CONSTANTS[name] as PyValue;
  }

  #signed(sign: string): PyValue {
    this.#at += 1;
    const value = this.#value();
    if (value instanceof PyFloat) return sign === '-' ? new PyFloat(-value.value) : value;
    if (typeof value === 'bigint') return sign === '-' ? -value : value;
    if (typeof value !== 'number') this.#fail('Tool call arguments must be literals');
    return sign === '-' && value !== 0 ? -value : value;
  }

  #tuple(): PyValue {
    if (this.#accept(')')) return [];
    const first = this.#value();
    if (this.#accept(')')) return first;
    this.#expect(',');
    return [first, ...this.#items(')', () => this.#value())];
  }

  #dictOrSet(): PyValue {
    if (this.#accept('}')) return {};
    const first = this.#value();
    if (!this.#accept(':')) {
      this.#hasSet = true;
      if (this.#accept('}')) return [first];
      this.#expect(',');
      return [first, ...this.#items('}', () => this.#value())];
    }
    const entries: [string, PyValue][] = [[this.#key(first), this.#value()]];
    if (this.#accept(',')) {
      this.#items('}', () => {
        const key = this.#key(this.#value());
        this.#expect(':');
        entries.push([key, this.#value()]);
      });
    } else this.#expect('}');
    return Object.fromEntries(entries);
  }

  #key(value: PyValue): string {
    if (typeof value === 'object' && value !== null && !(value instanceof PyFloat)) {
      this.#fail('Dict tool call arguments must have literal keys');
    }
    return typeof value === 'string' ? value : pythonDumps(value);
  }

  /** Strings side by side are one; null: there is none. */
  #strings(): string | null {
    let text: string | null = null;
    for (let part = this.#string(); part !== null; part = this.#string())
      text = (text ?? '') + part;
    return text;
  }

  #string(): string | null {
    this.#skip();
    const start = this.#match(STRING_START);
    if (start === null) return null;
    const [, prefix = '', quote = ''] = start;
    const isLong = quote.length === 3;
    const from = this.#at;
    while (!this.#text.startsWith(quote, this.#at)) {
      const char = this.#text[this.#at];
      if (char === undefined || (!isLong && char === '\n'))
        this.#fail('unterminated string literal');
      this.#at += char === '\\' ? 2 : 1;
    }
    const raw = this.#text.slice(from, this.#at);
    this.#at += quote.length;
    const text = pythonString(raw, prefix.toLowerCase());
    return text ?? this.#fail('no string that JSON can hold');
  }

  #number(): PyValue {
    const text = this.#match(NUMBER)?.[0].replaceAll('_', '') ?? '';
    const next = this.#text[this.#at] ?? '';
    if (text === '' || /[\p{L}\d_]/u.test(next)) this.#fail('invalid number');
    if (/^0[xXoObB]/.test(text)) return exact(BigInt(text));
    if (/[.eE]/.test(text)) {
      const value = Number(text);
      return Number.isInteger(value) ? new PyFloat(value) : value;
    }
    if (/^0\d/.test(text) && !/^0+$/.test(text))
      this.#fail('leading zeros in decimal integer literals');
    return exact(BigInt(text));
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const OPENERS: Readonly<Record<string, string>> = { ']': '[', ')': '(', '}': '{' };
const CLOSERS: Readonly<Record<string, string>> = {
  '[': ']',
  '(': ')',
  '{': '}',
  "'": "'",
  '"': '"',
};

function openBrackets(text: string): string[] {
  const stack: string[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    const top = stack.at(-1);
    if (top === "'" || top === '"') {
      if (char === '\\') i += 1;
      else if (char === top) stack.pop();
    } else if ('[({\'"'.includes(char)) stack.push(char);
    else if (char in OPENERS && stack.pop() !== OPENERS[char])
      throw new NotPythonCalls(`Mismatched ${char}`);
  }
  return stack;
}

function count(text: string, char: string): number {
  return text.split(char).length - 1;
}

/**
 * The calls of a text that is cut off, and what had to be added to close it; null: too little to tell.
 * Throws NotPythonCalls where brackets do not match, or where it is something else than calls.
 */
export function completePythonCalls(
  text: string,
): (PythonCalls & { readonly added: string }) | null {
  const stack = openBrackets(text);
  let kept = text.trimEnd();
  if (kept.endsWith('=') || kept.endsWith(':')) return null;
  const top = stack.at(-1);
  if (top === '{') {
    const before = kept.slice(0, kept.lastIndexOf('{'));
    if (count(before, ':') <= count(before, ',')) return null;
  }
  if (top === '(') {
    const before = kept.slice(0, kept.lastIndexOf('('));
    if (count(before, '=') <= count(before, ',')) return null;
  }
  if (kept.endsWith(',')) kept = kept.slice(0, -1);
  if (top === '[' && !kept.endsWith('[') && !kept.endsWith(')')) return null;
  const added = stack
    .reverse()
    .map((char) => CLOSERS[char])
    .join('');
  const parsed = parsePythonCalls(kept + added);
  return added.includes('}') && parsed.hasSet ? null : { ...parsed, added };
}
