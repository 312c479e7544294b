import { describe, expect, it } from 'vitest';
import { int, str } from '../../../../src/shared/protocol/field-types.ts';
import {
  extend,
  optional,
  required,
  type StructTable,
  without,
} from '../../../../src/shared/protocol/struct-table.ts';

const TABLE: StructTable<{ a: string; b: number }> = {
  name: 'Example',
  layout: 'array',
  fields: [required('a', str), optional('b', int, 1)],
  create: () => ({ a: '', b: 1 }),
};
const wires = ({ fields }: StructTable) => fields.map(({ wire }) => wire);

describe('a struct table of another version', () => {
  it('has new fields behind the old ones', () => {
    expect(wires(extend(TABLE, [optional('c', int, 2)]))).toEqual(['a', 'b', 'c']);
    expect(wires(TABLE)).toEqual(['a', 'b']);
  });

  it('lacks the fields that were taken out', () => {
    const longer = extend(TABLE, [optional('c', int, 2)]);
    expect(wires(without(longer, ['b']))).toEqual(['a', 'c']);
  });

  it("does not make objects with the first version's literal", () => {
    expect(extend(TABLE, [optional('c', int, 2)])).not.toHaveProperty('create');
  });

  it('is not made of a field twice, or without one that is not there', () => {
    expect(() => extend(TABLE, [required('a', str)])).toThrow('Example has a already');
    expect(() => without(TABLE, ['z'])).toThrow('Example has no z');
  });
});
