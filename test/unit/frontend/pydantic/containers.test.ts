/** Expected faults are pydantic 2.13's own. */
import { describe, expect, it } from 'vitest';
import {
  validateDict,
  validateGenerator,
  validateList,
} from '../../../../src/frontend/pydantic/containers.ts';
import type { SchemaNode } from '../../../../src/frontend/pydantic/schema-node.ts';
import { SchemaValidator } from '../../../../src/frontend/pydantic/schema-validator.ts';
import { LazyItems } from '../../../../src/frontend/pydantic/validation-walk.ts';
import { faultsOf, NO_HOOKS, validate } from '../../../support/validate.ts';

it('has a rule for each kind of container', () => {
  expect([validateList, validateGenerator, validateDict].map((rule) => rule.length)).toEqual([
    3, 3, 3,
  ]);
});

describe('lists', () => {
  const ints: SchemaNode = { t: 'list', of: 'int' };

  it('converts every item', () => {
    expect(validate(ints, [1, '2', true])).toEqual({ value: [1, 2, 1] });
    expect(validate({ t: 'list', of: 'float' }, [1, '2.5'])).toEqual({ value: [1, 2.5] });
    expect(validate({ t: 'list', of: 'any' }, [1, 'x', null])).toEqual({ value: [1, 'x', null] });
  });

  it('reports every faulty item by its index', () => {
    expect(validate(ints, [1, 'a', 2.5])).toEqual({
      faults: [
        [
          'int_parsing',
          '1',
          'Input should be a valid integer, unable to parse string as an integer',
          [],
        ],
        [
          'int_from_float',
          '2',
          'Input should be a valid integer, got a number with a fractional part',
          [],
        ],
      ],
    });
  });

  it('bounds the items of bounded integers too', () => {
    const node: SchemaNode = { t: 'list', of: { t: 'int', ge: 0 } };
    expect(validate(node, [0, 1])).toEqual({ value: [0, 1] });
    expect(faultsOf(node, [0, -1])).toEqual([['greater_than_equal', '1']]);
  });

  it.each(['x', {}, null, 1])('refuses %j', (input) => {
    expect(validate(ints, input)).toEqual({
      faults: [['list_type', '', 'Input should be a valid list', []]],
    });
  });

  it.each([
    [
      { min_length: 1 },
      [],
      'too_short',
      'List should have at least 1 item after validation, not 0',
      'min_length',
      '1',
      '0',
    ],
    [
      { min_length: 2 },
      ['a'],
      'too_short',
      'List should have at least 2 items after validation, not 1',
      'min_length',
      '2',
      '1',
    ],
    [
      { max_length: 1 },
      ['a', 'b'],
      'too_long',
      'List should have at most 1 item after validation, not 2',
      'max_length',
      '1',
      '2',
    ],
    [
      { max_length: 2 },
      [1, 2, 3],
      'too_long',
      'List should have at most 2 items after validation, not 3',
      'max_length',
      '2',
      '3',
    ],
  ] as const)('counts the items: %j', (bounds, input, type, msg, name, limit, actual) => {
    expect(validate({ t: 'list', of: 'str', ...bounds }, input)).toEqual({
      faults: [
        [
          type,
          '',
          msg,
          [
            ['field_type', "'List'"],
            [name, limit],
            ['actual_length', actual],
          ],
        ],
      ],
    });
  });

  it('takes as many items as the bounds say', () => {
    const node: SchemaNode = { t: 'list', of: 'str', min_length: 1, max_length: 2 };
    expect(validate(node, ['a'])).toEqual({ value: ['a'] });
    expect(validate(node, ['a', 'b'])).toEqual({ value: ['a', 'b'] });
  });

  it('checks the items before it finds the list too short', () => {
    expect(validate({ t: 'list', of: 'str', min_length: 2 }, [1])).toEqual({
      faults: [['string_type', '0', 'Input should be a valid string', []]],
    });
  });
});

describe('generators', () => {
  const node: SchemaNode = { t: 'generator', of: 'int' };
  const items = (input: unknown) => {
    const result = new SchemaValidator({ root: node, defs: {} }, NO_HOOKS).validate(input as never);
    const value: unknown = result.ok ? result.value : null;
    return value instanceof LazyItems ? [value.items, value.node] : null;
  };

  it('keeps what can be iterated for later, unchecked', () => {
    expect(items(['x', 1])).toEqual([['x', 1], 'int']);
    expect(items('a😀')).toEqual([['a', '😀'], 'int']);
    expect(items({ a: 1, b: 2 })).toEqual([['a', 'b'], 'int']);
  });

  it('refuses what cannot', () => {
    expect(validate(node, 5)).toEqual({
      faults: [['iterable_type', '', 'Input should be iterable', []]],
    });
  });
});

describe('dicts', () => {
  const floats: SchemaNode = { t: 'dict', k: 'str', v: 'float' };

  it('converts every value', () => {
    expect(validate(floats, { a: '1', b: 2 })).toEqual({ value: { a: 1, b: 2 } });
    expect(validate({ t: 'dict', k: 'str', v: 'any' }, { a: [] })).toEqual({ value: { a: [] } });
  });

  it('reports every faulty value by its key', () => {
    expect(faultsOf(floats, { a: 'x', b: 1, c: [] })).toEqual([
      ['float_parsing', 'a'],
      ['float_type', 'c'],
    ]);
  });

  it.each([[[]], ['x'], [null]])('refuses %j', (input) => {
    expect(validate(floats, input)).toEqual({
      faults: [['dict_type', '', 'Input should be a valid dictionary', []]],
    });
  });
});
