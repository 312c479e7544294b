/** Named sets of characters, as regexes and Lark's common terminals have them. */
import { type CharRange, joinRanges } from './grammar.ts';

const code = (char: string): number => char.codePointAt(0) ?? 0;
const range = (first: string, last: string): CharRange => [code(first), code(last)];
const one = (char: string): CharRange => range(char, char);

export const DIGITS: readonly CharRange[] = [range('0', '9')];
export const WORD_CHARS: readonly CharRange[] = [
  range('0', '9'),
  range('A', 'Z'),
  one('_'),
  range('a', 'z'),
];
export const SPACES: readonly CharRange[] = [[0x09, 0x0d], one(' ')];

/** Of `[[:name:]]`. */
export const POSIX_CLASSES: Readonly<Record<string, readonly CharRange[]>> = {
  alnum: [range('0', '9'), range('A', 'Z'), range('a', 'z')],
  alpha: [range('A', 'Z'), range('a', 'z')],
  ascii: [[0, 0x7f]],
  blank: [one('\t'), one(' ')],
  cntrl: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  digit: DIGITS,
  graph: [range('!', '~')],
  lower: [range('a', 'z')],
  print: [range(' ', '~')],
  punct: [range('!', '/'), range(':', '@'), range('[', '`'), range('{', '~')],
  space: SPACES,
  upper: [range('A', 'Z')],
  word: WORD_CHARS,
  xdigit: [range('0', '9'), range('A', 'F'), range('a', 'f')],
};

/** The characters of a Unicode property in the Basic Multilingual Plane; null for one that is unknown. */
export function unicodeProperty(name: string): CharRange[] | null {
  let pattern: RegExp;
  try {
    pattern = new RegExp(`\\p{${name}}`, 'u');
  } catch {
    return null;
  }
  const ranges: [number, number][] = [];
  for (let point = 0; point <= 0xffff; point += 1) {
    if (!pattern.test(String.fromCodePoint(point))) continue;
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last[1] === point - 1) last[1] = point;
    else ranges.push([point, point]);
  }
  return ranges;
}

/** The ranges with the other case of their ASCII letters. */
export function withoutCase(ranges: readonly CharRange[]): CharRange[] {
  const both: CharRange[] = [...ranges];
  for (const [first, last] of ranges) {
    for (const [from, to, shift] of [
      [0x41, 0x5a, 0x20],
      [0x61, 0x7a, -0x20],
    ] as const) {
      const low = Math.max(first, from);
      const high = Math.min(last, to);
      if (low <= high) both.push([low + shift, high + shift]);
    }
  }
  return joinRanges(both);
}
