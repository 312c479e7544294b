/**
 * Messages of a version made of its tables: one with every field at its default, and one more for each field that can hold
 * something else. What another version makes of them shows where the two do not understand each other. Pure.
 */
import type { DeclaredType } from '../declared-type.ts';
import { packableUntyped, packBytes } from '../msgpack-writer.ts';
import type { StructField, StructTable } from '../struct-table.ts';
import type { WireVersion } from '../wire-version.ts';
import { messageStruct, type TypedMessage } from './cross-decode.ts';
import { alternatives, tableOf } from './msgspec-walk.ts';

export interface SampleMessage {
  /** The field that is not at its default, `sampling_params.watermarking`; null where all are. */
  readonly field: string | null;
  /** The bytes of the msgpack frame. */
  readonly payload: Uint8Array;
}

/** A value in a message's place: what is packed. */
type Plain = unknown;
type Dict = Record<string, Plain>;

/** Structs inside structs; none is inside itself. */
const MAX_DEPTH = 8;

export function sampleMessages(version: WireVersion, kind: TypedMessage): readonly SampleMessage[] {
  return sampleStructs(version, messageStruct(kind));
}

/** The same for a struct by its name in the code. */
export function sampleStructs(version: WireVersion, struct: string): readonly SampleMessage[] {
  const table = tableOf(version, struct);
  const samples = new Samples(version);
  return [
    { field: null, payload: pack(samples.plain(table)) },
    ...[...samples.filled(table, '', 0)].map(({ field, value }) => ({
      field,
      payload: pack(value),
    })),
  ];
}

function pack(value: Plain): Uint8Array {
  return packBytes(packableUntyped(value));
}

interface Filled {
  readonly field: string;
  readonly value: Plain;
}

class Samples {
  readonly #version: WireVersion;

  constructor(version: WireVersion) {
    this.#version = version;
  }

  /** The struct with nothing but defaults. */
  plain(table: StructTable): Plain {
    return this.#struct(table, new Map());
  }

  /** The struct once for each field and each field inside it, with a value that is not the default. */
  *filled(table: StructTable, path: string, depth: number): Generator<Filled> {
    if (depth > MAX_DEPTH) return;
    for (const field of table.fields) {
      const at = path === '' ? field.wire : `${path}.${field.wire}`;
      for (const value of this.#valuesOf(field)) {
        yield { field: at, value: this.#struct(table, new Map([[field.wire, value]])) };
      }
      for (const { inner, wrap, isListed } of this.#structsIn(field.type.declared)) {
        const above = isListed ? `${at}[]` : at;
        for (const { field: deeper, value } of this.filled(inner, above, depth + 1)) {
          yield {
            field: deeper,
            value: this.#struct(table, new Map([[field.wire, wrap(value)]])),
          };
        }
      }
    }
  }

  #struct(table: StructTable, set: ReadonlyMap<string, Plain>): Plain {
    const value = (field: StructField): Plain =>
      set.has(field.wire) ? set.get(field.wire) : this.#defaultOf(field);
    if (table.layout === 'array') return table.fields.map(value);
    const result: Dict = table.tag === undefined ? {} : { type: table.tag };
    for (const field of table.fields) {
      const isLeftOut = table.layout === 'sparse' && !field.required && !set.has(field.wire);
      if (!isLeftOut) result[field.wire] = value(field);
    }
    return result;
  }

  #defaultOf(field: StructField): Plain {
    const { declared } = field.type;
    if (isNull(field)) return null;
    if (!field.required && declared.kind !== 'struct') return field.fallback ?? null;
    return this.#example(declared);
  }

  /** What the field's type can hold beside its default, for each alternative. */
  #valuesOf(field: StructField): readonly Plain[] {
    return alternatives(field.type.declared)
      .filter(({ kind }) => !(isNull(field) && kind === 'none'))
      .flatMap((alternative): readonly Plain[] => {
        if (alternative.kind === 'enum') return alternative.values;
        return alternative.kind === 'bool' ? [true, false] : [this.#example(alternative)];
      })
      .filter((value) => field.required || value !== field.fallback);
  }

  #example(type: DeclaredType): Plain {
    switch (type.kind) {
      case 'none':
      case 'any':
        return null;
      case 'bool':
        return true;
      case 'int':
        return 1;
      case 'float':
        return 0.5;
      case 'str':
        return 'a';
      case 'bytes':
        return Uint8Array.of(1);
      case 'list':
      case 'set':
      case 'tuple':
        return [this.#example(type.of)];
      case 'dict':
        return this.#dict(type.keys, type.values);
      case 'enum':
        return type.values[0];
      case 'struct':
        return this.plain(tableOf(this.#version, type.struct));
      case 'tagged':
        return this.plain(tableOf(this.#version, type.structs[0] as string));
      case 'custom':
        return CUSTOM_EXAMPLES[type.name] ?? null;
      case 'union':
        return this.#example(type.of[0] as DeclaredType);
    }
  }

  #dict(keys: DeclaredType, values: DeclaredType): Plain {
    return new Map([[this.#example(keys) ?? 'a', this.#example(values)]]);
  }

  /** Structs that a field of the type can hold, and how a value of one stands in it. */
  *#structsIn(type: DeclaredType): Generator<{
    readonly inner: StructTable;
    readonly wrap: (value: Plain) => Plain;
    readonly isListed: boolean;
  }> {
    const alone = { wrap: (value: Plain) => value, isListed: false };
    switch (type.kind) {
      case 'struct':
        yield { inner: tableOf(this.#version, type.struct), ...alone };
        return;
      case 'tagged':
        for (const struct of type.structs)
          yield { inner: tableOf(this.#version, struct), ...alone };
        return;
      case 'union':
        for (const alternative of type.of) yield* this.#structsIn(alternative);
        return;
      case 'list':
      case 'set':
      case 'tuple':
        for (const { inner, wrap } of this.#structsIn(type.of))
          yield { inner, wrap: (value) => [wrap(value)], isListed: true };
        return;
      default:
    }
  }
}

/** Whether the field is null unless somebody says more. */
function isNull({ type, required, fallback }: StructField): boolean {
  const takesNone = alternatives(type.declared).some(({ kind }) => kind === 'none');
  return takesNone && (required || (fallback ?? null) === null);
}

/** As the encoder writes them: an array of one number, no type information and a value. */
const CUSTOM_EXAMPLES: Readonly<Record<string, Plain>> = {
  'np.ndarray': ['<i4', [1], { extType: 3, data: Uint8Array.of(1, 0, 0, 0) }],
  'torch.Tensor': ['int32', [1], { extType: 3, data: Uint8Array.of(1, 0, 0, 0) }],
  UtilityResult: [null, 1],
  MultiModalKwargsItem: {},
};
