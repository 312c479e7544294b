/** Expected choices and faults are pydantic 2.13's own; names of plain types do not show in places. */
import { describe, expect, it } from 'vitest';
import type { SchemaNode } from '../../../../src/frontend/pydantic/schema-node.ts';
import { validateUnion } from '../../../../src/frontend/pydantic/unions.ts';
import { PyFloat } from '../../../../src/shared/python/values.ts';
import { faultsOf, validate } from '../../../support/validate.ts';

const union = (...of: SchemaNode[]): SchemaNode => ({ t: 'union', of });
const model = (name: string, ...fields: string[]): SchemaNode => ({
  t: 'model',
  name,
  f: Object.fromEntries(fields.map((field) => [field, { s: 'int', d: 0 }])),
});
const typedDict = (name: string, f: Record<string, { s: SchemaNode; r?: 1 }>): SchemaNode => ({
  t: 'typed-dict',
  name,
  extra: 'ignore',
  f,
});

describe('validateUnion', () => {
  it('tries the members in order', () => {
    expect(validateUnion.length).toBe(3);
    expect(validate(union('str', 'any'), 'x')).toEqual({ value: 'x' });
  });

  it.each([
    ['an exact fit before an earlier conversion', union('int', 'str'), '1', '1'],
    ['the first exact fit', union('int', 'float'), 1, 1],
    ['a float for a float', union('int', 'float'), 1.5, 1.5],
    ['a conversion where nothing fits better', union('int', 'str'), new PyFloat(1), 1],
    ['the first of equal conversions', union('int', 'float'), '1', 1],
    ['a text before a boolean of that name', union('bool', 'int', 'str'), 'true', 'true'],
    ['a boolean for a boolean', union('int', 'bool'), true, true],
    ['an integer taken for a float before a conversion', union('bool', 'float'), 1, 1],
  ] as const)('takes %s', (_name, node, input, value) => {
    expect(validate(node, input)).toEqual({ value });
  });

  it('takes the model of which the input sets more fields, the first of equals', () => {
    const node = union(model('A', 'a', 'b'), model('B', 'a', 'c', 'd'));
    expect(validate(node, { a: 1, c: 2 })).toEqual({ value: { a: 1, c: 2, d: 0 } });
    expect(validate(node, { a: 1 })).toEqual({ value: { a: 1, b: 0 } });
    expect(validate(node, { a: 1, b: 1 })).toEqual({ value: { a: 1, b: 1 } });
  });

  it('counts the fields of typed dicts, nested ones too', () => {
    const x = { x: { s: 'int', r: 1 } } as const;
    const node = union(typedDict('A', x), typedDict('B', { ...x, y: { s: 'int' } }));
    expect(validate(node, { x: 1, y: 2 })).toEqual({ value: { x: 1, y: 2 } });
    expect(validate(node, { x: 1 })).toEqual({ value: { x: 1 } });
    const nested = union(
      typedDict('C', { a: { s: 'any' }, b: { s: 'any' } }),
      typedDict('D', { a: { s: typedDict('E', x) }, b: { s: 'any' } }),
    );
    expect(validate(nested, { a: { x: '1' }, b: 1 })).toEqual({ value: { a: { x: 1 }, b: 1 } });
  });

  it('takes of equal field counts the better fit: an integer is one for an integer before a float', () => {
    const withDefault: SchemaNode = {
      t: 'typed-dict',
      name: 'I',
      extra: 'ignore',
      f: { a: { s: 'int' }, b: { s: 'int', d: 0 } },
    };
    const node = union(typedDict('F', { a: { s: 'float' } }), withDefault);
    expect(validate(node, { a: 1 })).toEqual({ value: { a: 1, b: 0 } });
    expect(validate(node, { a: 1.5 })).toEqual({ value: { a: 1.5 } });
  });

  it('shows the faults of all members, by the names of classes and bounded integers', () => {
    expect(faultsOf(union(model('A', 'a'), model('B', 'a')), { a: 'x' })).toEqual([
      ['int_parsing', 'A.a'],
      ['int_parsing', 'B.a'],
    ]);
    expect(
      faultsOf(union({ t: 'int', ge: 0 }, { t: 'int', le: 5 }, { t: 'int' }, 'str'), null),
    ).toEqual([
      ['int_type', 'constrained-int'],
      ['int_type', 'constrained-int'],
      ['int_type', ''],
      ['string_type', ''],
    ]);
    expect(
      faultsOf(union({ ref: 'D' }, { t: 'list', of: 'str' }), [1], {
        defs: { D: { t: 'dataclass', name: 'Data', f: {} } },
      }),
    ).toEqual([
      ['dataclass_type', 'Data'],
      ['string_type', '0'],
    ]);
  });

  it('forgets the faults of other members once one fits', () => {
    const node: SchemaNode = typedDict('T', {
      first: { s: union('int', 'str') },
      second: { s: 'int' },
    });
    expect(faultsOf(node, { first: 'x', second: 'y' })).toEqual([['int_parsing', 'second']]);
  });

  it('passes a poor fit on to a union around it', () => {
    // The inner union converts, so the outer one prefers its own text.
    expect(validate(union(union('int', 'float'), 'str'), '1')).toEqual({ value: '1' });
  });
});

describe('a long list in a union', () => {
  const long = Array.from({ length: 200_000 }, (_, index) => index);

  it('is refused by as many faults as it has, of every member', () => {
    const faults = faultsOf(union('bool', { t: 'list', of: 'str' }), long);
    expect(faults).toHaveLength(long.length + 1);
  });

  it('costs nothing by the members that it does not fit', () => {
    const node = union({ t: 'list', of: 'str' }, { t: 'list', of: 'int' });
    expect(validate(node, long)).toEqual({ value: long });
  });
});
