import { describe, expect, it } from 'vitest';
import { SchemaValidator } from '../../../../src/frontend/pydantic/schema-validator.ts';
import { faultsOf, NO_HOOKS, validate } from '../../../support/validate.ts';

describe('SchemaValidator', () => {
  it('follows references, and takes anything for one that leads nowhere', () => {
    const defs = { Int: 'int' } as const;
    expect(validate({ ref: 'Int' }, '1', { defs })).toEqual({ value: 1 });
    expect(validate({ ref: 'None' }, '1', { defs })).toEqual({ value: '1' });
  });

  it('takes null for a nullable node alone', () => {
    expect(validate({ t: 'nullable', of: 'int' }, null)).toEqual({ value: null });
    expect(validate({ t: 'nullable', of: 'int' }, '2')).toEqual({ value: 2 });
    expect(faultsOf('int', null)).toEqual([['int_type', '']]);
  });

  it('hands the input to the function that a node names before it checks', () => {
    const hooks = { ...NO_HOOKS, before: (name: string) => (name === 'one' ? 1 : 'x') };
    expect(validate({ t: 'before', fn: 'one', of: 'int' }, null, { hooks })).toEqual({ value: 1 });
    expect(faultsOf({ t: 'before', fn: 'x', of: 'int' }, 1, { hooks })).toEqual([
      ['int_parsing', ''],
    ]);
  });

  it('hands what one step of a chain made to the next, and ends at a fault', () => {
    expect(validate({ t: 'chain', of: ['int', { t: 'int', le: 5 }] }, '3')).toEqual({ value: 3 });
    expect(faultsOf({ t: 'chain', of: ['int', 'str'] }, 'x')).toEqual([['int_parsing', '']]);
  });

  it('checks what is wrapped', () => {
    expect(validate({ t: 'wrap', of: 'int' }, '1')).toEqual({ value: 1 });
    expect(validate({ t: 'after', fn: 'f', of: 'int' }, '1')).toEqual({ value: 1 });
  });

  it('knows no instance of a class', () => {
    expect(validate({ t: 'instance', name: 'Tensor' }, 1)).toEqual({
      faults: [
        ['is_instance_of', '', 'Input should be an instance of Tensor', [['class', "'Tensor'"]]],
      ],
    });
  });

  it('begins every place where it is told to, and starts afresh each time', () => {
    const validator = new SchemaValidator({ root: { t: 'list', of: 'int' }, defs: {} }, NO_HOOKS);
    const first = validator.validate(['x'], undefined, ['body']);
    expect(first.ok ? [] : first.errors.map(({ loc, input }) => [loc, input])).toEqual([
      [['body', 0], 'x'],
    ]);
    const second = validator.validate(['y'], 'int', ['other', 1]);
    expect(second.ok ? [] : second.errors.map(({ loc }) => loc)).toEqual([['other', 1]]);
    expect(validator.validate([1])).toEqual({ ok: true, value: [1] });
  });
});
