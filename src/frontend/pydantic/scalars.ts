/**
 * Texts, numbers, booleans and the words of an enumeration, as pydantic checks them in lax mode. Pure.
 * Source: pydantic-core src/validators (string.rs, int.rs, float.rs, bool.rs, literal.rs).
 */
import { pyLength, pyRepr } from '../../shared/python/str.ts';
import { isWellFormed } from '../../shared/python/surrogates.ts';
import { PyFloat, type PyValue } from '../../shared/python/values.ts';
import { parseBool, parseFloatText, parseInteger } from './lax-scalars.ts';
import { Exactness, type Result, type ValidationWalk } from './validation-walk.ts';

export interface ScalarBounds {
  readonly ge?: number;
  readonly le?: number;
  readonly gt?: number;
  /** No other type is taken for it. */
  readonly strict?: 1;
  readonly min_length?: number;
  readonly max_length?: number;
}

export const STRING_UNICODE = {
  type: 'string_unicode',
  msg: 'Input should be a valid string, unable to parse raw data as a unicode string',
} as const;

export function validateScalar(
  walk: ValidationWalk,
  kind: string,
  input: PyValue,
  bounds: ScalarBounds = {},
): Result {
  switch (kind) {
    case 'str':
      if (typeof input !== 'string') {
        return walk.fail('string_type', 'Input should be a valid string', input);
      }
      // A text without bounds is handed on unread.
      if (bounds.min_length === undefined && bounds.max_length === undefined) return input;
      return isWellFormed(input) ? checkLength(walk, input, bounds) : failUnicode(walk, input);
    case 'int':
      return validateInt(walk, input, bounds);
    case 'float':
      return validateFloat(walk, input, bounds);
    case 'bool':
      return bounds.strict === 1 && typeof input !== 'boolean'
        ? walk.fail('bool_type', 'Input should be a valid boolean', input)
        : validateBool(walk, input);
    case 'bytes':
      walk.floor(Exactness.LAX);
      if (typeof input === 'string') return input;
      return walk.fail('bytes_type', 'Input should be a valid bytes', input);
    case 'none':
      return input === null ? null : walk.fail('none_required', 'Input should be None', input);
    default:
      return input;
  }
}

/** A text with a lone surrogate, where it must be read. */
function failUnicode(walk: ValidationWalk, text: string): Result {
  return walk.fail(STRING_UNICODE.type, STRING_UNICODE.msg, text);
}

/** `type` is literal_error or enum. */
export function validateWord(
  walk: ValidationWalk,
  type: string,
  of: readonly (string | number | boolean)[],
  input: PyValue,
): Result {
  if (of.includes(input as never)) return input;
  if (typeof input === 'string' && !isWellFormed(input)) return failUnicode(walk, input);
  const words = of.map((item) => pyRepr(item));
  const last = words.pop() ?? '';
  const text = words.length === 0 ? last : `${words.join(', ')} or ${last}`;
  return walk.fail(type, `Input should be ${text}`, input, [['expected', pyRepr(text)]]);
}

function checkLength(
  walk: ValidationWalk,
  text: string,
  { min_length: min, max_length: max }: ScalarBounds,
): Result {
  const length = pyLength(text);
  const characters = (count: number) => `${count} ${count === 1 ? 'character' : 'characters'}`;
  if (max !== undefined && length > max) {
    const msg = `String should have at most ${characters(max)}`;
    return walk.fail('string_too_long', msg, text, [['max_length', String(max)]]);
  }
  if (min !== undefined && length < min) {
    const msg = `String should have at least ${characters(min)}`;
    return walk.fail('string_too_short', msg, text, [['min_length', String(min)]]);
  }
  return text;
}

function validateInt(
  walk: ValidationWalk,
  input: PyValue,
  { ge, le, gt, strict }: ScalarBounds,
): Result {
  const isInteger = typeof input === 'bigint' || Number.isInteger(input);
  if (strict === 1 && !isInteger) {
    return walk.fail('int_type', 'Input should be a valid integer', input);
  }
  if (typeof input === 'string' && !isWellFormed(input)) return failUnicode(walk, input);
  const value = parseInteger(input);
  if (typeof value === 'object') return walk.fail(value.type, value.msg, input);
  if (typeof input !== 'number' && typeof input !== 'bigint') walk.floor(Exactness.LAX);
  if (le !== undefined && value > exactBound(le, value)) {
    const text = boundText(le);
    return failBound(walk, 'le', input, text, text);
  }
  if (ge !== undefined && value < exactBound(ge, value)) {
    const text = boundText(ge);
    return failBound(walk, 'ge', input, text, text);
  }
  if (gt !== undefined && value <= exactBound(gt, value)) {
    const text = boundText(gt);
    return failBound(walk, 'gt', input, text, text);
  }
  // Only 64-bit fields carry what a double cannot; elsewhere such a number is out of every range anyway.
  return typeof value === 'bigint' && le === undefined ? Number(value) : value;
}

/** The bounds of a 64-bit integer lose their last digits in JSON.parse; messages print them exactly. */
function boundText(bound: number): string {
  if (bound >= 2 ** 63) return '9223372036854775807';
  return bound <= -(2 ** 63) ? '-9223372036854775808' : String(bound);
}

function exactBound(bound: number, value: number | bigint): number | bigint {
  return typeof value === 'bigint' ? BigInt(boundText(bound)) : bound;
}

function validateFloat(walk: ValidationWalk, input: PyValue, bounds: ScalarBounds): Result {
  if (input instanceof PyFloat) return checkFloatBounds(walk, input.value, input, bounds);
  if (typeof input === 'number' || typeof input === 'bigint') {
    if (typeof input === 'bigint' || Number.isInteger(input)) walk.floor(Exactness.STRICT);
    return checkFloatBounds(walk, Number(input), input, bounds);
  }
  walk.floor(Exactness.LAX);
  if (typeof input === 'boolean') return checkFloatBounds(walk, input ? 1 : 0, input, bounds);
  if (typeof input !== 'string') {
    return walk.fail('float_type', 'Input should be a valid number', input);
  }
  if (!isWellFormed(input)) return failUnicode(walk, input);
  const value = parseFloatText(input);
  if (value === null) {
    return walk.fail(
      'float_parsing',
      'Input should be a valid number, unable to parse string as a number',
      input,
    );
  }
  return checkFloatBounds(walk, value, input, bounds);
}

function checkFloatBounds(
  walk: ValidationWalk,
  value: number,
  input: PyValue,
  { ge, le }: ScalarBounds,
): Result {
  const repr = (bound: number) => pyRepr(Number.isInteger(bound) ? new PyFloat(bound) : bound);
  if (le !== undefined && value > le) return failBound(walk, 'le', input, String(le), repr(le));
  if (ge !== undefined && value < ge) return failBound(walk, 'ge', input, String(ge), repr(ge));
  return value;
}

const BOUND_WORDS = {
  le: ['less_than_equal', 'less than or equal to'],
  ge: ['greater_than_equal', 'greater than or equal to'],
  gt: ['greater_than', 'greater than'],
} as const;

function failBound(
  walk: ValidationWalk,
  bound: keyof typeof BOUND_WORDS,
  input: PyValue,
  shown: string,
  repr: string,
): Result {
  const [type, words] = BOUND_WORDS[bound];
  return walk.fail(type, `Input should be ${words} ${shown}`, input, [[bound, repr]]);
}

function validateBool(walk: ValidationWalk, input: PyValue): Result {
  if (typeof input === 'boolean') return input;
  walk.floor(Exactness.LAX);
  if (typeof input === 'string' && !isWellFormed(input)) return failUnicode(walk, input);
  const parsed = parseBool(input);
  return typeof parsed === 'object' ? walk.fail(parsed.type, parsed.msg, input) : parsed;
}
