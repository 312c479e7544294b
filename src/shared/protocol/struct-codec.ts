/**
 * Turns a struct's field table into its reader and writer. Which structs there are and what fields they have is in the
 * tables of struct-tables.ts; this file knows only the two layouts of msgspec: positional arrays and maps.
 */
import { assert } from '../assert.ts';
import { type FieldType, locate } from './field-types.ts';
import { DecodeFault, type MsgpackReader } from './msgpack-reader.ts';
import { MsgpackWriter } from './msgpack-writer.ts';

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

export interface StructTable {
  /** vLLM's class name, for error messages. */
  readonly name: string;
  /** `array`: positional, always all fields. `map`: all fields by name. `sparse`: a map without fields at their default. */
  readonly layout: 'array' | 'map' | 'sparse';
  /** The value of a leading `type` field, which tells the members of a union apart. */
  readonly tag?: string;
  readonly fields: readonly StructField[];
}

/** A struct's codec; it can stand where a field's type stands. */
export interface StructCodec<T> extends FieldType<T> {
  readonly table: StructTable;
  /** Reads the fields of a map whose header, and tag if there is one, were read. */
  readMapFields(reader: MsgpackReader, count: number): T;
}

type Values = Record<string, unknown>;

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

/** What a struct may bring along to be fast; without it the table alone does. */
export interface StructShape<T> {
  /** Makes an object with every field at its default: one literal, so that all share one shape. */
  readonly create?: () => T;
  /** Whether all optional fields have their defaults. */
  readonly isPlain?: (value: T) => boolean;
}

export function structCodec<T extends object>(
  table: StructTable,
  shape: StructShape<T> = {},
): StructCodec<T> {
  const template: Values = table.tag === undefined ? {} : { type: table.tag };
  for (const field of table.fields) template[field.key] = field.fallback;
  const make = (shape.create ?? (() => ({ ...template }))) as () => Values;
  const isPlain = (shape.isPlain ?? ((value) => hasDefaults(table, value as Values))) as (
    value: Values,
  ) => boolean;
  const codec = table.layout === 'array' ? arrayCodec(table, make, isPlain) : mapCodec(table, make);
  return codec as unknown as StructCodec<T>;
}

function hasDefaults(table: StructTable, value: Values): boolean {
  return table.fields.every((field) => field.required || value[field.key] === field.fallback);
}

function encodeOnce(write: (writer: MsgpackWriter) => void): Uint8Array {
  const writer = new MsgpackWriter(64);
  write(writer);
  return Uint8Array.from(writer.finish()[0] as Uint8Array);
}

function arrayCodec(
  table: StructTable,
  make: () => Values,
  isPlain: (value: Values) => boolean,
): StructCodec<Values> {
  const { name, fields } = table;
  const size = fields.length;
  const numRequired = fields.filter((field) => field.required).length;
  // Most outputs have nothing but defaults behind the required fields: those bytes are compared and copied whole.
  const defaultTail = encodeOnce((writer) => {
    for (const field of fields.slice(numRequired)) field.type.write(writer, field.fallback);
  });
  const expected = `an array, ${name}`;

  function read(reader: MsgpackReader): Values {
    const length = reader.arrayHeader(expected);
    if (length < numRequired) {
      throw locate(
        new DecodeFault(`an array of at least ${numRequired} elements`, `${length} elements`),
        name,
      );
    }
    const result = make();
    const known = Math.min(length, size);
    for (let i = 0; i < known; i++) {
      if (i === numRequired && length === size && reader.tryRaw(defaultTail)) return result;
      const field = fields[i] as StructField;
      try {
        result[field.key] = field.type.read(reader);
      } catch (error) {
        throw locate(error, `${name}.${field.wire}`);
      }
    }
    for (let i = size; i < length; i++) reader.any();
    return result;
  }

  function write(writer: MsgpackWriter, value: Values): void {
    writer.arrayHeader(size);
    const plain = isPlain(value);
    for (let i = 0; i < (plain ? numRequired : size); i++) {
      const field = fields[i] as StructField;
      field.type.write(writer, value[field.key]);
    }
    if (plain) writer.raw(defaultTail);
  }

  const readMapFields = (): never => {
    throw new DecodeFault(expected, 'a map');
  };
  return { table, read, write, readMapFields };
}

/** Whether a sparse map goes without the field: it has its default, or is empty where the default is. */
function isLeftOut(field: StructField, value: unknown): boolean {
  if (field.required) return false;
  if (value === field.fallback) return true;
  return Array.isArray(value) && value.length === 0 && Array.isArray(field.fallback);
}

function mapCodec(table: StructTable, make: () => Values): StructCodec<Values> {
  const { name, fields, tag } = table;
  const isSparse = table.layout === 'sparse';
  const keys = fields.map((field) => encodeOnce((writer) => writer.str(field.wire)));
  const indexOf = new Map(fields.map((field, index) => [field.wire, index]));
  const tagBytes =
    tag === undefined
      ? new Uint8Array()
      : encodeOnce((writer) => {
          writer.str('type');
          writer.str(tag);
        });
  const numTags = tag === undefined ? 0 : 1;
  const maxLength = fields.length + numTags;
  let requiredMask = 0;
  for (const [index, field] of fields.entries()) {
    if (!field.required) continue;
    assert(index < 31, `${name}.${field.wire}: required fields come first`);
    requiredMask |= 1 << index;
  }

  function read(reader: MsgpackReader): Values {
    return readMapFields(reader, reader.mapHeader(`a map, ${name}`));
  }

  function readMapFields(reader: MsgpackReader, count: number): Values {
    const result = make();
    let seenMask = 0;
    let next = 0;
    for (let entry = 0; entry < count; entry++) {
      // Fields nearly always come in the table's order, some left out: try the next ones before reading the key.
      let index = -1;
      for (let i = next; i < fields.length; i++) {
        if (reader.tryRaw(keys[i] as Uint8Array)) {
          index = i;
          break;
        }
      }
      if (index < 0) {
        index = indexOf.get(readKey(reader)) ?? -1;
        if (index < 0) {
          reader.any();
          continue;
        }
      }
      next = index + 1;
      const field = fields[index] as StructField;
      try {
        result[field.key] = field.type.read(reader);
      } catch (error) {
        throw locate(error, `${name}.${field.wire}`);
      }
      if (field.required) seenMask |= 1 << index;
    }
    if (seenMask !== requiredMask) throw missingFault(seenMask);
    return result;
  }

  function readKey(reader: MsgpackReader): string {
    try {
      return reader.str();
    } catch (error) {
      throw locate(error, `${name}'s key`);
    }
  }

  function missingFault(seenMask: number): unknown {
    const missing = fields.filter(
      (field, index) => field.required && (seenMask & (1 << index)) === 0,
    );
    const wires = missing.map((field) => field.wire).join(', ');
    return locate(new DecodeFault(`the required field ${wires}`, 'a map without it'), name);
  }

  function write(writer: MsgpackWriter, value: Values): void {
    const start = writer.beginMap(maxLength);
    let count = numTags;
    if (numTags > 0) writer.raw(tagBytes);
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as StructField;
      const fieldValue = value[field.key];
      if (isSparse && isLeftOut(field, fieldValue)) continue;
      count++;
      writer.raw(keys[i] as Uint8Array);
      field.type.write(writer, fieldValue);
    }
    writer.endMap(start, maxLength, count);
  }

  return { table, read, write, readMapFields };
}

/**
 * A union of tagged maps: the `type` entry names the member. Source: msgspec.Struct(tag=True).
 * The tag comes first, as msgspec writes it.
 */
export function taggedUnion<T extends { readonly type: string }>(
  what: string,
  members: readonly StructCodec<T>[],
): FieldType<T> {
  const byTag = new Map(members.map((member) => [member.table.tag ?? '', member]));
  const names = [...byTag.keys()].join(', ');
  return {
    read(reader) {
      const count = reader.mapHeader(`a map, one of ${names}`);
      const key = count === 0 ? '' : reader.str();
      if (key !== 'type') throw locate(new DecodeFault("a leading 'type'", `'${key}'`), what);
      const tag = reader.str();
      const member = byTag.get(tag);
      if (member === undefined) throw locate(new DecodeFault(`one of ${names}`, `'${tag}'`), what);
      return member.readMapFields(reader, count - 1);
    },
    write(writer, value) {
      const member = byTag.get(value.type);
      if (member === undefined) throw new TypeError(`${what} of unknown type ${value.type}`);
      member.write(writer, value);
    },
  };
}
