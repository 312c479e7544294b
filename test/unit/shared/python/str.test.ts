import { describe, expect, it } from 'vitest';
import { pyLength, pyRepr, pySlice, pyStr, pyStrRepr } from '../../../../src/shared/python/str.ts';
import { PyFloat } from '../../../../src/shared/python/values.ts';

describe('pyStr', () => {
  it.each([
    [null, 'None'],
    [true, 'True'],
    [false, 'False'],
    [16, '16'],
    ['auto', 'auto'],
    [[], '[]'],
    [['0', "it's"], `['0', "it's"]`],
  ] as const)('writes %j as %s', (value, text) => {
    expect(pyStr(value)).toBe(text);
  });
});

describe('pyStrRepr', () => {
  it.each([
    ['plain', "'plain'"],
    ["it's", `"it's"`],
    ['say "it\'s"', `'say "it\\'s"'`],
    ['a\\b', "'a\\\\b'"],
    ['\n\r\t', "'\\n\\r\\t'"],
    ['\u0000\u001f\u007f', "'\\x00\\x1f\\x7f'"],
    ['\u00a0\u0085', "'\\xa0\\x85'"],
    ['\u2028\u200b', "'\\u2028\\u200b'"],
    ['\u{e0001}', "'\\U000e0001'"],
    ['é 😀', "'é 😀'"],
  ])('writes %j as Python does', (text, repr) => {
    expect(pyStrRepr(text)).toBe(repr);
  });
});

describe('pyRepr', () => {
  it.each([
    [new PyFloat(3), '3.0'],
    [1.5, '1.5'],
    [1e21, '1000000000000000000000'],
    [2n ** 64n, '18446744073709551616'],
    ['a', "'a'"],
    [{ a: [1, null, true], b: { c: 'x' } }, "{'a': [1, None, True], 'b': {'c': 'x'}}"],
  ] as const)('writes %s as %s', (value, text) => {
    expect(pyRepr(value)).toBe(text);
  });
});

describe('lengths and slices', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['😀', 1],
    ['a😀b😀', 4],
    ['\ud800', 1],
    ['\ud800x', 2],
    ['\ud800\ue000', 2],
    ['\udc00\ud800', 2],
  ])('counts the code points of %j: %d', (text, length) => {
    expect(pyLength(text)).toBe(length);
  });

  it('cuts between code points', () => {
    expect(pySlice('a😀bc', 2)).toBe('a😀');
    expect(pySlice('abc', 3)).toBe('abc');
    expect(pySlice('abc', 2)).toBe('ab');
  });
});
