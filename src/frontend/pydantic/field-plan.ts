/**
 * How the fields of a class are filled, worked out once: a request sets a handful of fifty, so that only those are looked
 * at, and the rest come with a copy of the defaults. Pure.
 */
import type { PyDict, PyValue } from '../../shared/python/values.ts';
import type { SchemaField, SchemaFields } from './schema-node.ts';

export interface FieldPlan {
  /** In field order. */
  readonly fields: readonly (readonly [key: string, field: SchemaField])[];
  readonly indexOfKey: ReadonlyMap<string, number>;
  readonly required: readonly number[];
  /** Every field with its default, and null where it is required; null where some have neither. */
  readonly defaults: Readonly<Record<string, PyValue>> | null;
}

export function planFields(fields: SchemaFields): FieldPlan {
  const list = Object.entries(fields).map(([name, field]) => [field.alias ?? name, field] as const);
  return {
    fields: list,
    indexOfKey: new Map(list.map(([key], index) => [key, index])),
    required: list.flatMap(([, { r }], index) => (r === 1 ? [index] : [])),
    defaults: list.every(([, { r, d }]) => r === 1 || d !== undefined) ? defaultsOf(list) : null,
  };
}

function defaultsOf(list: FieldPlan['fields']): Readonly<Record<string, PyValue>> {
  // JSON.parse makes an object of the fast kind whatever its size, and copies of it are too; one that is filled key by
  // key becomes a hash table, which is slow to copy and to read.
  const names = list.map(([key]) => `${JSON.stringify(key)}:null`);
  const defaults = JSON.parse(`{${names.join(',')}}`) as Record<string, PyValue>;
  for (const [key, { d }] of list) if (d !== undefined) defaults[key] = d as PyValue;
  return defaults;
}

/** The fields to look at, in field order: those that the input sets, and the required ones. */
export function fieldsToCheck(
  { indexOfKey, required }: FieldPlan,
  input: PyDict,
): readonly number[] {
  const indices: number[] = [];
  for (const key of Object.keys(input)) {
    const index = input[key] === undefined ? undefined : indexOfKey.get(key);
    if (index !== undefined) insertSorted(indices, index);
  }
  for (const index of required) if (!indices.includes(index)) insertSorted(indices, index);
  return indices;
}

function insertSorted(indices: number[], index: number): void {
  let at = indices.length;
  indices.push(index);
  for (; at > 0 && (indices[at - 1] as number) > index; at--) {
    indices[at] = indices[at - 1] as number;
  }
  indices[at] = index;
}
