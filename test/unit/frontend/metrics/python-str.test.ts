import { describe, expect, it } from 'vitest';
import { pythonFloat, pythonStr } from '../../../../src/frontend/metrics/python-str.ts';

describe('pythonFloat', () => {
  it.each([
    [16, '16.0'],
    [0.92, '0.92'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [1.5e22, '1.5e+22'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [-0, '-0.0'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NaN, 'nan'],
    [0.1 + 0.2, '0.30000000000000004'],
  ])('writes %d as Python does: %s', (value, text) => {
    expect(pythonFloat(value)).toBe(text);
  });
});

describe('pythonStr', () => {
  it.each([
    [null, 'None'],
    [true, 'True'],
    [false, 'False'],
    [16, '16'],
    ['auto', 'auto'],
    [[], '[]'],
    [['0', "it's"], `['0', "it's"]`],
  ] as const)('writes %j as %s', (value, text) => {
    expect(pythonStr(value)).toBe(text);
  });
});
