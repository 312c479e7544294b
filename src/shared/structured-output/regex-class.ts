/** Character classes and escapes of a regex: what stands between brackets and behind a backslash. */
import { DIGITS, POSIX_CLASSES, SPACES, unicodeProperty, WORD_CHARS } from './char-classes.ts';
import { type CharRange, otherChars } from './grammar.ts';
import type { RegexReader } from './regex-reader.ts';

const SETS: Readonly<Record<string, readonly CharRange[]>> = {
  d: DIGITS,
  D: otherChars(DIGITS),
  w: WORD_CHARS,
  W: otherChars(WORD_CHARS),
  s: SPACES,
  S: otherChars(SPACES),
};

const CONTROLS: Readonly<Record<string, number>> = {
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  f: 0x0c,
  v: 0x0b,
  a: 0x07,
  e: 0x1b,
  '0': 0,
};

const HEX_LENGTHS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** What follows a backslash that has been read; null for what is no set of characters. */
export function readEscape(reader: RegexReader): readonly CharRange[] | null {
  const start = reader.position - 1;
  const char = reader.next();
  const set = SETS[char];
  if (set !== undefined) return set;
  const control = CONTROLS[char];
  if (control !== undefined) return [[control, control]];
  const hexLength = HEX_LENGTHS[char];
  if (hexLength !== undefined) return readHex(reader, hexLength, start);
  if (char === 'c') {
    const letter = reader.next().codePointAt(0) ?? 0;
    return [[letter % 32, letter % 32]];
  }
  if (char === 'p' || char === 'P') return readProperty(reader, char === 'P', start);
  if (/[A-Za-z1-9]/.test(char)) return null;
  const point = char.codePointAt(0) ?? 0;
  return [[point, point]];
}

function readHex(reader: RegexReader, length: number, start: number): readonly CharRange[] {
  let digits = '';
  if (reader.peek() === '{') {
    reader.next();
    while (reader.peek() !== '}' && !reader.isAtEnd) digits += reader.next();
    reader.next();
  } else {
    while (digits.length < length && /[0-9a-fA-F]/.test(reader.peek())) digits += reader.next();
  }
  const point = Number.parseInt(digits, 16);
  if (Number.isNaN(point) || point > 0x10ffff) {
    reader.refuse(start, 'Invalid escape sequence.', 'invalid hexadecimal digit');
    return [];
  }
  return [[point, point]];
}

function readProperty(
  reader: RegexReader,
  isNegated: boolean,
  start: number,
): readonly CharRange[] {
  reader.refuseForXgrammar(
    start + 1,
    'Unicode character class escape sequence is not supported yet.',
  );
  let name = reader.next();
  if (name === '{') {
    name = '';
    while (reader.peek() !== '}' && !reader.isAtEnd) name += reader.next();
    reader.next();
  }
  const ranges = unicodeProperty(name);
  if (ranges === null) {
    reader.refuseForRust(start, reader.position, 'Unicode property not found');
    return [];
  }
  return isNegated ? otherChars(ranges) : ranges;
}

/** From behind the opening bracket to behind the closing one. */
export function readClass(reader: RegexReader): readonly CharRange[] {
  const start = reader.position - 1;
  const isNegated = reader.peek() === '^';
  if (isNegated) reader.next();
  const ranges: CharRange[] = [];
  let isFirst = true;
  for (;;) {
    if (reader.isAtEnd) {
      reader.fail(start, `Unclosed '['`, 'unclosed character class');
      return [];
    }
    const char = reader.next();
    if (char === ']') {
      if (!isFirst) break;
      if (isNegated) {
        // Everything, as xgrammar and JavaScript have it; Rust takes the bracket for a character.
        reader.refuseForRust(start, reader.position, 'unclosed character class');
        break;
      }
      reader.refuseForXgrammar(reader.position, 'Empty character class is not allowed in regex.');
      reader.refuseForRust(start, reader.position, 'unclosed character class');
      break;
    }
    isFirst = false;
    readMember(reader, char, ranges);
  }
  return isNegated ? otherChars(ranges) : ranges;
}

function readMember(reader: RegexReader, char: string, ranges: CharRange[]): void {
  const start = reader.position - char.length;
  if (char === '[' && reader.peek() === ':') {
    const name = /^:(\^?)([a-z]+):\]/.exec(reader.rest);
    const posix = POSIX_CLASSES[name?.[2] ?? ''];
    if (name !== null && posix !== undefined) {
      reader.skip(name[0].length);
      ranges.push(...(name[1] === '^' ? otherChars(posix) : posix));
      return;
    }
  }
  const from = memberOf(reader, char);
  const [single] = from;
  const isPoint = from.length === 1 && single !== undefined && single[0] === single[1];
  if (reader.peek() !== '-' || reader.peek(1) === ']' || reader.peek(1) === '' || !isPoint) {
    ranges.push(...from);
    return;
  }
  reader.next();
  const endStart = reader.position;
  const ends = memberOf(reader, reader.next());
  const [to] = ends;
  if (to !== undefined && (ends.length > 1 || to[0] !== to[1])) {
    reader.refuseForXgrammar(
      start + 1,
      'Invalid character class: lower bound is larger than upper bound',
    );
    reader.refuseForRust(endStart, reader.position, 'invalid range boundary, must be a literal');
    return;
  }
  if (to === undefined || single === undefined) return;
  if (to[1] < single[0]) {
    reader.refuseForXgrammar(
      start + 1,
      'Invalid character class: lower bound is larger than upper bound',
    );
    reader.refuseForRust(
      start,
      reader.position,
      'invalid character class range, the start must be <= the end',
    );
    return;
  }
  ranges.push([single[0], to[1]]);
}

function memberOf(reader: RegexReader, char: string): readonly CharRange[] {
  if (char !== '\\') {
    const point = char.codePointAt(0) ?? 0;
    return [[point, point]];
  }
  // In a class, \b is the backspace.
  if (reader.peek() === 'b') {
    reader.next();
    return [[8, 8]];
  }
  return readEscape(reader) ?? [];
}
