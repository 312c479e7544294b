import { describe, expect, it } from 'vitest';
import {
  formatGib,
  pythonFloatRepr,
  roundHalfEven2,
  toFixed2,
  withThousands,
} from '../../../../src/shared/python/float.ts';

describe('pythonFloatRepr', () => {
  it.each([
    [16, '16.0'],
    [0, '0.0'],
    [-0, '-0.0'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [1.5e22, '1.5e+22'],
    [2.459078590785908, '2.459078590785908'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [0.92, '0.92'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [0.1 + 0.2, '0.30000000000000004'],
    [Number.NaN, 'nan'],
  ])('writes %d as Python does: %s', (value, text) => {
    expect(pythonFloatRepr(value)).toBe(text);
  });
});

describe('toFixed2', () => {
  it.each([
    [0.125, '0.12'],
    [0.375, '0.38'],
    [0.625, '0.62'],
    [0.875, '0.88'],
    [2.5, '2.50'],
    [-0.125, '-0.12'],
    [1.005, '1.00'],
    [99.995, '100.00'],
    [13.3203125, '13.32'],
  ])('sends a tie to the even digit: %d is %s', (value, text) => {
    expect(toFixed2(value)).toBe(text);
  });
});

describe('formatGib', () => {
  it.each([
    [4294967296, '4.0'],
    [14302445568, '13.32'],
    [134217728, '0.12'],
    [2n ** 60n, '1073741824.0'],
    [0, '0.0'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatGib(bytes)).toBe(text);
  });
});

it('rounds a double without a fraction to itself', () => {
  expect(roundHalfEven2(2 ** 60)).toBe(2 ** 60);
});

it.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [131072, '131,072'],
  [1234567890, '1,234,567,890'],
])('separates thousands: %d is %s', (value, text) => {
  expect(withThousands(value)).toBe(text);
});
