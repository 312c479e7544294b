import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  checked,
  fieldPath,
  fields,
  inFile,
  integer,
  onlyFields,
  parse,
  string,
} from '../../../src/shared/schema.ts';

const RECORD = fields({
  id: string,
  sizes: v.optional(v.array(integer(1), 'a list of sizes'), []),
});

describe('what comes in', () => {
  it.each([
    ['the whole', [], 'FILE: the file is [], not an object'],
    ['a field that is missing', {}, 'FILE: id is missing, not a string'],
    ['a field of another type', { id: 7 }, 'FILE: id is 7, not a string'],
    [
      'an item of a list',
      { id: 'a', sizes: [1, 0] },
      'FILE: sizes[1] is 0, not an integer of at least 1',
    ],
    [
      'an integer that no double holds',
      { id: 'a', sizes: [2 ** 53] },
      'FILE: sizes[0] is 9007199254740992, not an integer',
    ],
    ['a long value', { id: ['x'.repeat(500)] }, `FILE: id is ["${'x'.repeat(78)}…, not a string`],
  ])('is refused with its name, what it is and what it should be: %s', (_, value, message) => {
    expect(() => parse(RECORD, value, inFile('FILE'))).toThrow(message);
  });

  it('may be told of from inside another field, by another name, with a remedy', () => {
    const place = { ...inFile('', 'traces[3]'), remedy: '; see the page' };
    expect(() => parse(RECORD, { id: null }, place)).toThrow(
      'traces[3].id is null, not a string; see the page',
    );
    const whole = { code: 'E_BAD_FLAG', whole: '--flag', noun: 'its value' } as const;
    expect(() => parse(RECORD, 1, whole)).toThrow('--flag: its value is 1, not an object');
  });

  it('may have further fields, unless it says otherwise', () => {
    expect(parse(RECORD, { id: 'a', more: 1 }, inFile('FILE'))).toEqual({ id: 'a', sizes: [] });
    const place = { code: 'E_BAD_FLAG', whole: '--flag', remedy: '; it takes id' } as const;
    expect(() => parse(onlyFields({ id: string }), { id: 'a', more: 1 }, place)).toThrow(
      '--flag: more is not known; it takes id',
    );
  });

  it('is handed on itself where it is large, not as a copy', () => {
    const value = { id: 'a', sizes: [1] };
    expect(checked(RECORD, value, inFile('FILE'))).toBe(value);
  });

  it('has paths as JavaScript writes them', () => {
    expect(fieldPath('', ['a', 0, 'b'])).toBe('a[0].b');
    expect(fieldPath('input', ['a', 1])).toBe('input.a[1]');
  });
});
