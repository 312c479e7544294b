/** JSON with the place of every text. JSON.parse says nothing of places, and dashboards weigh megabytes. */
import { type FileNode, OTHER, type TextNode } from './file-node.ts';
import { maskTemplatesOfJson, unmasked } from './helm.ts';
import type { PlacedText, Source } from './placed-text.ts';
import { MAX_DEPTH, Unreadable } from './unreadable.ts';

/** With comments, which samples begin with. */
const SPACE = /(?:[ \t\r\n]+|\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/)*/y;
const STRING = /"(?:[^"\\\n\r]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const PLAIN_STRING = /"[^"\\\n\r]*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y;

/** Throws Unreadable for what is no JSON, templates of Helm apart. */
export function readJson(source: Source): FileNode {
  try {
    return new JsonReader(source, source.text).read();
  } catch (cause) {
    if (!(cause instanceof Unreadable) || !source.text.includes('{{')) throw cause;
    return new JsonReader(source, maskTemplatesOfJson(source.text)).read();
  }
}

class JsonReader {
  readonly #source: Source;
  /** What is read; the source differs from it where it has templates. */
  readonly #text: string;
  #at: number;

  constructor(source: Source, text: string) {
    this.#source = source;
    this.#text = text;
    this.#at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  }

  read(): FileNode {
    const node = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#wrong('something behind the JSON');
    return node;
  }

  #value(depth: number): FileNode {
    this.#space();
    if (depth > MAX_DEPTH) throw this.#wrong(`nested deeper than ${MAX_DEPTH}`);
    const first = this.#text[this.#at];
    if (first === '{') return this.#map(depth);
    if (first === '[') return this.#list(depth);
    if (first === '"') return this.#string();
    if (this.#take(SCALAR) === null) throw this.#wrong('no JSON value');
    return OTHER;
  }

  #map(depth: number): FileNode {
    const entries = new Map<string, FileNode>();
    this.#at += 1;
    for (let isFirst = true; !this.#closes('}'); isFirst = false) {
      if (!isFirst) this.#expect(',');
      this.#space();
      const key = this.#string().value;
      this.#expect(':');
      entries.set(key, this.#value(depth + 1));
    }
    return { kind: 'map', entries };
  }

  #list(depth: number): FileNode {
    const items: FileNode[] = [];
    this.#at += 1;
    for (let isFirst = true; !this.#closes(']'); isFirst = false) {
      if (!isFirst) this.#expect(',');
      items.push(this.#value(depth + 1));
    }
    return { kind: 'list', items };
  }

  #string(): TextNode {
    const from = this.#at + 1;
    const written = this.#take(PLAIN_STRING) ?? this.#take(STRING);
    if (written === null) throw this.#wrong('no JSON string');
    const value = written.includes('\\') ? this.#unescaped(written, from) : written.slice(1, -1);
    const placed = (): PlacedText => this.#placed(value, from);
    const isWhole = this.#text === this.#source.text || !written.includes('_');
    return { kind: 'text', value: isWhole ? value : placed().text, placed };
  }

  #placed(value: string, from: number): PlacedText {
    const offsets: number[] = [];
    let at = from;
    for (let i = 0; i < value.length; i++) {
      offsets.push(at);
      at += this.#text[at] !== '\\' ? 1 : this.#text[at + 1] === 'u' ? 6 : 2;
    }
    offsets.push(at);
    const texts = { masked: this.#text, text: this.#source.text };
    const text = texts.masked === texts.text ? value : unmasked(value, offsets, texts);
    return this.#source.place({ text, offsets, escape: escapeJson });
  }

  #unescaped(written: string, from: number): string {
    try {
      return String(JSON.parse(written));
    } catch {
      throw new Unreadable('is not JSON: a control character in a string', from);
    }
  }

  #closes(bracket: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== bracket) return false;
    this.#at += 1;
    return true;
  }

  #expect(sign: string): void {
    this.#space();
    if (this.#text[this.#at] !== sign) throw this.#wrong(`no '${sign}'`);
    this.#at += 1;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #wrong(what: string): Unreadable {
    return new Unreadable(`is not JSON: ${what}`, this.#at);
  }
}

export const escapeJson = (text: string): string => JSON.stringify(text).slice(1, -1);
