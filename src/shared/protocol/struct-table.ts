/**
 * A wire struct as data: its fields in the order that is the protocol. The next version's table is made from the last
 * one's by what changed.
 */
import { assert } from '../assert.ts';
import type { FieldType } from './field-types.ts';
import type { WireStructs } from './wire-structs.ts';

export interface StructField {
  /** vLLM's name, which maps have on the wire. */
  readonly wire: string;
  /** Our name. */
  readonly key: string;
  // biome-ignore lint/suspicious/noExplicitAny: a table holds fields of every type; the struct's interface is checked by its tests.
  readonly type: FieldType<any>;
  readonly required: boolean;
  /** What the field is when the peer left it out. */
  readonly fallback: unknown;
  /** null stands for the default, which this version's type cannot say otherwise; a later version's has it. */
  readonly nullIsDefault?: boolean;
}

/** What an object has that this version does not say. */
interface AbsentField {
  readonly key: string;
  /** What it is in every object that is read. */
  readonly value: unknown;
}

export interface StructTable<T = unknown> {
  /** vLLM's class name, for error messages. */
  readonly name: string;
  /** `array`: positional, always all fields. `map`: all fields by name. `sparse`: a map without fields at their default. */
  readonly layout: 'array' | 'map' | 'sparse';
  /** An array that may not be longer than its fields, as a NamedTuple's. */
  readonly isExact?: true;
  /** The value of a leading `type` field, which tells the members of a union apart. */
  readonly tag?: string;
  readonly fields: readonly StructField[];
  /** What other versions say besides: it has its default when read, and is not written. */
  readonly absent?: readonly AbsentField[];
  /** Makes an object with every field at its default: one literal, so that all share one shape. */
  readonly create?: () => T;
}

/** A version's structs, by their names in the code. */
export type WireTables = { readonly [N in keyof WireStructs]: StructTable<WireStructs[N]> };

/** The table's name of a field: `_eos_token_id` is `eosTokenId`. */
export function camelCase(wire: string): string {
  return wire
    .replace(/^_+/, '')
    .replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

export function required<T>(wire: string, type: FieldType<T>): StructField {
  return { wire, key: camelCase(wire), type, required: true, fallback: null };
}

export function optional<T>(wire: string, type: FieldType<T>, fallback: T): StructField {
  return { wire, key: camelCase(wire), type, required: false, fallback };
}

/** A field whose type cannot say null, where the objects have null for the default. */
export function orDefault<T>(wire: string, type: FieldType<T>, fallback: T): StructField {
  return { ...optional(wire, type, fallback), nullIsDefault: true };
}

/** The table with more fields, behind the ones it has. */
export function extend<T>(table: StructTable<T>, fields: readonly StructField[]): StructTable<T> {
  return withFields(table, [...table.fields, ...fields]);
}

/** The table with more fields, before one that it has. */
export function insert<T>(
  table: StructTable<T>,
  before: string,
  fields: readonly StructField[],
): StructTable<T> {
  const at = indexOf(table, before);
  return withFields(table, table.fields.toSpliced(at, 0, ...fields));
}

/** The table with another type, default or requirement of a field that it has, in its place. */
export function replace<T>(table: StructTable<T>, field: StructField): StructTable<T> {
  return withFields(table, table.fields.with(indexOf(table, field.wire), field));
}

/** The table with some of its fields before another one. */
export function move<T>(
  table: StructTable<T>,
  before: string,
  wires: readonly string[],
): StructTable<T> {
  const moved = wires.map((wire) => table.fields[indexOf(table, wire)] as StructField);
  const rest = { ...table, fields: table.fields.filter((field) => !moved.includes(field)) };
  return insert(rest, before, moved);
}

/**
 * The table without some of its fields, wherever they are. Objects keep them, at their defaults; what a required field
 * is then stands in `values`.
 */
export function without<T>(
  table: StructTable<T>,
  wires: readonly string[],
  values: Readonly<Record<string, unknown>> = {},
): StructTable<T> {
  const absent = wires.map((wire) => {
    const field = table.fields[indexOf(table, wire)] as StructField;
    assert(
      !field.required || wire in values,
      `${table.name}.${wire} is required: what is it where it is not said?`,
    );
    return { key: field.key, value: wire in values ? values[wire] : field.fallback };
  });
  const rest = table.fields.filter(({ wire }) => !wires.includes(wire));
  return { ...withFields(table, rest), absent: [...(table.absent ?? []), ...absent] };
}

function indexOf<T>(table: StructTable<T>, wire: string): number {
  const at = table.fields.findIndex((field) => field.wire === wire);
  assert(at >= 0, `${table.name} has no ${wire}`);
  return at;
}

/** Objects are made from the fields then: the literal knows the version it was written for. */
function withFields<T>(table: StructTable<T>, fields: readonly StructField[]): StructTable<T> {
  const known = new Set<string>();
  for (const { wire } of fields) {
    assert(!known.has(wire), `${table.name} has ${wire} already`);
    known.add(wire);
  }
  const { create: _, ...rest } = table;
  const keys = new Set(fields.map(({ key }) => key));
  const absent = table.absent?.filter(({ key }) => !keys.has(key));
  return { ...rest, fields, ...(absent === undefined ? {} : { absent }) };
}
