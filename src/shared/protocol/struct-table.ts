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
}

export interface StructTable<T = unknown> {
  /** vLLM's class name, for error messages. */
  readonly name: string;
  /** `array`: positional, always all fields. `map`: all fields by name. `sparse`: a map without fields at their default. */
  readonly layout: 'array' | 'map' | 'sparse';
  /** The value of a leading `type` field, which tells the members of a union apart. */
  readonly tag?: string;
  readonly fields: readonly StructField[];
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

/** The table with more fields, behind the ones it has. */
export function extend<T>(table: StructTable<T>, fields: readonly StructField[]): StructTable<T> {
  const known = new Set(table.fields.map(({ wire }) => wire));
  for (const { wire } of fields) assert(!known.has(wire), `${table.name} has ${wire} already`);
  return withFields(table, [...table.fields, ...fields]);
}

/** The table without some of its fields, wherever they are. */
export function without<T>(table: StructTable<T>, wires: readonly string[]): StructTable<T> {
  for (const name of wires) {
    assert(
      table.fields.some(({ wire }) => wire === name),
      `${table.name} has no ${name}`,
    );
  }
  return withFields(
    table,
    table.fields.filter(({ wire }) => !wires.includes(wire)),
  );
}

/** Objects are made from the fields then: the literal knows the version it was written for. */
function withFields<T>(table: StructTable<T>, fields: readonly StructField[]): StructTable<T> {
  const { create: _, ...rest } = table;
  return { ...rest, fields };
}
