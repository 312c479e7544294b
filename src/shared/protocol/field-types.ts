/**
 * The kinds of values that wire fields have: how each is read, and how it is written. The struct tables name
 * them; they mirror msgspec's strict decoding: an int is no float, a bool no int, null only where the field allows it.
 */
import { setOwn } from '../set-own.ts';
import {
  ANY,
  BOOL,
  BYTES,
  type DeclaredType,
  dictOf,
  FLOAT,
  INT,
  listOf,
  literalOf,
  orNone,
  STR,
  unionOf,
} from './declared-type.ts';
import type { FrameWriter } from './frame-writer.ts';
import { DecodeFault, locate, type MsgpackReader } from './msgpack-reader.ts';
import type { WireStructs } from './wire-structs.ts';

/** Gives the codec of a struct by its name; which one it is depends on the version. */
export type StructResolver = (name: string) => FieldType<unknown>;

/** `read` and `write` stand alone: they may be taken out of it. */
export interface FieldType<T> {
  read(reader: MsgpackReader): T;
  write(value: T, writer: FrameWriter): void;
  /** What vLLM declares it to be. */
  readonly declared: DeclaredType;
  /** The same type with the structs inside it resolved; absent where there is none inside. */
  readonly bind?: (resolve: StructResolver) => FieldType<T>;
  /** What it is made of, for who looks at a message piece by piece; absent where it is one piece. */
  readonly inside?: FieldInside;
}

/** `kind` says how the types in `of` lie in the value. */
export interface FieldInside {
  readonly kind: 'nullable' | 'list' | 'map' | 'union';
  // biome-ignore lint/suspicious/noExplicitAny: what is inside can be of every type.
  readonly of: readonly FieldType<any>[];
}

/** The type with its structs resolved. */
export function bindType<T>(type: FieldType<T>, resolve: StructResolver): FieldType<T> {
  return type.bind === undefined ? type : type.bind(resolve);
}

export const bool: FieldType<boolean> = {
  read: (reader) => reader.bool(),
  write: (value, writer) => writer.bool(value),
  declared: BOOL,
};

export const int: FieldType<number> = {
  read: (reader) => reader.int(),
  write: (value, writer) => writer.int(value),
  declared: INT,
};

/** An integer that may need 64 bits, like a seed or a call id. */
export const int64: FieldType<number | bigint> = {
  read: (reader) => reader.int64(),
  write: (value, writer) => writer.int(value),
  declared: INT,
};

export const float: FieldType<number> = {
  read: (reader) => reader.float(),
  write: (value, writer) => writer.float(value),
  declared: FLOAT,
};

export const str: FieldType<string> = {
  read: (reader) => reader.str(),
  write: (value, writer) => writer.str(value),
  declared: STR,
};

export const bytes: FieldType<Uint8Array> = {
  read: (reader) => reader.bin(),
  write: (value, writer) => writer.bin(value),
  declared: BYTES,
};

/** Token ids, mostly. */
export const intArray: FieldType<readonly number[]> = {
  read: (reader) => reader.intArray(),
  write: (values, writer) => writer.intArray(values),
  declared: listOf(INT),
};

/** A value of no declared type, like a utility call's arguments. */
export const any: FieldType<unknown> = {
  read: (reader) => reader.any(),
  write: (value, writer) => writer.untyped(value),
  declared: ANY,
};

export const intOrStr: FieldType<number | string> = {
  read: (reader) => (reader.isInt() ? reader.int() : reader.str()),
  write: (value, writer) => (typeof value === 'number' ? writer.int(value) : writer.str(value)),
  declared: unionOf(INT, STR),
};

export const intOrBytes: FieldType<number | Uint8Array> = {
  read: (reader) => (reader.isBin() ? reader.bin() : reader.int()),
  write: (value, writer) => (typeof value === 'number' ? writer.int(value) : writer.bin(value)),
  declared: unionOf(INT, BYTES),
};

/** A block hash: 64 bits as an integer, or the digest's bytes. */
export const blockHash: FieldType<number | bigint | Uint8Array> = {
  read: (reader) => (reader.isBin() ? reader.bin() : reader.int64()),
  write: (value, writer) => (value instanceof Uint8Array ? writer.bin(value) : writer.int(value)),
  declared: unionOf(BYTES, INT),
};

/** A struct by its name in the tables; each version's own stands there once the type is bound. */
export function struct<N extends keyof WireStructs>(name: N): FieldType<WireStructs[N]> {
  const unbound = (): never => {
    throw new TypeError(`the type of struct ${name} is not bound to a version`);
  };
  return {
    read: unbound,
    write: unbound,
    declared: { kind: 'struct', struct: name },
    bind: (resolve) => resolve(name) as FieldType<WireStructs[N]>,
  };
}

export function nullable<T>(type: FieldType<T>): FieldType<T | null> {
  const { read, write } = type;
  return {
    read: (reader) => (reader.tryNil() ? null : read(reader)),
    write: (value, writer) => (value === null ? writer.nil() : write(value, writer)),
    declared: orNone(type.declared),
    bind: (resolve) => nullable(bindType(type, resolve)),
    inside: { kind: 'nullable', of: [type] },
  };
}

export function arrayOf<T>(type: FieldType<T>, what: string): FieldType<readonly T[]> {
  const { read: readOne, write: writeOne } = type;
  return {
    read(reader) {
      const length = reader.arrayHeader(`an array of ${what}`);
      const values: T[] = [];
      for (let index = 0; index < length; index++) {
        try {
          values.push(readOne(reader));
        } catch (error) {
          throw locate(error, `[${index}]`);
        }
      }
      return values;
    },
    write(values, writer) {
      writer.arrayHeader(values.length);
      for (let i = 0; i < values.length; i++) writeOne(values[i] as T, writer);
    },
    declared: listOf(type.declared),
    bind: (resolve) => arrayOf(bindType(type, resolve), what),
    inside: { kind: 'list', of: [type] },
  };
}

/** A map with string keys. */
export function mapOf<T>(type: FieldType<T>, what: string): FieldType<Readonly<Record<string, T>>> {
  return keyedMap({ type, what, keys: STR, readKey: str.read, writeKey: str.write });
}

/** A map with integer keys, which are decimal strings here. */
export function intMapOf<T>(
  type: FieldType<T>,
  what: string,
): FieldType<Readonly<Record<string, T>>> {
  return keyedMap({
    type,
    what,
    keys: INT,
    readKey: (reader) => String(reader.int64()),
    writeKey: (key, writer) => writer.int(BigInt(key)),
  });
}

interface KeyedMapOptions<T> {
  readonly type: FieldType<T>;
  readonly what: string;
  readonly keys: DeclaredType;
  readonly readKey: (reader: MsgpackReader) => string;
  readonly writeKey: (key: string, writer: FrameWriter) => void;
}

function keyedMap<T>(options: KeyedMapOptions<T>): FieldType<Readonly<Record<string, T>>> {
  const { type, what, keys: declaredKeys, readKey, writeKey } = options;
  return {
    read(reader) {
      const length = reader.mapHeader(`a map of ${what}`);
      const result: Record<string, T> = {};
      for (let i = 0; i < length; i++) {
        const key = readKey(reader);
        try {
          setOwn(result, key, type.read(reader));
        } catch (error) {
          throw locate(error, `[${JSON.stringify(key)}]`);
        }
      }
      return result;
    },
    write(value, writer) {
      const keys = Object.keys(value);
      writer.mapHeader(keys.length);
      for (const key of keys) {
        writeKey(key, writer);
        type.write(value[key] as T, writer);
      }
    },
    declared: dictOf(declaredKeys, type.declared),
    bind: (resolve) => keyedMap({ ...options, type: bindType(type, resolve) }),
    inside: { kind: 'map', of: [type] },
  };
}

/** One of the values of an `as const` object of integers; `name` is vLLM's of the Enum. */
export function enumOf<T extends number>(
  name: string,
  values: Readonly<Record<string, T>>,
): FieldType<T> {
  const known: ReadonlySet<number> = new Set(Object.values(values));
  const expected = `one of ${[...known].join(', ')}`;
  return {
    read(reader) {
      const value = reader.int();
      if (!known.has(value)) throw new DecodeFault(expected, `${value}`);
      return value as T;
    },
    write: (value, writer) => writer.int(value),
    declared: { kind: 'enum', name, values: [...known] },
  };
}

/** One of some words. */
export function wordOf<T extends string>(words: readonly T[]): FieldType<T> {
  const known: readonly string[] = words;
  return {
    read(reader) {
      const value = reader.str();
      if (!known.includes(value)) throw new DecodeFault(`one of ${known.join(', ')}`, value);
      return value as T;
    },
    write: (value, writer) => writer.str(value),
    declared: literalOf(words),
  };
}

/** A type that vLLM declares otherwise, or closer, than it is read here. */
export function declaredAs<T>(declared: DeclaredType, type: FieldType<T>): FieldType<T> {
  const { read, write, bind, inside } = type;
  if (bind === undefined || inside === undefined) return { read, write, declared };
  return {
    read,
    write,
    declared,
    bind: (resolve) => declaredAs(declared, bind(resolve)),
    inside,
  };
}

/**
 * A utility call's result: `[type information, value]`. Type information means pickled types, which vLLM refuses too
 * unless VLLM_ALLOW_INSECURE_SERIALIZATION is set. null on the wire (no result at all) is undefined here.
 */
export const utilityResult: FieldType<unknown> = {
  read(reader) {
    if (reader.tryNil()) return undefined;
    const length = reader.arrayHeader('an array [type information, value]');
    if (length !== 2) throw new DecodeFault('[type information, value]', `${length} elements`);
    if (!reader.tryNil()) throw new DecodeFault('no type information', 'some');
    return reader.any();
  },
  write(value, writer) {
    if (value === undefined) {
      writer.nil();
      return;
    }
    writer.arrayHeader(2);
    writer.nil();
    writer.untyped(value);
  },
  declared: orNone({ kind: 'custom', name: 'UtilityResult' }),
};
