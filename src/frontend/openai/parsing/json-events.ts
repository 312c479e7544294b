/**
 * JSON in pieces, as events with where they are: what ijson gives. Leaves out: scalars other than texts, which nobody
 * asks for. Source: the package ijson 3 (basic_parse, parse).
 */

export type JsonEvent =
  | { readonly type: 'startMap' | 'endMap' | 'startArray' | 'endArray'; readonly prefix: string }
  | { readonly type: 'mapKey' | 'string'; readonly prefix: string; readonly value: string };

type Expects = 'value' | 'valueOrEnd' | 'key' | 'keyOrEnd' | 'colon' | 'commaOrEnd' | 'nothing';

interface Container {
  readonly isMap: boolean;
  /** Where the container itself is. */
  readonly prefix: string;
  key: string;
}

const SCALAR = /^(?:t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?|-?[\d.eE+-]*)$/;

export class JsonEvents {
  readonly #onEvent: (event: JsonEvent) => void;
  readonly #stack: Container[] = [];
  #expects: Expects = 'value';
  /** Of a string that is open, with its quote; null: none is. */
  #text: string | null = null;
  #isEscaped = false;
  #scalar = '';

  constructor(onEvent: (event: JsonEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Throws SyntaxError for what is no JSON. */
  push(piece: string): void {
    for (const char of piece) {
      if (this.#text !== null) this.#inString(char);
      else this.#outside(char);
    }
  }

  get #prefix(): string {
    const top = this.#stack.at(-1);
    if (top === undefined) return '';
    const own = top.isMap ? top.key : 'item';
    return top.prefix === '' ? own : `${top.prefix}.${own}`;
  }

  #inString(char: string): void {
    this.#text += char;
    if (this.#isEscaped) this.#isEscaped = false;
    else if (char === '\\') this.#isEscaped = true;
    else if (char === '"') {
      const value = JSON.parse(this.#text ?? '') as string;
      this.#text = null;
      this.#onString(value);
    }
  }

  #onString(value: string): void {
    const top = this.#stack.at(-1);
    if (top?.isMap === true && (this.#expects === 'key' || this.#expects === 'keyOrEnd')) {
      this.#onEvent({ type: 'mapKey', prefix: top.prefix, value });
      top.key = value;
      this.#expects = 'colon';
      return;
    }
    this.#onEvent({ type: 'string', prefix: this.#prefix, value });
    this.#endValue();
  }

  #outside(char: string): void {
    if (this.#scalar !== '') {
      if (/[\w.+-]/.test(char)) {
        this.#scalar += char;
        if (!SCALAR.test(this.#scalar)) throw new SyntaxError(`lexical error: ${this.#scalar}`);
        return;
      }
      this.#scalar = '';
      this.#endValue();
    }
    if (' \t\r\n'.includes(char)) return;
    if (char === '"') {
      if (!this.#takes('value', 'valueOrEnd', 'key', 'keyOrEnd')) this.#fail(char);
      this.#text = char;
    } else if (char === '{' || char === '[') this.#open(char);
    else if (char === '}' || char === ']') this.#close(char);
    else if (char === ':' && this.#takes('colon')) this.#expects = 'value';
    else if (char === ',' && this.#takes('commaOrEnd')) {
      this.#expects = this.#stack.at(-1)?.isMap === true ? 'key' : 'value';
    } else if (this.#takes('value', 'valueOrEnd') && SCALAR.test(char)) this.#scalar = char;
    else this.#fail(char);
  }

  #takes(...expected: readonly Expects[]): boolean {
    return expected.includes(this.#expects);
  }

  #fail(char: string): never {
    throw new SyntaxError(`unallowed token ${char}`);
  }

  #open(char: string): void {
    if (!this.#takes('value', 'valueOrEnd')) this.#fail(char);
    const isMap = char === '{';
    const prefix = this.#prefix;
    this.#stack.push({ isMap, prefix, key: '' });
    this.#expects = isMap ? 'keyOrEnd' : 'valueOrEnd';
    this.#onEvent({ type: isMap ? 'startMap' : 'startArray', prefix });
  }

  #close(char: string): void {
    const isMap = char === '}';
    const top = this.#stack.at(-1);
    const mayEnd = this.#takes('commaOrEnd', isMap ? 'keyOrEnd' : 'valueOrEnd');
    if (top === undefined || top.isMap !== isMap || !mayEnd) this.#fail(char);
    this.#stack.pop();
    this.#onEvent({ type: isMap ? 'endMap' : 'endArray', prefix: top.prefix });
    this.#endValue();
  }

  #endValue(): void {
    this.#expects = this.#stack.length === 0 ? 'nothing' : 'commaOrEnd';
  }
}
