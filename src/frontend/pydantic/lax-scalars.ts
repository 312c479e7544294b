/**
 * How pydantic turns strings and other numbers into int, float and bool in lax mode. Pure.
 * Source: pydantic-core src/input/shared.rs.
 */
import { PyFloat, type PyValue } from '../../shared/python/values.ts';

export interface ScalarFault {
  readonly type: string;
  readonly msg: string;
}

const INT_TYPE: ScalarFault = { type: 'int_type', msg: 'Input should be a valid integer' };
const INT_PARSING: ScalarFault = {
  type: 'int_parsing',
  msg: 'Input should be a valid integer, unable to parse string as an integer',
};
const INT_PARSING_SIZE: ScalarFault = {
  type: 'int_parsing_size',
  msg: 'Unable to parse input string as an integer, exceeded maximum size',
};
const INT_FROM_FLOAT: ScalarFault = {
  type: 'int_from_float',
  msg: 'Input should be a valid integer, got a number with a fractional part',
};
const FINITE_NUMBER: ScalarFault = {
  type: 'finite_number',
  msg: 'Input should be a finite number',
};
const BOOL_PARSING: ScalarFault = {
  type: 'bool_parsing',
  msg: 'Input should be a valid boolean, unable to interpret input',
};
const BOOL_TYPE: ScalarFault = { type: 'bool_type', msg: 'Input should be a valid boolean' };

const MAX_DIGITS = 4300;
const TRUE_WORDS = new Set(['1', 'on', 't', 'true', 'y', 'yes']);
const FALSE_WORDS = new Set(['0', 'off', 'f', 'false', 'n', 'no']);

export function parseInteger(input: PyValue): number | bigint | ScalarFault {
  if (typeof input === 'number') return Number.isInteger(input) ? input : INT_FROM_FLOAT;
  if (typeof input === 'bigint') return input;
  if (typeof input === 'boolean') return input ? 1 : 0;
  if (input instanceof PyFloat) return integerFromFloat(input.value);
  if (typeof input !== 'string') return INT_TYPE;
  return integerFromText(input);
}

function integerFromFloat(value: number): number | bigint | ScalarFault {
  if (!Number.isFinite(value)) return FINITE_NUMBER;
  if (Math.abs(value) >= 2 ** 63) return INT_PARSING_SIZE;
  return Number.isSafeInteger(value) ? value : BigInt(value);
}

function integerFromText(text: string): number | bigint | ScalarFault {
  const trimmed = text.trim();
  if (trimmed.length > MAX_DIGITS) return INT_PARSING_SIZE;
  const match = /^([+-]?)(\d+(?:_\d+)*)(?:\.0*)?$/.exec(trimmed);
  if (match === null) return INT_PARSING;
  const digits = (match[2] ?? '').replaceAll('_', '');
  const value = BigInt(digits) * (match[1] === '-' ? -1n : 1n);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Null for what is no number. */
export function parseFloatText(text: string): number | null {
  const trimmed = text.trim();
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (word !== null) {
    if (word[2]?.toLowerCase() === 'nan') return Number.NaN;
    return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (!/^[+-]?(\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)([eE][+-]?\d[\d_]*)?$/.test(trimmed)) return null;
  if (/__|_$/.test(trimmed)) return null;
  return Number(trimmed.replaceAll('_', ''));
}

export function parseBool(input: PyValue): boolean | ScalarFault {
  if (typeof input === 'string') {
    const word = input.toLowerCase();
    if (TRUE_WORDS.has(word)) return true;
    return FALSE_WORDS.has(word) ? false : BOOL_PARSING;
  }
  if (typeof input === 'bigint') return isInt64(input) ? BOOL_PARSING : BOOL_TYPE;
  const value = input instanceof PyFloat ? input.value : input;
  if (typeof value !== 'number') return BOOL_TYPE;
  if (value === 0 || value === 1) return value === 1;
  return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? BOOL_PARSING : BOOL_TYPE;
}

function isInt64(value: bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}
