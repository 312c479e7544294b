import { expect, it } from 'vitest';
import { randomHex, randomUuid } from '../../../../src/frontend/llm/random-uuid.ts';

it('a random id has sixteen hexadecimal digits', () => {
  expect(randomUuid()).toMatch(/^[0-9a-f]{16}$/);
});

it('random digits are as many as asked for', () => {
  expect(randomHex(8)).toMatch(/^[0-9a-f]{8}$/);
  expect(randomHex(32)).toMatch(/^[0-9a-f]{32}$/);
});

it('no two ids are alike, however many are drawn', () => {
  const count = 3000;
  const ids = Array.from({ length: count }, (_, i) => (i % 3 === 0 ? randomHex(22) : randomUuid()));

  expect(new Set(ids).size).toBe(count);
  expect(ids.every((id, i) => id.length === (i % 3 === 0 ? 22 : 16))).toBe(true);
  // Bytes that were drawn but never filled would be zeros.
  expect(ids.filter((id) => id.startsWith('00000000'))).toHaveLength(0);
});
