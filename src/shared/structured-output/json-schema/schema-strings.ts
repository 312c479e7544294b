/** Strings that a schema allows: by pattern, by format, by length, else a word. */
import type { Prng } from '../../prng.ts';
import type { Effort } from '../effort.ts';
import { GrammarError, grammarOf } from '../grammar.ts';
import { parseRegex } from '../regex-parser.ts';
import { makeSentence } from '../sentence.ts';
import { pickWord } from '../words.ts';
import type { Fields } from './schema-tree.ts';

/** Longer ones are cut by max_tokens anyway. */
const MAX_PATTERN_CHARS = 100_000;
const MAX_TRIES = 60;

/** Throws GrammarError where none is found. Without a pattern its length is up to minLength: the caller bounds it. */
export function drawString(schema: Fields, prng: Prng, effort: Effort): string {
  const { pattern, format } = schema;
  const bounds = lengthBounds(schema);
  if (bounds.min > bounds.max)
    throw new GrammarError(`minLength ${bounds.min} is greater than maxLength ${bounds.max}`);
  const make =
    typeof pattern === 'string'
      ? (index: number) => patternString(pattern, { prng, effort, index })
      : typeof format === 'string' && FORMATS[format] !== undefined
        ? () => FORMATS[format]?.(prng) ?? ''
        : null;
  if (make === null) return plainString(bounds, prng);
  for (let i = 0; i < MAX_TRIES; i += 1) {
    const drawn = make(i);
    effort.spend(drawn.length);
    const { length } = [...drawn];
    if (length >= bounds.min && length <= bounds.max) return drawn;
  }
  throw new GrammarError('no string of that length follows the pattern');
}

function lengthBounds({ minLength, maxLength }: Fields): { min: number; max: number } {
  return {
    min: typeof minLength === 'number' ? minLength : 0,
    max: typeof maxLength === 'number' ? maxLength : Infinity,
  };
}

/** The first tries leave repetitions short; later ones make them longer and longer. */
function patternString(
  pattern: string,
  { prng, effort, index }: { prng: Prng; effort: Effort; index: number },
): string {
  effort.spend(pattern.length);
  const { expr } = parseRegex(pattern);
  return makeSentence(grammarOf(expr), {
    seed: prng.nextUint32(),
    maxChars: MAX_PATTERN_CHARS,
    writeJson: () => '',
    effort,
    generosity: index < 4 ? 4 : index === 4 ? 0 : index * 2,
  });
}

function plainString({ min, max }: { min: number; max: number }, prng: Prng): string {
  let drawn = pickWord(prng);
  while (drawn.length < min) drawn += ` ${pickWord(prng)}`;
  if (drawn.length > Math.max(min, Math.min(max, drawn.length)))
    drawn = drawn.slice(0, Math.max(min, 0));
  if (drawn.length > max) drawn = drawn.slice(0, max);
  // A cut must not leave a blank at the end.
  return drawn.endsWith(' ') ? `${drawn.slice(0, -1)}s` : drawn;
}

const two = (value: number): string => String(value).padStart(2, '0');
const hex = (prng: Prng, digits: number): string =>
  Array.from({ length: digits }, () => prng.nextBelow(16).toString(16)).join('');

function date(prng: Prng): string {
  return `${2020 + prng.nextBelow(8)}-${two(1 + prng.nextBelow(12))}-${two(1 + prng.nextBelow(28))}`;
}

function time(prng: Prng): string {
  return `${two(prng.nextBelow(24))}:${two(prng.nextBelow(60))}:${two(prng.nextBelow(60))}Z`;
}

function domain(prng: Prng): string {
  return `${pickWord(prng)}.example.com`;
}

function uuid(prng: Prng): string {
  const variant = '89ab'[prng.nextBelow(4)];
  return `${hex(prng, 8)}-${hex(prng, 4)}-4${hex(prng, 3)}-${variant}${hex(prng, 3)}-${hex(prng, 12)}`;
}

/** JSON Schema's formats; any other is a plain string. */
const FORMATS: Readonly<Record<string, (prng: Prng) => string>> = {
  date,
  time,
  'date-time': (prng) => `${date(prng)}T${time(prng)}`,
  duration: (prng) => `P${1 + prng.nextBelow(30)}D`,
  email: (prng) => `${pickWord(prng)}@${domain(prng)}`,
  'idn-email': (prng) => `${pickWord(prng)}@${domain(prng)}`,
  hostname: domain,
  'idn-hostname': domain,
  ipv4: (prng) => `10.${prng.nextBelow(256)}.${prng.nextBelow(256)}.${1 + prng.nextBelow(254)}`,
  ipv6: (prng) => `2001:db8:${hex(prng, 4)}:0:0:0:0:${1 + prng.nextBelow(9)}`,
  uri: (prng) => `https://${domain(prng)}/${pickWord(prng)}`,
  iri: (prng) => `https://${domain(prng)}/${pickWord(prng)}`,
  'uri-reference': (prng) => `/${pickWord(prng)}`,
  'iri-reference': (prng) => `/${pickWord(prng)}`,
  'uri-template': (prng) => `/${pickWord(prng)}/{id}`,
  'json-pointer': (prng) => `/${pickWord(prng)}`,
  'relative-json-pointer': (prng) => `1/${pickWord(prng)}`,
  uuid,
  regex: () => '[a-z]+',
};
