/**
 * Calls of tool_choice `required`, a JSON array of name and parameters, and of a named tool, whose arguments are the
 * whole content. Source: vllm/tool_parsers/streaming.py, vllm/parser/abstract_parser.py (0.33.0). Pure.
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { isDict, type PyValue } from '../../../shared/python/values.ts';
import { tryJson } from './schema-coercion.ts';
import { makeToolCallId } from './tool-call-id.ts';
import type { DeltaMessage, DeltaToolCall, ToolCallIdType } from './types.ts';

/** Where a call of the array stands; offsets do not change when more text comes. */
interface Span {
  name: string | null;
  nameEnd: number;
  /** -1: not begun. */
  argsStart: number;
  /** -1: not ended. */
  argsEnd: number;
}

type Expects =
  | 'key'
  | 'colon'
  | 'value'
  | 'stringValue'
  | 'containerValue'
  | 'scalarValue'
  | 'afterValue';

class SpanScan {
  readonly spans: Span[] = [];
  readonly #text: string;
  #depth = 0;
  #current: Span | null = null;
  #expects: Expects = 'key';
  #key: string | null = null;
  #valueStart = 0;
  #stringStart = -1;
  #isEscaped = false;

  constructor(text: string) {
    this.#text = text;
  }

  run(): readonly Span[] {
    for (let i = 0; i < this.#text.length; i++) {
      if (!this.#step(this.#text.charAt(i), i)) break;
    }
    return this.spans;
  }

  /** False: the array is over, or was none. */
  #step(char: string, at: number): boolean {
    if (this.#stringStart >= 0) this.#inString(char, at);
    else if (char === '"') {
      this.#stringStart = at;
      if (this.#depth === 2 && this.#expects === 'value') this.#begin(at, 'stringValue');
    } else if (char === '{' || char === '[') return this.#open(char, at);
    else if (char === '}' || char === ']') return this.#close(at);
    else if (this.#depth === 2 && this.#current !== null) this.#between(char, at);
    return true;
  }

  #inString(char: string, at: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (char === '\\') this.#isEscaped = true;
    else if (char === '"') {
      const start = this.#stringStart;
      this.#stringStart = -1;
      if (this.#depth !== 2 || this.#current === null) return;
      if (this.#expects === 'key') {
        this.#key = this.#text.slice(start + 1, at);
        this.#expects = 'colon';
      } else if (this.#expects === 'stringValue') this.#end(at + 1);
    }
  }

  #open(char: string, at: number): boolean {
    if (this.#depth === 0 && char !== '[') return false;
    if (this.#depth === 1) {
      if (char !== '{') return false;
      this.#current = { name: null, nameEnd: 0, argsStart: -1, argsEnd: -1 };
      this.spans.push(this.#current);
      this.#expects = 'key';
      this.#key = null;
    } else if (this.#depth === 2 && this.#expects === 'value') this.#begin(at, 'containerValue');
    this.#depth += 1;
    return true;
  }

  #close(at: number): boolean {
    if (this.#depth === 2 && this.#expects === 'scalarValue') this.#end(at);
    this.#depth -= 1;
    if (this.#depth === 2 && this.#expects === 'containerValue') this.#end(at + 1);
    else if (this.#depth === 1) this.#current = null;
    return this.#depth > 0;
  }

  #between(char: string, at: number): void {
    if (char === ':') {
      if (this.#expects === 'colon') this.#expects = 'value';
    } else if (char === ',') {
      if (this.#expects === 'scalarValue') this.#end(at);
      this.#expects = 'key';
      this.#key = null;
    } else if (char.trim() === '') {
      if (this.#expects === 'scalarValue') this.#end(at);
    } else if (this.#expects === 'value') this.#begin(at, 'scalarValue');
  }

  #begin(at: number, expects: Expects): void {
    this.#valueStart = at;
    if (this.#key === 'parameters' && this.#current !== null) this.#current.argsStart = at;
    this.#expects = expects;
  }

  #end(at: number): void {
    const span = this.#current;
    if (span !== null && this.#key === 'parameters') span.argsEnd = at;
    else if (span !== null && this.#key === 'name' && this.#expects === 'stringValue') {
      const name = tryJson(this.#text.slice(this.#valueStart, at));
      span.name = typeof name === 'string' ? name : null;
      span.nameEnd = at;
    }
    this.#expects = 'afterValue';
  }
}

export interface ForcedCallOptions {
  readonly idType: ToolCallIdType;
  /** Calls that there were before. */
  readonly numCalls: number;
}

/** What is new in `currentText`, of which `previousText` was shown. */
export function streamRequiredCalls(
  previousText: string,
  currentText: string,
  { idType, numCalls }: ForcedCallOptions,
): DeltaMessage | null {
  const shown = previousText.length;
  const deltas: DeltaToolCall[] = [];
  let started = 0;
  for (const [index, { name, nameEnd, argsStart, argsEnd }] of new SpanScan(currentText)
    .run()
    .entries()) {
    if (name === null || argsStart < 0) break;
    const end = argsEnd >= 0 ? argsEnd : currentText.length;
    if (nameEnd <= shown && argsStart < shown) {
      const more = currentText.slice(Math.min(end, shown), end);
      if (more !== '') deltas.push({ index, function: { name: null, arguments: more } });
      continue;
    }
    const id = makeToolCallId(idType, name, numCalls + started);
    started += 1;
    const args = currentText.slice(argsStart, end);
    deltas.push({ id, type: 'function', index, function: { name, arguments: args } });
  }
  return deltas.length === 0 ? null : { tool_calls: deltas };
}

export function streamNamedCall(
  deltaText: string,
  name: string,
  isNameReturned: boolean,
  { idType, numCalls }: ForcedCallOptions,
): DeltaMessage {
  if (isNameReturned) return { tool_calls: [{ index: 0, function: { arguments: deltaText } }] };
  const id = makeToolCallId(idType, name, numCalls);
  return {
    tool_calls: [{ id, type: 'function', index: 0, function: { name, arguments: deltaText } }],
  };
}

/** Of a whole content; none where it is not such an array. */
export function requiredCalls(content: string): readonly { name: string; arguments: string }[] {
  const parsed = tryJson(content);
  if (!Array.isArray(parsed)) return [];
  const calls = (parsed as readonly PyValue[]).map((call) => {
    if (!isDict(call) || typeof call['name'] !== 'string') return null;
    const parameters = call['parameters'] ?? null;
    if (parameters !== null && !isDict(parameters)) return null;
    return { name: call['name'], arguments: pythonDumps(parameters) };
  });
  return calls.every((call) => call !== null) ? calls : [];
}
