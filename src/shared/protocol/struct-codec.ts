/**
 * Turns a struct's field table into its reader and writer. Which structs there are and what fields they have is in the
 * tables of a version; this file knows only the two layouts of msgspec: positional arrays and maps.
 */
import { assert } from '../assert.ts';
import type { DeclaredType } from './declared-type.ts';
import { bindType, type FieldType, type StructResolver } from './field-types.ts';
import { FrameWriter } from './frame-writer.ts';
import { DecodeFault, locate, type MsgpackReader } from './msgpack-reader.ts';
import type { StructField, StructTable, WireTables } from './struct-table.ts';
import type { WireStructs } from './wire-structs.ts';

/** A struct's codec; it can stand where a field's type stands. */
export interface StructCodec<T> extends FieldType<T> {
  readonly table: StructTable<T>;
  /** Reads the fields of a map whose header, and tag if there is one, were read. */
  readMapFields(reader: MsgpackReader, count: number): T;
}

/** A version's codecs, by the structs' names in the code. */
export type StructCodecs = { readonly [N in keyof WireStructs]: StructCodec<WireStructs[N]> };

/** Makes the codecs of a version; structs may be inside others, but not inside themselves. */
export function createStructCodecs(tables: WireTables): StructCodecs {
  const made = new Map<string, StructCodec<unknown>>();
  const byName: Readonly<Record<string, StructTable>> = tables;
  const resolve = (name: string): StructCodec<unknown> => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const table = byName[name];
    assert(table !== undefined, () => `no table of struct ${name}`);
    const codec = structCodec(name, table, resolve);
    made.set(name, codec);
    return codec;
  };
  for (const name of Object.keys(byName)) resolve(name);
  return Object.fromEntries(made) as unknown as StructCodecs;
}

type Values = Record<string, unknown>;

function structCodec(
  struct: string,
  table: StructTable,
  resolve: StructResolver,
): StructCodec<unknown> {
  const template: Values = table.tag === undefined ? {} : { type: table.tag };
  for (const field of table.fields) template[field.key] = field.fallback;
  for (const { key, value } of table.absent ?? []) template[key] = value;
  const make = (table.create ?? (() => ({ ...template }))) as () => Values;
  const fields = table.fields.map((field) => ({ ...field, type: bindType(field.type, resolve) }));
  const bound = { ...table, fields } as StructTable<Values>;
  const declared: DeclaredType = { kind: 'struct', struct };
  const codec =
    table.layout === 'array' ? arrayCodec(bound, make, declared) : mapCodec(bound, make, declared);
  return codec as unknown as StructCodec<unknown>;
}

type Read = (reader: MsgpackReader) => unknown;
type Write = (value: unknown, writer: FrameWriter) => void;

/** By place: types are of several shapes, and finding a function in each of them is what would cost. */
function functionsOf(fields: readonly StructField[]): readonly [Read[], Write[]] {
  return [fields.map(({ type }) => type.read), fields.map(({ type }) => type.write)];
}

/** Gives an object's values in the order of the fields; a field that the object's maker does not know has its default. */
function valuesReader({ name, fields }: StructTable<Values>): (value: Values) => unknown[] {
  const keys = fields.map(({ key }) => key);
  const nullIsDefault = fields.some((field) => field.nullIsDefault === true);

  function oneByOne(value: Values): unknown[] {
    return fields.map((field) => {
      const fieldValue = value[field.key];
      if (fieldValue === null && field.nullIsDefault === true) return field.fallback;
      if (fieldValue !== undefined) return fieldValue;
      assert(!field.required, () => `${name}.${field.wire} is not set`);
      return field.fallback;
    });
  }

  if (nullIsDefault) return oneByOne;
  return (value) => {
    // Nearly all objects have the fields in their order, and looking them up one by one is what costs.
    const values: unknown[] = keys.slice();
    let count = 0;
    for (const key in value) {
      const fieldValue = value[key];
      if (key !== keys[count] || fieldValue === undefined) return oneByOne(value);
      values[count++] = fieldValue;
    }
    return count === keys.length ? values : oneByOne(value);
  };
}

function arrayCodec(
  table: StructTable<Values>,
  make: () => Values,
  declared: DeclaredType,
): StructCodec<Values> {
  const { name, fields, isExact } = table;
  assert(table.tag === undefined, `${name}: a tag stands in maps only`);
  const size = fields.length;
  const [reads, writes] = functionsOf(fields);
  const numRequired = fields.filter((field) => field.required).length;
  // Most outputs have nothing but defaults behind the required fields: those bytes are compared whole.
  const defaultTail = bytesOf((writer) => {
    for (const { type, fallback } of fields.slice(numRequired)) type.write(fallback, writer);
  });
  const valuesOf = valuesReader(table);
  const expected = `an array, ${name}`;

  function read(reader: MsgpackReader): Values {
    const length = reader.arrayHeader(expected);
    if (length < numRequired) {
      throw locate(
        new DecodeFault(`an array of at least ${numRequired} elements`, `${length} elements`),
        name,
      );
    }
    if (isExact === true && length > size) {
      throw locate(new DecodeFault(`an array of at most ${size} elements`, `${length}`), name);
    }
    const result = make();
    const known = Math.min(length, size);
    for (let i = 0; i < known; i++) {
      if (i === numRequired && length === size && reader.tryRaw(defaultTail)) return result;
      const field = fields[i] as StructField;
      try {
        result[field.key] = (reads[i] as Read)(reader);
      } catch (error) {
        throw locate(error, `${name}.${field.wire}`);
      }
    }
    for (let i = size; i < length; i++) reader.any();
    return result;
  }

  function hasDefaultTail(values: readonly unknown[]): boolean {
    for (let i = numRequired; i < size; i++)
      if (!Object.is(values[i], (fields[i] as StructField).fallback)) return false;
    return true;
  }

  function write(value: Values, writer: FrameWriter): void {
    const values = valuesOf(value);
    writer.arrayHeader(size);
    const isDefault = hasDefaultTail(values);
    const numWritten = isDefault ? numRequired : size;
    for (let i = 0; i < numWritten; i++) (writes[i] as Write)(values[i], writer);
    if (isDefault) writer.raw(defaultTail);
  }

  const readMapFields = (): never => {
    throw new DecodeFault(expected, 'a map');
  };
  return { read, write, declared, table, readMapFields };
}

/** Bytes with a buffer of their own. */
function bytesOf(write: (writer: FrameWriter) => void): Uint8Array {
  const writer = new FrameWriter();
  write(writer);
  return Uint8Array.from(writer.take());
}

/** Whether a sparse map goes without the field: it has its default, or is empty where the default is. */
function isLeftOut(field: StructField, value: unknown): boolean {
  if (field.required) return false;
  if (Object.is(value, field.fallback)) return true;
  return Array.isArray(value) && value.length === 0 && Array.isArray(field.fallback);
}

function mapCodec(
  table: StructTable<Values>,
  make: () => Values,
  declared: DeclaredType,
): StructCodec<Values> {
  const { name, fields, tag } = table;
  const isSparse = table.layout === 'sparse';
  const valuesOf = valuesReader(table);
  const [reads, writes] = functionsOf(fields);
  const keys = fields.map((field) => bytesOf((writer) => writer.str(field.wire)));
  const indexOf = new Map(fields.map((field, index) => [field.wire, index]));
  const tagEntry = bytesOf((writer) => {
    if (tag === undefined) return;
    writer.str('type');
    writer.str(tag);
  });
  const numTags = tag === undefined ? 0 : 1;
  const maxLength = fields.length + numTags;
  const requiredFields = fields.filter((field) => field.required);
  assert(requiredFields.length < 31, `${name}: too many required fields`);
  const maskOf = fields.map((field) => (field.required ? 1 << requiredFields.indexOf(field) : 0));
  const requiredMask = 2 ** requiredFields.length - 1;

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
        result[field.key] = (reads[index] as Read)(reader);
      } catch (error) {
        throw locate(error, `${name}.${field.wire}`);
      }
      seenMask |= maskOf[index] as number;
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
    const missing = requiredFields.filter((_, index) => (seenMask & (1 << index)) === 0);
    const wires = missing.map((field) => field.wire).join(', ');
    return locate(new DecodeFault(`the required field ${wires}`, 'a map without it'), name);
  }

  function write(value: Values, writer: FrameWriter): void {
    const values = valuesOf(value);
    const begin = writer.beginStruct(maxLength);
    writer.raw(tagEntry);
    let length = numTags;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as StructField;
      const fieldValue = values[i];
      if (isSparse && isLeftOut(field, fieldValue)) continue;
      writer.raw(keys[i] as Uint8Array);
      (writes[i] as Write)(fieldValue, writer);
      length += 1;
    }
    writer.endStruct(begin, maxLength, length);
  }

  return { read, write, declared, table, readMapFields };
}

/**
 * A union of tagged maps: the `type` entry names the member. Source: msgspec.Struct(tag=True).
 * The tag comes first, as msgspec writes it.
 */
export function taggedUnion<N extends keyof WireStructs>(
  what: string,
  members: readonly N[],
): FieldType<WireStructs[N] & { readonly type: string }> {
  const unbound = (): never => {
    throw new TypeError(`the members of ${what} are not bound to a version`);
  };
  return {
    read: unbound,
    write: unbound,
    declared: { kind: 'tagged', structs: members },
    bind: (resolve) =>
      unionOf(
        what,
        members,
        members.map((name) => resolve(name) as StructCodec<never>),
      ),
  };
}

function unionOf<T extends { readonly type: string }>(
  what: string,
  structs: readonly string[],
  members: readonly StructCodec<T>[],
): FieldType<T> {
  const byTag = new Map(members.map((member) => [member.table.tag ?? '', member]));
  const names = [...byTag.keys()].join(', ');
  return {
    inside: { kind: 'union', of: members },
    declared: { kind: 'tagged', structs },
    read(reader) {
      const count = reader.mapHeader(`a map, one of ${names}`);
      const key = count === 0 ? '' : reader.str();
      if (key !== 'type') throw locate(new DecodeFault("a leading 'type'", `'${key}'`), what);
      const tag = reader.str();
      const member = byTag.get(tag);
      if (member === undefined) throw locate(new DecodeFault(`one of ${names}`, `'${tag}'`), what);
      return member.readMapFields(reader, count - 1);
    },
    write(value, writer) {
      const member = byTag.get(value.type);
      if (member === undefined) throw new TypeError(`${what} of unknown type ${value.type}`);
      member.write(value, writer);
    },
  };
}
