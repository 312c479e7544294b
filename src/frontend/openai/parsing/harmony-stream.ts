/**
 * The messages of gpt-oss: a header with channel and recipient, then content, token by token.
 * Source: the package openai_harmony 0.0 (src/encoding.rs StreamableParser), which vLLM reads outputs with.
 */
import type { ParserTokenizer } from './types.ts';

const CONSTRAIN = '<|constrain|>';

export interface HarmonyHeader {
  readonly channel: string | null;
  readonly recipient: string | null;
  readonly contentType: string | null;
}

export interface HarmonyMessage extends HarmonyHeader {
  readonly text: string;
}

/** What a token was. */
export interface HarmonyStep extends HarmonyHeader {
  /** Content that it brought. */
  readonly delta: string;
  /** The message that it ended; null: none. */
  readonly completed: HarmonyMessage | null;
  readonly isReasoning: boolean;
}

const NO_HEADER: HarmonyHeader = { channel: null, recipient: null, contentType: null };

type State = 'start' | 'header' | 'content';

export class HarmonyStream {
  readonly #tokenizer: ParserTokenizer;
  readonly #markers: ReadonlyMap<number, string>;
  /** Special tokens of another model: they say nothing here. */
  readonly #others: ReadonlySet<number>;
  #state: State = 'header';
  #header = NO_HEADER;
  /** The prompt ends with the role of the first message; others bring theirs. */
  #hasRole = false;
  #headerIds: number[] = [];
  #text = '';
  /** Tokens of a character that is still in pieces. */
  #pending: number[] = [];
  /** Of the message that is not ended. */
  #messageIds: number[] = [];

  constructor(tokenizer: ParserTokenizer) {
    this.#tokenizer = tokenizer;
    const names = ['start', 'end', 'message', 'channel', 'constrain', 'return', 'call'];
    const markers = new Map<number, string>();
    for (const name of names) {
      const id = tokenizer.tokenId(`<|${name}|>`);
      if (id !== null) markers.set(id, name);
    }
    this.#markers = markers;
    this.#others = new Set(
      [...tokenizer.allSpecialTokens.values()].filter((id) => !markers.has(id)),
    );
  }

  get recipient(): string | null {
    return this.#state === 'content' ? this.#header.recipient : null;
  }

  /** Null: the token stands where none may, and is skipped. */
  process(id: number): HarmonyStep | null {
    if (this.#others.has(id)) return null;
    const marker = this.#markers.get(id);
    let delta = '';
    let completed: HarmonyMessage | null = null;
    if (this.#state === 'start') {
      if (marker !== 'start') return null;
      this.#state = 'header';
      this.#hasRole = true;
    } else if (this.#state === 'header') {
      if (marker === 'message') {
        const header = readHeader(this.#tokenizer.decode(this.#headerIds), this.#hasRole);
        if (header === null) return null;
        this.#header = header;
        this.#headerIds = [];
        this.#state = 'content';
      } else this.#headerIds.push(id);
    } else if (marker === 'end' || marker === 'return' || marker === 'call')
      completed = this.#complete();
    else delta = this.#content(id);
    if (completed === null) this.#messageIds.push(id);
    const { channel, recipient, contentType } =
      this.#state === 'content' ? this.#header : NO_HEADER;
    const isThought = channel === 'analysis' || (channel === 'commentary' && recipient !== null);
    const isReasoning = isThought && marker === undefined;
    return { channel, recipient, contentType, delta, completed, isReasoning };
  }

  #content(id: number): string {
    this.#pending.push(id);
    const delta = this.#tokenizer.decode(this.#pending);
    if (delta.endsWith('\ufffd')) return '';
    this.#pending = [];
    this.#text += delta;
    return delta;
  }

  #complete(): HarmonyMessage {
    const message = { ...this.#header, text: this.#text };
    this.#state = 'start';
    this.#text = '';
    this.#pending = [];
    this.#messageIds = [];
    return message;
  }

  /** The output has ended: its last message, or, where that is no message, the text of its tokens. */
  finish(): { readonly message: HarmonyMessage | null; readonly rest: string | null } {
    if (this.#state === 'start') return { message: null, rest: null };
    if (this.#state === 'content') return { message: this.#complete(), rest: null };
    return { message: null, rest: this.#tokenizer.decode(this.#messageIds) };
  }
}

/** Null: more than a header holds. */
function readHeader(raw: string, hasRole: boolean): HarmonyHeader | null {
  let text = raw;
  const channel = /<\|channel\|>([^\s<]*)/.exec(text);
  if (channel !== null) text = text.replace(channel[0], ' ');
  const parts = text
    .replaceAll(CONSTRAIN, ` ${CONSTRAIN}`)
    .split(/\s+/)
    .filter((part) => part !== '');
  if (hasRole) parts.shift();
  const last = parts.pop() ?? null;
  const header = { channel: channel?.[1] ?? null, recipient: null, contentType: null };
  if (last === null) return header;
  if (last.startsWith('to=') || parts.length === 0) {
    return parts.length > 0 ? null : { ...header, recipient: recipientOf(last) };
  }
  const before = parts.pop() ?? '';
  return parts.length > 0 ? null : { ...header, recipient: recipientOf(before), contentType: last };
}

function recipientOf(part: string): string | null {
  const name = part.startsWith('to=') ? part.slice('to='.length) : part;
  const at = name.indexOf(CONSTRAIN);
  return (at === -1 ? name : name.slice(0, at).trimEnd()) || null;
}
