/** Expected faults are pydantic 2.13's own, with contexts as Python reprs. */
import { describe, expect, it } from 'vitest';
import { validateScalar, validateWord } from '../../../../src/frontend/pydantic/scalars.ts';
import type { SchemaNode } from '../../../../src/frontend/pydantic/schema-node.ts';
import { PyFloat } from '../../../../src/shared/python/values.ts';
import { validate } from '../../../support/validate.ts';

const BOUNDED: SchemaNode = { t: 'int', ge: 0, le: 5 };
const INT64: SchemaNode = { t: 'int', ge: -(2 ** 63), le: 2 ** 63 };
const FLOAT: SchemaNode = { t: 'float', ge: 0, le: 1.5 };

describe('validateScalar', () => {
  it('is what the walk asks for every plain type', () => {
    expect(typeof validateScalar).toBe('function');
    expect(validate('any', { a: [1] })).toEqual({ value: { a: [1] } });
  });

  it.each([
    ['str', 'a', 'a'],
    ['int', '7', 7],
    ['int', 9007199254740993n, Number(9007199254740993n)],
    ['float', '1.5', 1.5],
    ['float', true, 1],
    ['float', false, 0],
    ['float', 10n ** 20n, 1e20],
    ['float', new PyFloat(3), 3],
    ['bool', 'yes', true],
    ['bool', false, false],
    ['bytes', 'a', 'a'],
    ['none', null, null],
    [{ t: 'str', min_length: 2, max_length: 3 }, 'ab', 'ab'],
    [{ t: 'str', min_length: 2, max_length: 3 }, 'abc', 'abc'],
    [BOUNDED, 0, 0],
    [BOUNDED, 5, 5],
    [INT64, 2n ** 63n - 1n, 2n ** 63n - 1n],
    [INT64, -(2n ** 63n), -(2n ** 63n)],
    [FLOAT, 1.5, 1.5],
    [FLOAT, 0, 0],
  ] as const)('takes %j of %s', (node, input, value) => {
    expect(validate(node as SchemaNode, input)).toEqual({ value });
  });

  const below = (type: string, bound: string, repr = bound) => [
    type === 'ge' ? 'greater_than_equal' : 'less_than_equal',
    '',
    `Input should be ${type === 'ge' ? 'greater' : 'less'} than or equal to ${bound}`,
    [[type, repr]],
  ];

  it.each([
    ['str', 1, ['string_type', '', 'Input should be a valid string', []]],
    [
      'int',
      'x',
      [
        'int_parsing',
        '',
        'Input should be a valid integer, unable to parse string as an integer',
        [],
      ],
    ],
    [
      'int',
      '9'.repeat(4301),
      [
        'int_parsing_size',
        '',
        'Unable to parse input string as an integer, exceeded maximum size',
        [],
      ],
    ],
    [
      'int',
      1.5,
      [
        'int_from_float',
        '',
        'Input should be a valid integer, got a number with a fractional part',
        [],
      ],
    ],
    ['int', new PyFloat(Number.NaN), ['finite_number', '', 'Input should be a finite number', []]],
    ['int', null, ['int_type', '', 'Input should be a valid integer', []]],
    [
      'float',
      'x',
      [
        'float_parsing',
        '',
        'Input should be a valid number, unable to parse string as a number',
        [],
      ],
    ],
    ['float', [], ['float_type', '', 'Input should be a valid number', []]],
    [
      'bool',
      2,
      ['bool_parsing', '', 'Input should be a valid boolean, unable to interpret input', []],
    ],
    ['bool', [], ['bool_type', '', 'Input should be a valid boolean', []]],
    ['bytes', 1, ['bytes_type', '', 'Input should be a valid bytes', []]],
    ['none', 1, ['none_required', '', 'Input should be None', []]],
    [
      { t: 'str', min_length: 2 },
      '😀',
      ['string_too_short', '', 'String should have at least 2 characters', [['min_length', '2']]],
    ],
    [
      { t: 'str', min_length: 1 },
      '',
      ['string_too_short', '', 'String should have at least 1 character', [['min_length', '1']]],
    ],
    [
      { t: 'str', max_length: 1 },
      'ab',
      ['string_too_long', '', 'String should have at most 1 character', [['max_length', '1']]],
    ],
    [
      { t: 'str', max_length: 3 },
      'abcd',
      ['string_too_long', '', 'String should have at most 3 characters', [['max_length', '3']]],
    ],
    [BOUNDED, -1, below('ge', '0')],
    [BOUNDED, '6', below('le', '5')],
    [INT64, 2n ** 63n, below('le', '9223372036854775807')],
    [INT64, -(2n ** 63n) - 1n, below('ge', '-9223372036854775808')],
    [FLOAT, -1, below('ge', '0', '0.0')],
    [FLOAT, '2', below('le', '1.5')],
    [FLOAT, new PyFloat(2), below('le', '1.5')],
  ] as const)('refuses %j of %s in pydantic’s words', (node, input, fault) => {
    expect(validate(node as SchemaNode, input)).toEqual({ faults: [fault] });
  });
});

describe('validateWord', () => {
  it('lists the words that would do', () => {
    expect(typeof validateWord).toBe('function');
    const node: SchemaNode = { t: 'literal', of: ['a', 'b', 'c'] };
    expect(validate(node, 'b')).toEqual({ value: 'b' });
    expect(validate(node, 'd')).toEqual({
      faults: [
        [
          'literal_error',
          '',
          "Input should be 'a', 'b' or 'c'",
          [['expected', `"'a', 'b' or 'c'"`]],
        ],
      ],
    });
    expect(validate({ t: 'enum', of: ['a'] }, 'b')).toEqual({
      faults: [['enum', '', "Input should be 'a'", [['expected', `"'a'"`]]]],
    });
    expect(validate({ t: 'enum', of: ['a'] }, 'a')).toEqual({ value: 'a' });
  });
});
