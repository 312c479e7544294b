import { describe, expect, it } from 'vitest';
import { weigh } from '../../../../src/frontend/openai/weigh.ts';

describe('the weight of a value', () => {
  it('is its characters and keys, and something for each value', () => {
    expect(weigh('abc', 1000)).toBe(19);
    expect(weigh({ role: 'user', content: ['x', null] }, 1000)).toBe(5 * 16 + 11 + 4 + 1);
  });

  it('is not counted on beyond its limit', () => {
    const messages = Array.from({ length: 1_000_000 }, () => 'x');
    expect(weigh(messages, 100)).toBeLessThan(150);
  });

  it('is found at any depth', () => {
    let value: unknown = 'deep';
    for (let i = 0; i < 100_000; i++) value = [value];
    expect(weigh(value, 10_000_000)).toBe(100_001 * 16 + 4);
  });
});
