/**
 * Writes MessagePack exactly as msgspec does: shortest integers, float64 for every float, shortest string and array
 * headers, and a map16 header on demand. msgpackr is not used for this: it writes 1.0 as the integer 1 and integers
 * from 2^32 on as floats, which msgspec refuses in an `int` field.
 */
import { assert } from '../assert.ts';

/** Arrays below this size travel inside the message, others in frames of their own. Source: VLLM_MSGPACK_ZERO_COPY_THRESHOLD. */
export const INLINE_ARRAY_MAX_BYTES = 256;

/** A MessagePack extension value of an untyped field. */
export interface ExtValue {
  readonly extType: number;
  readonly data: Uint8Array;
}

export function isExtValue(value: object): value is ExtValue {
  return 'extType' in value && 'data' in value && value.data instanceof Uint8Array;
}

/** A growing buffer for one message; `finish` hands it out as frames and ends the writer's life. */
export class MsgpackWriter {
  private buffer: Buffer;
  private position = 0;
  private readonly auxiliary: Uint8Array[] = [];

  constructor(expectedBytes: number) {
    this.buffer = Buffer.allocUnsafe(expectedBytes);
  }

  /** The message: the written bytes, then the auxiliary frames. */
  finish(): Uint8Array[] {
    const main = this.buffer.subarray(0, this.position);
    return this.auxiliary.length === 0 ? [main] : [main, ...this.auxiliary];
  }

  /** Adds an auxiliary frame and returns its index in the message. */
  addFrame(frame: Uint8Array): number {
    this.auxiliary.push(frame);
    return this.auxiliary.length;
  }

  private reserve(bytes: number): void {
    if (this.position + bytes <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(grown, 0, 0, this.position);
    this.buffer = grown;
  }

  /** Bytes that are MessagePack already. */
  raw(bytes: Uint8Array): void {
    const size = bytes.length;
    this.reserve(size);
    const { buffer, position } = this;
    if (size <= 32) for (let i = 0; i < size; i++) buffer[position + i] = bytes[i] as number;
    else buffer.set(bytes, position);
    this.position = position + size;
  }

  nil(): void {
    this.reserve(1);
    this.buffer[this.position++] = 0xc0;
  }

  bool(value: boolean): void {
    this.reserve(1);
    this.buffer[this.position++] = value ? 0xc3 : 0xc2;
  }

  /** The shortest form of an integer; a number must be a safe integer. */
  int(value: number | bigint): void {
    if (typeof value === 'bigint') {
      this.bigInt(value);
      return;
    }
    this.reserve(9);
    const { buffer, position } = this;
    if (value >= 0 && value < 0x80 && (value | 0) === value) {
      buffer[position] = value;
      this.position = position + 1;
      return;
    }
    assert(Number.isSafeInteger(value), () => `not an integer that a double keeps exact: ${value}`);
    if (value >= 0) this.position = writeUnsigned(buffer, position, value);
    else this.position = writeNegative(buffer, position, value);
  }

  private bigInt(value: bigint): void {
    if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.int(Number(value));
      return;
    }
    this.reserve(9);
    if (value >= 0n) {
      assert(value < 1n << 64n, () => `integer beyond 64 bits: ${value}`);
      this.buffer[this.position] = 0xcf;
      this.buffer.writeBigUInt64BE(value, this.position + 1);
    } else {
      assert(value >= -(1n << 63n), () => `integer beyond 64 bits: ${value}`);
      this.buffer[this.position] = 0xd3;
      this.buffer.writeBigInt64BE(value, this.position + 1);
    }
    this.position += 9;
  }

  float64(value: number): void {
    this.reserve(9);
    this.buffer[this.position] = 0xcb;
    this.buffer.writeDoubleBE(value, this.position + 1);
    this.position += 9;
  }

  str(value: string): void {
    const units = value.length;
    if (units < MAX_LOOPED_STRING) {
      this.reserve(2 + units);
      if (this.shortAscii(value, units)) return;
    }
    const size = Buffer.byteLength(value, 'utf8');
    this.reserve(5 + size);
    const { buffer } = this;
    if (size < 32) buffer[this.position++] = 0xa0 | size;
    else if (size < 0x100) {
      buffer[this.position++] = 0xd9;
      buffer[this.position++] = size;
    } else if (size < 0x10000) {
      buffer[this.position++] = 0xda;
      this.position = buffer.writeUInt16BE(size, this.position);
    } else {
      buffer[this.position++] = 0xdb;
      this.position = buffer.writeUInt32BE(size, this.position);
    }
    buffer.write(value, this.position, size === units ? 'latin1' : 'utf8');
    this.position += size;
  }

  /** Ids are most strings: a loop is faster than calls into the runtime. False when a unit is not ASCII. */
  private shortAscii(value: string, units: number): boolean {
    const { buffer } = this;
    let { position } = this;
    if (units < 32) buffer[position++] = 0xa0 | units;
    else {
      buffer[position++] = 0xd9;
      buffer[position++] = units;
    }
    for (let i = 0; i < units; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) return false;
      buffer[position++] = unit;
    }
    this.position = position;
    return true;
  }

  bin(value: Uint8Array): void {
    const size = value.length;
    this.reserve(5 + size);
    const { buffer } = this;
    if (size < 0x100) {
      buffer[this.position++] = 0xc4;
      buffer[this.position++] = size;
    } else if (size < 0x10000) {
      buffer[this.position++] = 0xc5;
      this.position = buffer.writeUInt16BE(size, this.position);
    } else {
      buffer[this.position++] = 0xc6;
      this.position = buffer.writeUInt32BE(size, this.position);
    }
    buffer.set(value, this.position);
    this.position += size;
  }

  ext(extType: number, data: Uint8Array): void {
    const size = data.length;
    this.reserve(6 + size);
    const { buffer } = this;
    const fixed = FIXEXT_BYTES.get(size);
    if (fixed !== undefined) buffer[this.position++] = fixed;
    else if (size < 0x100) {
      buffer[this.position++] = 0xc7;
      buffer[this.position++] = size;
    } else if (size < 0x10000) {
      buffer[this.position++] = 0xc8;
      this.position = buffer.writeUInt16BE(size, this.position);
    } else {
      buffer[this.position++] = 0xc9;
      this.position = buffer.writeUInt32BE(size, this.position);
    }
    this.position = buffer.writeInt8(extType, this.position);
    buffer.set(data, this.position);
    this.position += size;
  }

  arrayHeader(length: number): void {
    this.reserve(5);
    if (length < 16) this.buffer[this.position++] = 0x90 | length;
    else this.longHeader(0xdc, length);
  }

  mapHeader(length: number): void {
    this.reserve(5);
    if (length < 16) this.buffer[this.position++] = 0x80 | length;
    else this.longHeader(0xde, length);
  }

  /**
   * Begins a map of at most `maxLength` entries and returns where its header is, for `endMap`. The header's width
   * follows `maxLength`, as in msgspec: a small map of a struct with more than 15 fields has a map16 header.
   */
  beginMap(maxLength: number): number {
    const start = this.position;
    const size = maxLength < 16 ? 1 : 3;
    this.reserve(size);
    this.position = start + size;
    return start;
  }

  /** Fills in how many entries the map got. */
  endMap(start: number, maxLength: number, length: number): void {
    const { buffer } = this;
    if (maxLength < 16) {
      buffer[start] = 0x80 | length;
      return;
    }
    buffer[start] = 0xde;
    buffer[start + 1] = length >>> 8;
    buffer[start + 2] = length & 0xff;
  }

  private longHeader(code16: number, length: number): void {
    const { buffer } = this;
    if (length < 0x10000) {
      buffer[this.position++] = code16;
      this.position = buffer.writeUInt16BE(length, this.position);
    } else {
      buffer[this.position++] = code16 + 1;
      this.position = buffer.writeUInt32BE(length, this.position);
    }
  }

  /** An array of integers, the longest thing in a request: token ids, which need 1, 2, 3 or 5 bytes. */
  intArray(values: readonly number[]): void {
    const length = values.length;
    this.arrayHeader(length);
    this.reserve(length * 5);
    const { buffer } = this;
    let { position } = this;
    for (let i = 0; i < length; i++) {
      const value = values[i] as number;
      if (value >>> 0 !== value) {
        this.position = position;
        this.restOfIntArray(values, i);
        return;
      }
      if (value < 0x80) buffer[position++] = value;
      else if (value < 0x100) {
        buffer[position] = 0xcc;
        buffer[position + 1] = value;
        position += 2;
      } else if (value < 0x10000) {
        buffer[position] = 0xcd;
        buffer[position + 1] = value >>> 8;
        buffer[position + 2] = value & 0xff;
        position += 3;
      } else {
        buffer[position] = 0xce;
        buffer[position + 1] = value >>> 24;
        buffer[position + 2] = (value >>> 16) & 0xff;
        buffer[position + 3] = (value >>> 8) & 0xff;
        buffer[position + 4] = value & 0xff;
        position += 5;
      }
    }
    this.position = position;
  }

  /** From the first value on that is negative or needs more than 32 bits. */
  private restOfIntArray(values: readonly number[], start: number): void {
    for (let i = start; i < values.length; i++) this.int(values[i] as number);
  }

  /** Anything JSON-like, as Python would write the same value; integral numbers become integers. */
  any(value: unknown): void {
    if (value === null || value === undefined) this.nil();
    else if (typeof value === 'boolean') this.bool(value);
    else if (typeof value === 'string') this.str(value);
    else if (typeof value === 'bigint') this.int(value);
    else if (typeof value === 'number') {
      if (Number.isSafeInteger(value)) this.int(value);
      else this.float64(value);
    } else this.anyObject(value as object);
  }

  private anyObject(value: object): void {
    if (value instanceof Uint8Array) this.bin(value);
    else if (Array.isArray(value) || value instanceof Set) {
      this.arrayHeader(Array.isArray(value) ? value.length : value.size);
      for (const element of value) this.any(element);
    } else if (value instanceof Map) {
      this.mapHeader(value.size);
      for (const [key, element] of value) {
        this.any(key);
        this.any(element);
      }
    } else if (isExtValue(value)) this.ext(value.extType, value.data);
    else {
      const entries = Object.entries(value);
      this.mapHeader(entries.length);
      for (const [key, element] of entries) {
        this.str(key);
        this.any(element);
      }
    }
  }
}

/** Longer strings are written by the runtime. */
const MAX_LOOPED_STRING = 128;

const FIXEXT_BYTES: ReadonlyMap<number, number> = new Map([
  [1, 0xd4],
  [2, 0xd5],
  [4, 0xd6],
  [8, 0xd7],
  [16, 0xd8],
]);

/** Writes a non-negative safe integer at `position` and returns the position behind it. */
function writeUnsigned(buffer: Buffer, position: number, value: number): number {
  if (value < 0x80) {
    buffer[position] = value;
    return position + 1;
  }
  if (value < 0x100) {
    buffer[position] = 0xcc;
    buffer[position + 1] = value;
    return position + 2;
  }
  if (value < 0x10000) {
    buffer[position] = 0xcd;
    buffer[position + 1] = value >>> 8;
    buffer[position + 2] = value & 0xff;
    return position + 3;
  }
  if (value < 0x100000000) {
    buffer[position] = 0xce;
    return buffer.writeUInt32BE(value, position + 1);
  }
  buffer[position] = 0xcf;
  const low = buffer.writeUInt32BE(Math.floor(value / 0x100000000), position + 1);
  return buffer.writeUInt32BE(value % 0x100000000, low);
}

/** Writes a negative safe integer at `position` and returns the position behind it. */
function writeNegative(buffer: Buffer, position: number, value: number): number {
  if (value >= -0x20) return buffer.writeInt8(value, position);
  if (value >= -0x80) {
    buffer[position] = 0xd0;
    return buffer.writeInt8(value, position + 1);
  }
  if (value >= -0x8000) {
    buffer[position] = 0xd1;
    return buffer.writeInt16BE(value, position + 1);
  }
  if (value >= -0x80000000) {
    buffer[position] = 0xd2;
    return buffer.writeInt32BE(value, position + 1);
  }
  buffer[position] = 0xd3;
  return buffer.writeBigInt64BE(BigInt(value), position + 1);
}
