import { describe, expect, it } from 'vitest';
import { readPythonJson } from '../../../../src/shared/python/read-json.ts';

describe('readPythonJson', () => {
  it.each([
    ['{"a": [0.0, Infinity]}', { a: [0, Number.POSITIVE_INFINITY] }],
    ['[NaN, -Infinity]', [Number.NaN, Number.NEGATIVE_INFINITY]],
    ['[18446744073709551616, 1e400, true, null]', [2 ** 64, Number.POSITIVE_INFINITY, true, null]],
    ['[NaN, 18446744073709551616, true, null]', [Number.NaN, 2 ** 64, true, null]],
  ])('reads %s', (text, value) => {
    expect(readPythonJson(text)).toEqual(value);
  });

  it.each([
    ['\ufeff{}', 'Unexpected UTF-8 BOM: save it without a byte order mark'],
    ['{"a": inf}', 'Expecting value'],
    ['{"a": 1,}', 'Expecting property name enclosed in double quotes'],
    [`${'['.repeat(2000)}NaN${']'.repeat(2000)}`, 'maximum recursion depth exceeded'],
  ])('refuses what Python refuses: %s', (text, words) => {
    expect(() => readPythonJson(text)).toThrow(words);
  });
});
