/**
 * JSON that is cut off, read as far as it goes.
 * Source: the package partial_json_parser 0.2 (core/myelin.py, core/complete.py) as vLLM uses it:
 * vllm/tool_parsers/utils.py partial_json_loads (0.33.0). Pure.
 */
import { PyJsonError, parsePythonJson } from '../../../shared/python/json-reader.ts';
import type { PyValue } from '../../../shared/python/values.ts';
import { rawDecode } from './raw-decode.ts';

/** Nothing can be made of it, or not yet. */
class Malformed extends Error {}

/** The text ended. */
class EndOfText extends Error {}

/** What is kept of a text, and what closes it; `true`: nothing is missing. */
type Completion = readonly [length: number, tail: string | true] | null;

/** `allowsText`: texts may be cut off too. Throws where nothing can be read. */
export function partialJsonLoads(
  text: string,
  allowsText: boolean,
): { readonly value: PyValue; readonly end: number } {
  try {
    return { value: parsePythonJson(fixed(text, allowsText)), end: text.length };
  } catch (error) {
    if (error instanceof PyJsonError && error.message.startsWith('Extra data'))
      return rawDecode(text);
    throw error;
  }
}

interface Scan {
  readonly stack: (readonly [at: number, char: string])[];
  readonly isInString: boolean;
  readonly stringStart: number;
  readonly stringEnd: number;
  readonly last: readonly [at: number, char: string];
}

function isEscaped(text: string, at: number): boolean {
  let count = 0;
  while (text[at - 1 - count] === '\\') count += 1;
  return count % 2 === 1;
}

/** Null: no bracket comes first. */
function scan(text: string): Scan | null {
  const stack: (readonly [number, string])[] = [];
  let isInString = false;
  let stringStart = -1;
  let stringEnd = -1;
  let last: readonly [number, string] | null = null;
  for (const { 0: char, index } of text.matchAll(/["[\]{}]/g)) {
    if (last === null && char === '"') return null;
    last = [index, char];
    if (char === '"') {
      if (!isInString) {
        isInString = true;
        stringStart = index;
      } else if (!isEscaped(text, index)) {
        isInString = false;
        stringEnd = index;
      }
    } else if (!isInString) {
      if (char === '{' || char === '[') stack.push([index, char]);
      else if (stack.pop()?.[1] !== (char === '}' ? '{' : '['))
        throw new Malformed(`stray ${char}`);
    }
  }
  return last === null ? null : { stack, isInString, stringStart, stringEnd, last };
}

function closing(stack: Scan['stack']): string {
  return stack
    .map(([, char]) => (char === '{' ? '}' : ']'))
    .reverse()
    .join('');
}

function fixed(text: string, allowsText: boolean): string {
  const found = scan(text);
  if (found === null) return fix(text, allowsText, true).join('');
  const { stack, isInString } = found;
  if (stack.length === 0) return text;
  if (isInString) return allowsText ? closeString(text, found) : dropString(text, found);
  return closeRest(text, found, allowsText);
}

/** rfind(what, start, end). */
function lastBetween(text: string, what: string, start: number, end = text.length): number {
  const at = text.slice(0, Math.max(0, end)).lastIndexOf(what);
  return at >= start ? at : -1;
}

function top({ stack }: Scan): readonly [number, string] {
  const entry = stack.at(-1);
  if (entry === undefined) throw new Malformed('nothing is open');
  return entry;
}

/** The text is cut off within a string that may not be: up to before its key. */
function dropString(text: string, found: Scan): string {
  const { stack, stringStart, stringEnd } = found;
  const [start, char] = top(found);
  const close = closing(stack);
  if (start > stringEnd && char === '{') return text.slice(0, start + 1) + close;
  const comma = lastBetween(text, ',', Math.max(start, stringEnd) + 1, stringStart);
  if (comma !== -1) return text.slice(0, comma) + close;
  let keyStart = stringEnd;
  for (;;) {
    keyStart = lastBetween(text, '"', start, keyStart);
    if (keyStart === -1) return text.slice(0, start + 1) + close;
    if (isEscaped(text, keyStart)) {
      keyStart -= 1;
      continue;
    }
    const before = lastBetween(text, ',', start, keyStart);
    return before === -1 ? text.slice(0, start + 1) + close : text.slice(0, before) + close;
  }
}

function closeString(text: string, found: Scan): string {
  const { stack, stringStart, stringEnd } = found;
  const [at, char] = top(found);
  const cut = () => {
    const [head, tail] = fix(text.slice(stringStart), true);
    return text.slice(0, stringStart) + head + tail + closing(stack);
  };
  if (char === '[') return cut();
  const start = Math.max(stringEnd, at);
  const between = text.slice(start + 1, stringStart);
  if (between.includes(',')) {
    const comma = lastBetween(text, ',', start, stringStart);
    const [head, tail] = fix(`{${text.slice(comma + 1)}`, true);
    return text.slice(0, comma) + head.slice(1) + tail + closing(stack.slice(0, -1));
  }
  return between.includes(':') ? cut() : text.slice(0, stringStart) + closing(stack);
}

/** Not within a string. */
function closeRest(text: string, found: Scan, allowsText: boolean): string {
  const { stack, stringEnd, stringStart, last } = found;
  const [openAt, openChar] = top(found);
  const outer = closing(stack.slice(0, -1));
  const comma = lastBetween(text, ',', Math.max(stringEnd, last[0]) + 1);
  if (comma !== -1) {
    if (text.slice(comma + 1).trim() === '') return text.slice(0, comma) + closing(stack);
    if (openChar !== '[') throw new Malformed('a value without a key');
    return afterComma(text, comma, '[', allowsText) + outer;
  }
  if (last[1] === ']' || last[1] === '}') {
    if (text.slice(last[0] + 1).trim() !== '') throw new Malformed('text after a value');
    return text + closing(stack);
  }
  if (last[1] === '[' || last[1] === '{') {
    const [head, tail] = fix(text.slice(last[0]), allowsText);
    return text.slice(0, last[0]) + head + tail + outer;
  }
  if (openChar === '[') return text + closing(stack);
  const colon = lastBetween(text, ':', stringEnd);
  const lastComma = lastBetween(text, ',', openAt + 1, stringStart);
  if (lastComma === -1) {
    const [head, tail] = fix(text.slice(openAt), allowsText);
    return text.slice(0, openAt) + head + tail + outer;
  }
  if (colon === -1) {
    const hasValue = lastBetween(text, ':', Math.max(openAt, lastComma) + 1, stringStart) !== -1;
    if (hasValue) return text + closing(stack);
    const [head, tail] = fix(`{${text.slice(lastComma + 1)}`, allowsText);
    const isEmpty = head.slice(1) + tail.slice(0, -1).trim() === '';
    if (isEmpty) return text.slice(0, lastComma) + head.slice(1) + tail + outer;
    return text.slice(0, lastComma + 1) + head.slice(1) + tail + closing(stack);
  }
  if (colon <= lastComma) throw new Malformed('a comma after a colon');
  return afterComma(text, lastComma, '{', allowsText) + outer;
}

function afterComma(text: string, comma: number, open: string, allowsText: boolean): string {
  const [head, tail] = fix(open + text.slice(comma + 1), allowsText);
  const isEmpty = head.slice(1) + tail.slice(0, -1).trim() === '';
  return text.slice(0, isEmpty ? comma : comma + 1) + head.slice(1) + tail;
}

/** The part of a text that is kept, and its end. */
function fix(text: string, allowsText: boolean, isTopLevel = false): readonly [string, string] {
  try {
    const completion = completeAny(text.trim(), allowsText, isTopLevel);
    if (completion === null) throw new Malformed('too little');
    return [text.slice(0, completion[0]), completion[1] === true ? '' : completion[1]];
  } catch (error) {
    if (error instanceof EndOfText) throw new Malformed('nothing there');
    throw error;
  }
}

function charAt(text: string, at: number): string {
  const char = text[at];
  if (char === undefined) throw new EndOfText();
  return char;
}

function skipBlank(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charAt(at).trim() === '') at += 1;
  return at;
}

const WORDS = ['null', 'true', 'false', 'Infinity'];

function completeAny(text: string, allowsText: boolean, isTopLevel = false): Completion {
  const char = charAt(text, skipBlank(text, 0));
  if (char === '"') return completeString(text, allowsText);
  if (/[0-9]/.test(char)) return completeNumber(text, isTopLevel);
  if (char === '[') return completeArray(text, allowsText);
  if (char === '{') return completeObject(text, allowsText);
  const word = WORDS.find((each) => text.startsWith(each) || each.startsWith(text));
  if (word !== undefined) return text.startsWith(word) ? [word.length, true] : [0, word];
  if (char === '-') {
    if (text.length === 1) return null;
    if (text[1] !== 'I') return completeNumber(text, isTopLevel);
  }
  const special = ['-Infinity', 'NaN'].find(
    (each) => text.startsWith(each) || each.startsWith(text),
  );
  if (special !== undefined)
    return text.startsWith(special) ? [special.length, true] : [0, special];
  throw new Malformed(`Unexpected character ${char}`);
}

function completeString(text: string, allowsText: boolean): Completion {
  if (text[0] !== '"') throw new Malformed('no string');
  let i = 1;
  for (; i < text.length; i++) {
    if (text[i] === '"') return [i + 1, true];
    if (text[i] !== '\\') continue;
    if (i + 1 === text.length) break;
    i += 1;
  }
  const end = Math.min(i, text.length);
  if (!allowsText) return null;
  for (const [mark, digits] of [
    ['\\u', 5],
    ['\\U', 9],
    ['\\x', 3],
  ] as const) {
    const at = lastBetween(text, mark, Math.max(0, end - digits), end);
    if (at !== -1 && !isEscaped(text, at)) return [at, '"'];
  }
  return [end, '"'];
}

function completeArray(text: string, allowsText: boolean): Completion {
  let kept = 1;
  let at = 1;
  try {
    for (;;) {
      at = skipBlank(text, at);
      if (charAt(text, at) === ']') return [at + 1, true];
      const item = completeAny(text.slice(at), allowsText);
      if (item === null) return [kept, ']'];
      if (item[1] !== true) return [at + item[0], `${item[1]}]`];
      at += item[0];
      kept = at;
      at = skipBlank(text, at);
      const char = charAt(text, at);
      if (char === ']') return [at + 1, true];
      if (char !== ',') throw new Malformed(`Expected ',' or ']', got ${char}`);
      at += 1;
    }
  } catch (error) {
    if (error instanceof EndOfText) return [kept, ']'];
    throw error;
  }
}

function completeObject(text: string, allowsText: boolean): Completion {
  let kept = 1;
  let at = 1;
  try {
    for (;;) {
      at = skipBlank(text, at);
      if (charAt(text, at) === '}') return [at + 1, true];
      const key = completeString(text.slice(at), allowsText);
      if (key === null || key[1] !== true) return [kept, '}'];
      at = skipBlank(text, at + key[0]);
      if (charAt(text, at) !== ':') throw new Malformed(`Expected ':', got ${text[at]}`);
      at = skipBlank(text, at + 1);
      const value = completeAny(text.slice(at), allowsText);
      if (value === null) return [kept, '}'];
      if (value[1] !== true) return [at + value[0], `${value[1]}}`];
      at += value[0];
      kept = at;
      at = skipBlank(text, at);
      const char = charAt(text, at);
      if (char === '}') return [at + 1, true];
      if (char !== ',') throw new Malformed(`Expected ',' or '}', got ${char}`);
      at += 1;
    }
  } catch (error) {
    if (error instanceof EndOfText) return [kept, '}'];
    throw error;
  }
}

function completeNumber(text: string, isTopLevel: boolean): Completion {
  let i = 1;
  while (i < text.length && '1234567890.-+eE'.includes(text.charAt(i))) i += 1;
  const read = i;
  while (i > 0 && '.-+eE'.includes(text.charAt(i - 1))) i -= 1;
  return i !== read || (read === text.length && !isTopLevel) ? [i, ''] : [i, true];
}
