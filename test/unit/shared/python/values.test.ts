import { describe, expect, it } from 'vitest';
import {
  get,
  isDict,
  isPyNumber,
  isTruthy,
  PyFloat,
  type PyValue,
  pyTypeName,
  toNumber,
  toPlain,
} from '../../../../src/shared/python/values.ts';

const CASES: readonly (readonly [PyValue, string, boolean, number])[] = [
  [null, 'NoneType', false, Number.NaN],
  [true, 'bool', true, 1],
  [false, 'bool', false, 0],
  [0, 'int', false, 0],
  [3, 'int', true, 3],
  [0.5, 'float', true, 0.5],
  [new PyFloat(0), 'float', false, 0],
  [new PyFloat(3), 'float', true, 3],
  [0n, 'int', false, 0],
  [2n ** 60n, 'int', true, 2 ** 60],
  ['', 'str', false, Number.NaN],
  ['x', 'str', true, Number.NaN],
  [[], 'list', false, Number.NaN],
  [[0], 'list', true, Number.NaN],
  [{}, 'dict', false, Number.NaN],
  [{ a: 1 }, 'dict', true, Number.NaN],
];

describe('values as Python sees them', () => {
  it.each(CASES)('knows type, truth and number of %s', (value, name, truth, number) => {
    expect(pyTypeName(value)).toBe(name);
    expect(isTruthy(value)).toBe(truth);
    expect(toNumber(value)).toBe(number);
    expect(isPyNumber(value)).toBe(!Number.isNaN(number));
    expect(isDict(value)).toBe(name === 'dict');
  });

  it('takes what is not there for false and no number', () => {
    expect(isTruthy(undefined)).toBe(false);
    expect(toNumber(undefined)).toBeNaN();
    expect(isPyNumber(undefined)).toBe(false);
  });

  it('unwraps floats at every depth and keeps the rest', () => {
    expect(toPlain({ a: [new PyFloat(2), 'x'], b: { c: new PyFloat(1) }, d: null })).toEqual({
      a: [2, 'x'],
      b: { c: 1 },
      d: null,
    });
  });

  it('gets null for None, for what is not there, and for what only the prototype has', () => {
    expect(get({ a: 1 }, 'a')).toBe(1);
    expect(get({ a: null }, 'a')).toBeNull();
    expect(get({}, 'a')).toBeNull();
    expect(get({}, 'toString')).toBeNull();
  });
});
