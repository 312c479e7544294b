/**
 * The kinds of values that wire fields have, each with its reader and writer. The struct tables name them; they mirror
 * msgspec's strict decoding: an int is no float, a bool no int, null only where the field allows it.
 */
import { DecodeFault, type MsgpackReader, setOwn } from './msgpack-reader.ts';
import { INLINE_ARRAY_MAX_BYTES, type MsgpackWriter } from './msgpack-writer.ts';
import type { NdArray } from './outputs.ts';

export interface FieldType<T> {
  read(reader: MsgpackReader): T;
  write(writer: MsgpackWriter, value: T): void;
}

export const bool: FieldType<boolean> = {
  read: (reader) => reader.bool(),
  write: (writer, value) => writer.bool(value),
};

export const int: FieldType<number> = {
  read: (reader) => reader.int(),
  write: (writer, value) => writer.int(value),
};

/** An integer that may need 64 bits, like a seed or a call id. */
export const int64: FieldType<number | bigint> = {
  read: (reader) => reader.int64(),
  write: (writer, value) => writer.int(value),
};

export const float: FieldType<number> = {
  read: (reader) => reader.float(),
  write: (writer, value) => writer.float64(value),
};

export const str: FieldType<string> = {
  read: (reader) => reader.str(),
  write: (writer, value) => writer.str(value),
};

export const intArray: FieldType<readonly number[]> = {
  read: (reader) => reader.intArray(),
  write: (writer, value) => writer.intArray(value),
};

/** A value of no declared type, like a utility call's arguments. */
export const any: FieldType<unknown> = {
  read: (reader) => reader.any(),
  write: (writer, value) => writer.any(value),
};

export const intOrStr: FieldType<number | string> = {
  read: (reader) => (reader.isInt() ? reader.int() : reader.str()),
  write: (writer, value) => (typeof value === 'number' ? writer.int(value) : writer.str(value)),
};

/** A block hash: 64 bits as an integer, or the digest's bytes. */
export const blockHash: FieldType<number | bigint | Uint8Array> = {
  read: (reader) => (reader.isBin() ? reader.bin() : reader.int64()),
  write: (writer, value) => (value instanceof Uint8Array ? writer.bin(value) : writer.int(value)),
};

export function nullable<T>(type: FieldType<T>): FieldType<T | null> {
  return {
    read: (reader) => (reader.tryNil() ? null : type.read(reader)),
    write: (writer, value) => (value === null ? writer.nil() : type.write(writer, value)),
  };
}

export function arrayOf<T>(type: FieldType<T>, what: string): FieldType<readonly T[]> {
  return {
    read(reader) {
      const length = reader.arrayHeader(`an array of ${what}`);
      const values: T[] = [];
      for (let index = 0; index < length; index++) {
        try {
          values.push(type.read(reader));
        } catch (error) {
          throw locate(error, `[${index}]`);
        }
      }
      return values;
    },
    write(writer, values) {
      writer.arrayHeader(values.length);
      for (const value of values) type.write(writer, value);
    },
  };
}

/** A map with string keys. */
export function mapOf<T>(type: FieldType<T>, what: string): FieldType<Readonly<Record<string, T>>> {
  return keyedMap({ type, what, readKey: (r) => r.str(), writeKey: (w, key) => w.str(key) });
}

/** A map with integer keys, which are decimal strings here. */
export function intMapOf<T>(
  type: FieldType<T>,
  what: string,
): FieldType<Readonly<Record<string, T>>> {
  return keyedMap({
    type,
    what,
    readKey: (reader) => String(reader.int64()),
    writeKey: (writer, key) => writer.int(BigInt(key)),
  });
}

function keyedMap<T>(options: {
  readonly type: FieldType<T>;
  readonly what: string;
  readonly readKey: (reader: MsgpackReader) => string;
  readonly writeKey: (writer: MsgpackWriter, key: string) => void;
}): FieldType<Readonly<Record<string, T>>> {
  const { type, what, readKey, writeKey } = options;
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
    write(writer, value) {
      const keys = Object.keys(value);
      writer.mapHeader(keys.length);
      for (const key of keys) {
        writeKey(writer, key);
        type.write(writer, value[key] as T);
      }
    },
  };
}

/** One of the values of an `as const` object of integers. */
export function enumOf<T extends number>(values: Readonly<Record<string, T>>): FieldType<T> {
  const known: ReadonlySet<number> = new Set(Object.values(values));
  const expected = `one of ${[...known].join(', ')}`;
  return {
    read(reader) {
      const value = reader.int();
      if (!known.has(value)) throw new DecodeFault(expected, `${value}`);
      return value as T;
    },
    write: (writer, value) => writer.int(value),
  };
}

const RAW_VIEW = 3;

/** Bytes an element takes, by numpy's type string or torch's type name; unknown types are not checked. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  bool: 1,
  uint8: 1,
  int8: 1,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  int32: 4,
  float32: 4,
  int64: 8,
  float64: 8,
};

function elementBytes(dtype: string): number | null {
  const numpy = /^[<>|=][biufc](\d{1,2})$/.exec(dtype);
  return numpy === null ? (ELEMENT_BYTES[dtype] ?? null) : Number(numpy[1]);
}

function readArray(reader: MsgpackReader): NdArray {
  const length = reader.arrayHeader('an array [dtype, shape, data]');
  if (length !== 3) throw new DecodeFault('an array [dtype, shape, data]', `${length} elements`);
  const dtype = reader.str();
  const shape = reader.intArray();
  const data = readArrayData(reader);
  const size = elementBytes(dtype);
  const expectedBytes = shape.reduce((product, n) => product * n, size ?? 1);
  if (shape.some((n) => n < 0) || (size !== null && expectedBytes !== data.length)) {
    throw new DecodeFault(
      `${expectedBytes} bytes for ${dtype} of shape [${shape.join(', ')}]`,
      `${data.length} bytes`,
    );
  }
  return { dtype, shape, data };
}

function readArrayData(reader: MsgpackReader): Uint8Array {
  if (!reader.isInt()) {
    const { extType, data } = reader.ext();
    if (extType !== RAW_VIEW) throw new DecodeFault('extension type 3', `${extType}`);
    return data;
  }
  const index = reader.int();
  const frame = index < 1 ? undefined : reader.frames[index];
  if (frame === undefined) {
    throw new DecodeFault(
      `the index of one of ${reader.frames.length - 1} auxiliary frames`,
      `${index}`,
    );
  }
  return frame;
}

function writeArray(writer: MsgpackWriter, value: NdArray, isInline: boolean): void {
  writer.arrayHeader(3);
  writer.str(value.dtype);
  writer.intArray(value.shape);
  if (isInline) writer.ext(RAW_VIEW, value.data);
  else writer.int(writer.addFrame(value.data));
}

/** Source: vllm/v1/serial_utils.py MsgpackEncoder._encode_ndarray (scalars are always inline). */
export const ndArray: FieldType<NdArray> = {
  read: readArray,
  write: (writer, value) =>
    writeArray(
      writer,
      value,
      value.shape.length === 0 || value.data.length < INLINE_ARRAY_MAX_BYTES,
    ),
};

/** Source: vllm/v1/serial_utils.py MsgpackEncoder._encode_tensor. */
export const tensor: FieldType<NdArray> = {
  read: readArray,
  write: (writer, value) => writeArray(writer, value, value.data.length < INLINE_ARRAY_MAX_BYTES),
};

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
  write(writer, value) {
    if (value === undefined) {
      writer.nil();
      return;
    }
    writer.arrayHeader(2);
    writer.nil();
    writer.any(value);
  },
};

/** Adds an index or a field to a fault on its way up; other errors are rethrown as they are. */
export function locate(error: unknown, step: string): unknown {
  if (error instanceof DecodeFault) error.path.unshift(step);
  return error;
}
