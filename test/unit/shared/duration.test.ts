import { describe, expect, it } from 'vitest';
import { describeDuration, readDuration } from '../../../src/shared/duration.ts';

describe('a duration', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['24h', 86_400_000],
    ['2d', 172_800_000],
    ['0.5 s', 500],
    [' 5s ', 5_000],
    ['250', 250],
    ['0', 0],
    [250, 250],
    [0.5, 0.5],
  ])('%j is %d ms', (text, ms) => {
    expect(readDuration(text)).toBe(ms);
  });

  it.each([
    '',
    's',
    '-1s',
    '1 week',
    '1s2',
    '1e3',
    '.5s',
    '5S',
    `${'9'.repeat(400)}s`,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    true,
    null,
    undefined,
    ['5s'],
  ])('%j is none', (value) => {
    expect(readDuration(value)).toBeNull();
  });

  it.each([
    [250, '250 ms'],
    [30_000, '30 s'],
    [60_000, '1 min'],
    [90_000, '90 s'],
    [7_200_000, '2 h'],
    [1_500, '1500 ms'],
    [0, '0 ms'],
    [0.5, '0.5 ms'],
  ])('of %d ms is shown as %s', (ms, text) => {
    expect(describeDuration(ms)).toBe(text);
  });

  it('that is shown without its space is read as what it was', () => {
    for (const ms of [1, 999, 5_000, 60_000, 3_600_000])
      expect(readDuration(describeDuration(ms).replace(' min', 'm').replace(' ', ''))).toBe(ms);
  });
});
