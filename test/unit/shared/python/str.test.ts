import { describe, expect, it } from 'vitest';
import { pyStr } from '../../../../src/shared/python/str.ts';

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
