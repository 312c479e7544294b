/** Expected faults are pydantic 2.13's own, a model's first one FastAPI's. */
import { describe, expect, it } from 'vitest';
import {
  validateDataclass,
  validateModel,
  validateTypedDict,
} from '../../../../src/frontend/pydantic/models.ts';
import type { SchemaNode } from '../../../../src/frontend/pydantic/schema-node.ts';
import { faultsOf, NO_HOOKS, validate } from '../../../support/validate.ts';

const f = { a: { s: 'int', r: 1 }, b: { s: 'str', d: 'z' }, c: { s: 'str' } } as const;
const MODEL: SchemaNode = { t: 'model', name: 'M', f };
const DATACLASS: SchemaNode = { t: 'dataclass', name: 'D', f, post: 1 };
const dict = (extra: 'allow' | 'ignore'): SchemaNode => ({ t: 'typed-dict', name: 'T', extra, f });
const KINDS = [MODEL, DATACLASS, dict('ignore')] as const;

it('has a rule for each kind of class', () => {
  expect([validateModel, validateDataclass, validateTypedDict].map((rule) => rule.length)).toEqual([
    3, 3, 3,
  ]);
});

describe.each(KINDS.map((node) => [(node as { t: string }).t, node] as const))('%s', (_t, node) => {
  it('converts fields, fills defaults and leaves out what has none', () => {
    expect(validate(node, { a: '1' })).toEqual({ value: { a: 1, b: 'z' } });
    expect(validate(node, { a: 1, b: 'y', c: 'x' })).toEqual({ value: { a: 1, b: 'y', c: 'x' } });
  });

  it('drops unknown fields', () => {
    expect(validate(node, { a: 1, q: 3 })).toEqual({ value: { a: 1, b: 'z' } });
  });

  it('reports every faulty and missing field', () => {
    expect(validate(node, { b: 1 })).toEqual({
      faults: [
        ['missing', 'a', 'Field required', []],
        ['string_type', 'b', 'Input should be a valid string', []],
      ],
    });
  });
});

describe('what is no dict', () => {
  it.each([
    [
      MODEL,
      [
        'model_attributes_type',
        '',
        'Input should be a valid dictionary or object to extract fields from',
        [],
      ],
    ],
    [
      DATACLASS,
      [
        'dataclass_type',
        '',
        'Input should be a dictionary or an instance of D',
        [['class_name', "'D'"]],
      ],
    ],
    [dict('allow'), ['dict_type', '', 'Input should be a valid dictionary', []]],
  ] as const)('is refused', (node, fault) => {
    expect(validate(node, [])).toEqual({ faults: [fault] });
  });
});

it('keeps the extra fields of a typed dict that allows them, after its own', () => {
  const result = validate(dict('allow'), { q: 3, a: 1 }) as { value: object };
  expect(Object.entries(result.value)).toEqual([
    ['a', 1],
    ['b', 'z'],
    ['q', 3],
  ]);
});

it('keeps of a model only the extra fields that the hooks name', () => {
  const hooks = { ...NO_HOOKS, keptExtras: ['kept', 'a'] };
  expect(validate(MODEL, { a: 1, kept: 2, q: 3 }, { hooks })).toEqual({
    value: { a: 1, b: 'z', kept: 2 },
  });
});

it('looks fields up under their aliases', () => {
  const node: SchemaNode = {
    t: 'model',
    name: 'M',
    f: { schema_: { s: 'int', r: 1, alias: 'schema' } },
  };
  expect(validate(node, { schema: 1 })).toEqual({ value: { schema: 1 } });
  expect(faultsOf(node, { schema_: 1 })).toEqual([['missing', 'schema']]);
});

it('lets a dataclass check itself once it is filled', () => {
  const seen: unknown[] = [];
  const hooks = {
    ...NO_HOOKS,
    dataclass: (name: string, fields: object) => seen.push([name, fields]),
  };
  validate(DATACLASS, { a: 1 }, { hooks });
  validate(DATACLASS, { a: 'x' }, { hooks });
  validate({ t: 'dataclass', name: 'E', f }, { a: 1 }, { hooks });
  expect(seen).toEqual([['D', { a: 1, b: 'z' }]]);
});
