/** Expected values are pydantic 2.13's own answers. */
import { describe, expect, it } from 'vitest';
import {
  parseBool,
  parseFloatText,
  parseInteger,
} from '../../../../src/frontend/pydantic/lax-scalars.ts';
import { PyFloat } from '../../../../src/shared/python/values.ts';

describe('parseInteger', () => {
  it.each([
    [1, 1],
    [true, 1],
    [false, 0],
    ['7', 7],
    [' 7 ', 7],
    ['+7', 7],
    ['-7', -7],
    ['7.0', 7],
    ['1_000', 1000],
    [' -1_0.00 ', -10],
    [new PyFloat(1), 1],
    [10n ** 30n, 10n ** 30n],
    ['9007199254740993', 9007199254740993n],
    [new PyFloat(2 ** 60), 2n ** 60n],
  ] as const)('takes %s', (input, value) => {
    expect(parseInteger(input)).toBe(value);
  });

  it.each([
    ['7.5', 'int_parsing'],
    ['1__0', 'int_parsing'],
    ['_1', 'int_parsing'],
    ['1_', 'int_parsing'],
    ['x', 'int_parsing'],
    ['', 'int_parsing'],
    ['0x1', 'int_parsing'],
    ['9'.repeat(4301), 'int_parsing_size'],
    [1.5, 'int_from_float'],
    [new PyFloat(1e20), 'int_parsing_size'],
    [new PyFloat(2 ** 63), 'int_parsing_size'],
    [new PyFloat(Number.NaN), 'finite_number'],
    [new PyFloat(Number.POSITIVE_INFINITY), 'finite_number'],
    [null, 'int_type'],
    [[], 'int_type'],
    [{}, 'int_type'],
  ] as const)('refuses %s', (input, type) => {
    expect(parseInteger(input)).toMatchObject({ type });
  });

  it('takes 4,300 digits', () => {
    expect(typeof parseInteger('9'.repeat(4300))).toBe('bigint');
  });
});

describe('parseFloatText', () => {
  it.each([
    ['1.5', 1.5],
    [' nan', Number.NaN],
    ['-nan', Number.NaN],
    ['-inf', Number.NEGATIVE_INFINITY],
    ['+inf', Number.POSITIVE_INFINITY],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['1e3', 1000],
    ['1_0.5', 10.5],
    ['.5', 0.5],
    ['5.', 5],
    ['1_.0', 1],
    ['1._0', 1],
    ['+.5e-3', 0.0005],
  ])('reads %j', (text, value) => {
    expect(parseFloatText(text)).toBe(value);
  });

  it.each(['x', '', '.', '1e', '1_', '_1', '1__0', 'infx', 'xinf', '0x1'])('refuses %j', (text) => {
    expect(parseFloatText(text)).toBeNull();
  });
});

describe('parseBool', () => {
  it.each([
    ...['1', 'on', 't', 'true', 'y', 'yes', 'TRUE', 'Yes'].map((word) => [word, true] as const),
    ...['0', 'off', 'f', 'false', 'n', 'no', 'OFF'].map((word) => [word, false] as const),
    [1, true],
    [0, false],
    [new PyFloat(1), true],
    [new PyFloat(0), false],
  ] as const)('reads %s as %s', (input, value) => {
    expect(parseBool(input)).toBe(value);
  });

  it.each([
    [2, 'bool_parsing'],
    [new PyFloat(2), 'bool_parsing'],
    ['maybe', 'bool_parsing'],
    ['', 'bool_parsing'],
    [' true', 'bool_parsing'],
    [2n ** 62n, 'bool_parsing'],
    [2n ** 63n, 'bool_type'],
    [-(2n ** 63n), 'bool_parsing'],
    [-(2n ** 63n) - 1n, 'bool_type'],
    [0.5, 'bool_type'],
    [new PyFloat(1e300), 'bool_type'],
    [null, 'bool_type'],
    [[], 'bool_type'],
  ] as const)('refuses %s', (input, type) => {
    expect(parseBool(input)).toMatchObject({ type });
  });
});
