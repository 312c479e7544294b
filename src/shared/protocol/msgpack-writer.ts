/**
 * Writes MessagePack exactly as msgspec does, with msgpackr: what is no struct (frame-writer.ts). A value becomes
 * something that msgpackr writes as msgspec would (null, booleans, strings, bytes, 32-bit integers, floats with a
 * fraction, arrays, Maps), or one of the classes below, whose extension writes its bytes in place.
 */
import { addExtension, Packr } from 'msgpackr/pack';
import { assert } from '../assert.ts';
import { type ExtValue, isExtValue } from './ext-value.ts';

/** msgpackr reserves `size` bytes and says where; an extension may ask once. */
type AllocateForWrite = (size: number) => {
  readonly target: Buffer;
  readonly targetView: DataView;
  readonly position: number;
};

/** An extension in msgpackr's in-place form, which its own types leave out. */
interface InPlaceExtension<T> {
  readonly Class: new (...args: never[]) => T;
  readonly pack: (
    value: T,
    allocateForWrite: AllocateForWrite,
    pack: (value: unknown) => void,
  ) => void;
}

/** What msgpackr asks of an extension that packs and then leaves to it; never on the wire. */
const DUMMY_TYPE = 0x7f;

function addInPlaceExtension<T>({ Class, pack }: InPlaceExtension<T>): void {
  // The cast: msgpackr's types know only extensions that return their bytes.
  addExtension({ Class, type: DUMMY_TYPE, pack: pack as never });
}

/** A float that msgpackr would write as an integer. */
class Float64 {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

addInPlaceExtension({
  Class: Float64,
  pack({ value }: Float64, allocateForWrite) {
    const { target, targetView, position } = allocateForWrite(9);
    target[position] = 0xcb;
    targetView.setFloat64(position + 1, value);
  },
});

/** An integer from 2^32 on, which msgpackr would write as a float or as a signed one. */
class Uint64 {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

addInPlaceExtension({
  Class: Uint64,
  pack({ value }: Uint64, allocateForWrite) {
    const { target, targetView, position } = allocateForWrite(9);
    target[position] = 0xcf;
    targetView.setBigUint64(position + 1, value);
  },
});

/** An extension value of any type, which msgpackr would want to know beforehand. */
class Ext implements ExtValue {
  readonly extType: number;
  readonly data: Uint8Array;

  constructor(extType: number, data: Uint8Array) {
    this.extType = extType;
    this.data = data;
  }
}

const FIXEXT_BYTES: readonly number[] = [1, 2, 4, 8, 16];

addInPlaceExtension({
  Class: Ext,
  pack({ extType, data }: Ext, allocateForWrite) {
    const size = data.length;
    const fixed = FIXEXT_BYTES.indexOf(size);
    const sizeBytes = fixed >= 0 ? 0 : size < 0x100 ? 1 : size < 0x10000 ? 2 : 4;
    const { target, position } = allocateForWrite(2 + sizeBytes + size);
    target[position] = fixed >= 0 ? 0xd4 + fixed : 0xc7 + (sizeBytes >> 1);
    if (sizeBytes > 0) target.writeUIntBE(size, position + 1, sizeBytes);
    target.writeInt8(extType, position + 1 + sizeBytes);
    target.set(data, position + 2 + sizeBytes);
  },
});

export function packableExt(extType: number, data: Uint8Array): unknown {
  return new Ext(extType, data);
}

/** Whether msgpackr writes the number as an integer: it needs 32 bits at most, signed or not. */
function isInt32(value: number): boolean {
  return value >>> 0 === value || value >> 0 === value;
}

const MIN_INT64 = -(1n << 63n);
const MAX_UINT64 = (1n << 64n) - 1n;

/** An integer in its shortest form; a number must be a safe integer. */
export function packableInt(value: number | bigint): unknown {
  if (typeof value === 'number') {
    if (isInt32(value)) return value;
    assert(Number.isSafeInteger(value), () => `not an integer that a double keeps exact: ${value}`);
  } else {
    const number = Number(value);
    if (isInt32(number)) return number;
    assert(value >= MIN_INT64 && value <= MAX_UINT64, () => `integer beyond 64 bits: ${value}`);
  }
  return value < 0 ? BigInt(value) : new Uint64(BigInt(value));
}

/** A float in eight bytes, also where it has no fraction. */
export function packableFloat(value: number): unknown {
  return isInt32(value) ? new Float64(value) : value;
}

/** Anything JSON-like, as Python would write the same value; integral numbers become integers. */
export function packableUntyped(value: unknown): unknown {
  if (typeof value === 'bigint') return packableInt(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? packableInt(value) : value;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value) || value instanceof Set) return Array.from(value, packableUntyped);
  if (isExtValue(value)) return packableExt(value.extType, value.data);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return new Map(entries.map(([key, element]) => [packableUntyped(key), packableUntyped(element)]));
}

/**
 * Every message continues in msgpackr's buffer behind the last one, or in a new buffer; nothing that was handed out is
 * written again.
 */
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  useToJSON: false,
});

/** Behind a longer message the buffer starts anew: small messages would come out of equally long buffers. */
const LONG_MESSAGE_BYTES = 1024 * 1024;
const BUFFER_BYTES = 8192;

/** The bytes of one value, which is packable. */
export function packBytes(packable: unknown): Buffer {
  const bytes = packr.pack(packable);
  if (bytes.length > LONG_MESSAGE_BYTES) packr.useBuffer(Buffer.allocUnsafeSlow(BUFFER_BYTES));
  return bytes;
}
