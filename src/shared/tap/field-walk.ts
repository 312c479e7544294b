/**
 * Takes a message apart field by field, with the place of each one's bytes, by the field tables of a version. Unlike the
 * codec it goes on where something is wrong, and says what: a field that is missing, unknown, or of another type.
 */

import type { FieldType } from '../protocol/field-types.ts';
import { DecodeFault, MsgpackReader } from '../protocol/msgpack-reader.ts';
import type { StructCodec } from '../protocol/struct-codec.ts';
import type { StructField, StructTable } from '../protocol/struct-table.ts';
import { VLLM_VERSION } from '../version.ts';
import { docOf } from './field-docs.ts';
import type { FrameField } from './frame-line.ts';
import { shownValue } from './shown-value.ts';

/** A field with its value whole, whatever its length. */
export interface WalkedField extends FrameField {
  readonly fields: readonly WalkedField[] | null;
}

// biome-ignore lint/suspicious/noExplicitAny: a walk meets fields of every type.
type AnyType = FieldType<any>;

/** Where a field stands and what it is. */
interface FieldPlace {
  readonly name: string;
  readonly type: AnyType;
  readonly doc: string | null;
  readonly source: string | null;
}

export class FieldWalk {
  readonly #parts: readonly Uint8Array[];
  readonly #part: number;
  readonly #reader: MsgpackReader;
  readonly #isChecked: boolean;
  readonly #vllmVersion: string;

  /**
   * Walks `parts[part]`; the parts behind it are what arrays may point to. Unchecked, every value is read once, and not
   * compared with its type: a third of the work, for who wants values alone.
   */
  constructor(
    parts: readonly Uint8Array[],
    part: number,
    { isChecked = true, vllmVersion = VLLM_VERSION } = {},
  ) {
    this.#parts = parts;
    this.#part = part;
    this.#isChecked = isChecked;
    this.#vllmVersion = vllmVersion;
    this.#reader = new MsgpackReader(parts, part);
  }

  /** The fields of a struct that begins here. Throws DecodeFault where there is none, or where the bytes end. */
  struct(table: StructTable): WalkedField[] {
    return table.layout === 'array' ? this.#arrayFields(table) : this.#mapFields(table);
  }

  /** One value of a declared type. Throws DecodeFault where no value can be read at all. */
  value(place: FieldPlace): WalkedField {
    const start = this.#reader.offset;
    const inner = this.#inside(place.type);
    const end = this.#reader.offset;
    const whole = inner?.value ?? this.#read(start, end);
    return {
      name: place.name,
      value: whole.value,
      doc: place.doc,
      source: place.source,
      bytes: { part: this.#part, start, end },
      is_default: false,
      problem: inner === null && this.#isChecked ? this.#typeProblem(place.type, start, end) : null,
      fields: inner?.fields ?? null,
    };
  }

  /** What stands behind the message, in words; null where nothing does. */
  rest(): string | null {
    try {
      this.#reader.finish();
      return null;
    } catch (error) {
      return wordsOf(error);
    }
  }

  #arrayFields(table: StructTable): WalkedField[] {
    const length = this.#reader.arrayHeader(`an array, ${table.name}`);
    const known = table.fields.slice(0, length);
    const fields = known.map((field) => this.value(placeOf(table, field)));
    for (const field of table.fields.slice(length)) fields.push(...leftOut(table, field));
    for (let i = table.fields.length; i < length; i++) {
      fields.push({ ...this.#unknown(`[${i}]`), problem: this.#unknownText(table) });
    }
    return fields;
  }

  #mapFields(table: StructTable): WalkedField[] {
    const count = this.#reader.mapHeader(`a map, ${table.name}`);
    const byName = new Map(table.fields.map((field) => [field.wire, field]));
    const fields: WalkedField[] = [];
    const seen = new Set<string>();
    for (let i = 0; i < count; i++) {
      const key = this.#reader.isInt() ? String(this.#reader.int64()) : this.#reader.str();
      const field = byName.get(key);
      if (key === 'type' && table.tag !== undefined && field === undefined) {
        fields.push(this.#unknown(key));
      } else if (field === undefined) {
        fields.push({ ...this.#unknown(key), problem: this.#unknownText(table) });
      } else if (seen.has(key)) {
        fields.push({ ...this.value(placeOf(table, field)), problem: 'there twice' });
      } else fields.push(this.value(placeOf(table, field)));
      seen.add(key);
    }
    for (const field of table.fields)
      if (!seen.has(field.wire)) fields.push(...leftOut(table, field));
    return fields;
  }

  /** A value of which nothing is known. */
  #unknown(name: string): WalkedField {
    const start = this.#reader.offset;
    const value = this.#reader.any();
    const bytes = { part: this.#part, start, end: this.#reader.offset };
    const shown = shownValue(value);
    return {
      name,
      value: shown,
      doc: null,
      source: null,
      bytes,
      is_default: false,
      problem: null,
      fields: null,
    };
  }

  /** The pieces of a value that is made of some; null where it is one piece or not what it should be. */
  #inside(type: AnyType): { value: { value: unknown }; fields: WalkedField[] | null } | null {
    const start = this.#reader.offset;
    try {
      return this.#pieces(type);
    } catch (error) {
      if (!(error instanceof DecodeFault)) throw error;
      this.#reader.seek(start);
      // Whoever asks reads it as one piece, or finds that the bytes end.
      this.#reader.any();
      return null;
    }
  }

  #pieces(type: AnyType): { value: { value: unknown }; fields: WalkedField[] | null } | null {
    if (isStruct(type)) {
      const fields = this.struct(type.table);
      return { value: { value: namedValues(fields) }, fields };
    }
    const { inside } = type;
    const [first] = inside?.of ?? [];
    if (inside?.kind === 'nullable' && first !== undefined) {
      if (this.#reader.tryNil()) return { value: { value: null }, fields: null };
      return this.#pieces(first);
    }
    if (inside?.kind === 'union') return this.#unionPieces(inside.of);
    if (inside?.kind === 'list' && first !== undefined && isMadeOfPieces(first)) {
      return this.#listPieces(first);
    }
    const value = this.#reader.any();
    return this.#isChecked ? null : { value: { value: shownValue(value) }, fields: null };
  }

  #listPieces(type: AnyType) {
    const length = this.#reader.arrayHeader('an array');
    const fields: WalkedField[] = [];
    for (let i = 0; i < length; i++) {
      fields.push(this.value({ name: `[${i}]`, type, doc: null, source: null }));
    }
    return { value: { value: fields.map(({ value }) => value) }, fields };
  }

  #unionPieces(members: readonly AnyType[]) {
    const start = this.#reader.offset;
    this.#reader.mapHeader('a map');
    const key = this.#reader.str();
    const tag = key === 'type' ? this.#reader.str() : null;
    this.#reader.seek(start);
    const member = members.find((type) => isStruct(type) && type.table.tag === tag);
    if (member === undefined) throw new DecodeFault('a known type', `${tag}`);
    return this.#pieces(member);
  }

  #unknownText(table: StructTable): string {
    return `unknown: ${table.name} of vLLM ${this.#vllmVersion} has no such field`;
  }

  #read(start: number, end: number): { value: unknown } {
    const reader = new MsgpackReader(this.#parts, this.#part);
    reader.seek(start);
    const value = shownValue(reader.any());
    this.#reader.seek(end);
    return { value };
  }

  /** What the codec would say of the value. */
  #typeProblem(type: AnyType, start: number, end: number): string | null {
    const reader = new MsgpackReader(this.#parts, this.#part);
    reader.seek(start);
    try {
      type.read(reader);
      return reader.offset === end ? null : 'more than one value';
    } catch (error) {
      return wordsOf(error);
    }
  }
}

function isStruct(type: AnyType): type is StructCodec<unknown> {
  return 'table' in type;
}

/** Whether a list of it is worth taking apart. */
function isMadeOfPieces(type: AnyType): boolean {
  if (isStruct(type) || type.inside?.kind === 'union') return true;
  return type.inside?.kind === 'nullable' && type.inside.of.some(isMadeOfPieces);
}

function placeOf(table: StructTable, field: StructField): FieldPlace {
  const { doc, source } = docOf(table.name, field.wire);
  return { name: field.wire, type: field.type, doc, source };
}

/** Nothing where vLLM has no value for a field that is left out. */
function leftOut(table: StructTable, field: StructField): WalkedField[] {
  if (!field.required && field.fallback === undefined) return [];
  const { doc, source } = docOf(table.name, field.wire);
  const left: WalkedField = {
    name: field.wire,
    value: field.required ? null : shownValue(field.fallback),
    doc,
    source,
    bytes: null,
    is_default: !field.required,
    problem: field.required ? `missing: ${table.name}.${field.wire} is required` : null,
    fields: null,
  };
  return [left];
}

/** The fields as one object by their names; what has neither bytes nor a default is not in it. */
export function namedValues(fields: readonly FrameField[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    fields
      .filter(({ bytes, is_default }) => bytes !== null || is_default)
      .map(({ name, value }) => [name, value]),
  );
}

function wordsOf(error: unknown): string {
  if (!(error instanceof DecodeFault)) throw error;
  const where = error.path.length === 0 ? '' : `${error.path.join(' ')}: `;
  return `${where}expected ${error.expected}, got ${error.got}`;
}
