import { expect, it } from 'vitest';
import { isJsonObject } from '../../../src/shared/json-object.ts';

it.each([
  [{}, true],
  [{ a: 1 }, true],
  [[], false],
  [null, false],
  ['text', false],
  [1, false],
  [undefined, false],
])('tells whether %j is a JSON object', (value, expected) => {
  expect(isJsonObject(value)).toBe(expected);
});
