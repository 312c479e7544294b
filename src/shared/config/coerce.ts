/**
 * From words to values: one setting, one text, one answer or an error that names the setting, the value, the limit and
 * what to write instead. Source: vllm/engine/arg_utils.py human_readable_int (0.33.0).
 */

import { ConfigError, reasonOf } from '../errors.ts';
import { isJsonObject } from '../json-object.ts';
import type { Field } from './field.ts';

/** The value of `words` for a setting. `origin` is how the user wrote it: `--port`, `VLLM_TWIN_PORT`. */
export function coerce(field: Field<unknown>, words: readonly string[], origin: string): unknown {
  if (field.kind === 'strings' || field.kind === 'ints') {
    if (words.length === 0) throw bad(origin, '', 'expects one value or more');
    return words.map((word) => coerceOne(field, word, origin));
  }
  const [word, second] = words;
  if (word === undefined || (word === '' && field.kind !== 'string'))
    throw bad(origin, '', 'expects a value');
  if (second !== undefined) throw bad(origin, words.join(' '), 'takes one value');
  return coerceOne(field, word, origin);
}

function coerceOne(field: Field<unknown>, word: string, origin: string): unknown {
  switch (field.kind) {
    case 'string':
      if (field.choices === undefined) return word;
      return isNone(word) ? null : choose(field, word, origin);
    case 'strings':
      return word;
    case 'bool':
      return coerceBool(word, origin);
    case 'int':
    case 'ints':
      return inBounds(field, parseInteger(word, origin), origin);
    case 'int_or_none':
      return isNone(word) ? null : inBounds(field, parseInteger(word, origin), origin);
    case 'human_int':
      return inBounds(field, coerceHumanInt(word, origin), origin);
    case 'human_int_or_auto':
      if (word.trim().toLowerCase() === 'auto') return -1;
      return inBounds(field, coerceHumanInt(word, origin), origin);
    case 'float':
      return inBounds(field, parseFloatStrictly(word, origin), origin);
    case 'size':
      return inBounds(field, parseSize(word, origin), origin);
    case 'choice':
      return choose(field, word, origin);
    case 'choice_or_ms':
      if (field.choices?.includes(word) !== true) {
        const rule = `must be ${field.choices?.join(', ')} or a number of milliseconds`;
        if (!/^\d+(\.\d+)?$/.test(word)) throw bad(origin, word, rule);
      }
      return word;
    case 'json':
      return parseJson(field, word, origin);
  }
}

function choose(field: Field<unknown>, word: string, origin: string): string {
  const { choices = [], synonyms } = field;
  if (choices.includes(word)) return word;
  const lower = word.toLowerCase();
  const alike = synonyms?.[lower] ?? (choices.includes(lower) ? lower : undefined);
  if (synonyms !== undefined && alike !== undefined) return alike;
  throw bad(origin, word, `must be one of ${choices.join(', ')}`);
}

function coerceBool(word: string, origin: string): boolean {
  if (['true', '1', 'yes', 'on'].includes(word.toLowerCase())) return true;
  if (['false', '0', 'no', 'off'].includes(word.toLowerCase())) return false;
  throw bad(origin, word, 'must be true or false');
}

function isNone(word: string): boolean {
  return word === 'None' || word === 'null' || word === 'none';
}

function parseInteger(word: string, origin: string): number {
  if (!/^\s*[+-]?\d+(_\d+)*\s*$/.test(word)) throw bad(origin, word, 'must be a whole number');
  return safeInteger(Number(word.replaceAll('_', '')), word, origin);
}

const DECIMAL_UNITS: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const BINARY_UNITS: Readonly<Record<string, number>> = {
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

function coerceHumanInt(word: string, origin: string): number {
  if (/^\s*\d+\.\d+[KMGT]\s*$/.test(word))
    throw bad(
      origin,
      word,
      'decimals are not allowed with binary suffixes (K, M, G, T: 2^n); did you mean ' +
        `${word.trim().toLowerCase()} (10^n)?`,
    );
  const value = parseHumanInt(word);
  return value === null ? parseInteger(word, origin) : safeInteger(value, word, origin);
}

/** `32k` is 32,000 and `25.6k` 25,600; `32K` is 32,768. Null for anything without such a unit. */
export function parseHumanInt(word: string): number | null {
  const match = /^(\d+(?:\.\d+)?)([kKmMgGtT])$/.exec(word.trim());
  if (match === null) return null;
  const [, digits = '', unit = ''] = match;
  const decimal = DECIMAL_UNITS[unit];
  if (decimal !== undefined) return Math.trunc(Number(digits) * decimal);
  return digits.includes('.') ? null : Number(digits) * (BINARY_UNITS[unit] ?? 1);
}

function parseFloatStrictly(word: string, origin: string): number {
  const value = Number(word);
  if (word.trim() === '' || !Number.isFinite(value)) throw bad(origin, word, 'must be a number');
  return value;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

function parseSize(word: string, origin: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/.exec(word.trim());
  if (/^\d+(?:\.\d+)?[kKmMgGtT]$/.test(word.trim())) return coerceHumanInt(word, origin);
  const unit = SIZE_UNITS[match?.[2]?.toLowerCase() ?? '?'];
  if (match === null || unit === undefined)
    throw bad(origin, word, 'must be bytes, or a size like 80GB (10^9) or 80GiB (2^30)');
  return safeInteger(Math.trunc(Number(match[1]) * unit), word, origin);
}

function parseJson(field: Field<unknown>, word: string, origin: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(word);
  } catch (cause) {
    throw bad(origin, word, `must be JSON (${reasonOf(cause)})`);
  }
  if (Array.isArray(field.defaultValue)) {
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
      throw bad(origin, word, 'must be a JSON list of strings, e.g. \'["*"]\'');
    return value;
  }
  if (!isJsonObject(value))
    throw bad(origin, word, 'must be a JSON object, e.g. \'{"key": "value"}\'');
  return value;
}

function safeInteger(value: number, word: string, origin: string): number {
  if (!Number.isSafeInteger(value))
    throw bad(origin, word, `must be below ${Number.MAX_SAFE_INTEGER}`);
  return value;
}

function inBounds(field: Field<unknown>, value: number, origin: string): number {
  if (field.choices !== undefined && !field.choices.includes(String(value)))
    throw bad(origin, String(value), `must be one of ${field.choices.join(', ')}`);
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = field;
  if (value >= min && value <= max) return value;
  const low = min === Number.MIN_VALUE ? 'more than 0' : `at least ${min}`;
  const bounds = [
    Number.isFinite(min) ? low : '',
    Number.isFinite(max) ? `at most ${max}` : '',
  ].filter((part) => part !== '');
  throw bad(origin, String(value), `must be ${bounds.join(' and ')}`);
}

function bad(origin: string, value: string, rule: string): ConfigError {
  const seen = value === '' ? '' : ` '${value.length > 120 ? `${value.slice(0, 120)}…` : value}'`;
  return new ConfigError('E_BAD_FLAG', `${origin}${seen}: ${rule}`);
}
