/**
 * Writes a frame's MessagePack value by value as msgspec does, with nothing in between: a list made for msgpackr to write
 * cost 3.1 µs for a message of one output and its statistics, this 1.4. Untyped values are msgpackr's (msgpack-writer.ts).
 */
import { assert } from '../assert.ts';
import { packableUntyped, packBytes } from './msgpack-writer.ts';

/** Frames are written one behind the other into a buffer of this size, or of twice the frame that it had no room for. */
const BUFFER_BYTES = 16_384;
/** Behind a longer frame the buffer starts anew: small frames would come out of equally long buffers. */
const LONG_FRAME_BYTES = 1024 * 1024;
/** Longer strings are written by the runtime: its call costs about as much as a loop over this many characters. */
const MAX_LOOPED_STRING = 64;
const MIN_INT64 = -(1n << 63n);
const MAX_UINT64 = (1n << 64n) - 1n;
const FIXEXT_BYTES: readonly number[] = [1, 2, 4, 8, 16];

export class FrameWriter {
  /** What travels behind this frame: arrays that are too large to stand in it. */
  frames: Uint8Array[] = [];
  private buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  private start = 0;
  private position = 0;

  /** The bytes of what was written since the last call. Nothing that was handed out is written again. */
  take(): Buffer {
    const bytes = this.buffer.subarray(this.start, this.position);
    this.start = this.position;
    if (bytes.length > LONG_FRAME_BYTES) this.continueIn(Buffer.allocUnsafeSlow(BUFFER_BYTES));
    return bytes;
  }

  /** Forgets what was written since the last `take`. */
  reset(): void {
    this.position = this.start;
    this.frames = [];
  }

  /** Makes room for so many more bytes. */
  private need(bytes: number): void {
    if (this.position + bytes <= this.buffer.length) return;
    const frameBytes = this.position - this.start + bytes;
    this.continueIn(Buffer.allocUnsafeSlow(Math.max(BUFFER_BYTES, 2 * frameBytes)));
  }

  /** With what is written of the frame. */
  private continueIn(next: Buffer): void {
    this.buffer.copy(next, 0, this.start, this.position);
    this.buffer = next;
    this.position -= this.start;
    this.start = 0;
  }

  nil(): void {
    this.need(1);
    this.buffer[this.position++] = 0xc0;
  }

  bool(value: boolean): void {
    this.need(1);
    this.buffer[this.position++] = value ? 0xc3 : 0xc2;
  }

  /** In its shortest form; a number must be a safe integer. */
  int(value: number | bigint): void {
    this.need(9);
    const { buffer, position } = this;
    if (typeof value === 'bigint') this.bigint(value);
    else if (value >>> 0 === value) {
      if (value < 0x80) {
        buffer[position] = value;
        this.position = position + 1;
      } else if (value < 0x10000) this.unsigned(value < 0x100 ? 0xcc : 0xcd, value);
      else this.unsigned(0xce, value);
    } else if (value >> 0 === value) this.negative(value);
    else {
      assert(
        Number.isSafeInteger(value),
        () => `not an integer that a double keeps exact: ${value}`,
      );
      this.bigint(BigInt(value));
    }
  }

  /** Behind the code as many bytes as it says: 0xcc one, 0xcd two, 0xce four. */
  private unsigned(code: number, value: number): void {
    const { buffer } = this;
    buffer[this.position++] = code;
    if (code >= 0xce) {
      buffer[this.position++] = value >>> 24;
      buffer[this.position++] = value >>> 16;
    }
    if (code >= 0xcd) buffer[this.position++] = value >>> 8;
    buffer[this.position++] = value;
  }

  private negative(value: number): void {
    const { buffer, position } = this;
    if (value >= -0x20) this.position = buffer.writeInt8(value, position);
    else if (value >= -0x80) this.unsigned(0xcc, value);
    else if (value >= -0x8000) this.unsigned(0xcd, value);
    else this.unsigned(0xce, value);
    // The signed codes lie four behind the unsigned ones.
    if (value < -0x20) buffer[position] = (buffer[position] as number) + 4;
  }

  private bigint(value: bigint): void {
    if (BigInt.asIntN(32, value) === value || BigInt.asUintN(32, value) === value) {
      this.int(Number(value));
      return;
    }
    assert(value >= MIN_INT64 && value <= MAX_UINT64, () => `integer beyond 64 bits: ${value}`);
    const { buffer, position } = this;
    buffer[position] = value < 0 ? 0xd3 : 0xcf;
    if (value < 0) buffer.writeBigInt64BE(value, position + 1);
    else buffer.writeBigUInt64BE(value, position + 1);
    this.position = position + 9;
  }

  /** In eight bytes, also where it has no fraction. */
  float(value: number): void {
    this.need(9);
    this.buffer[this.position] = 0xcb;
    this.position = this.buffer.writeDoubleBE(value, this.position + 1);
  }

  str(value: string): void {
    const { length } = value;
    if (length > MAX_LOOPED_STRING || !this.tryAscii(value)) {
      const size = Buffer.byteLength(value);
      this.need(5 + size);
      this.sized(size, { short: size < 0x20 ? 0xa0 | size : null, wide: 0xd9 });
      this.position += this.buffer.write(value, this.position, 'utf8');
    }
  }

  /** At most MAX_LOOPED_STRING characters; false, and nothing written, where one is not ASCII. */
  private tryAscii(value: string): boolean {
    const { length } = value;
    this.need(2 + length);
    const { buffer } = this;
    let { position } = this;
    if (length < 0x20) buffer[position++] = 0xa0 | length;
    else {
      buffer[position++] = 0xd9;
      buffer[position++] = length;
    }
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      buffer[position++] = code;
    }
    this.position = position;
    return true;
  }

  bin(data: Uint8Array): void {
    this.need(5);
    this.sized(data.length, { short: null, wide: 0xc4 });
    this.raw(data);
  }

  ext(extType: number, data: Uint8Array): void {
    const size = data.length;
    this.need(6);
    const fixed = FIXEXT_BYTES.indexOf(size);
    this.sized(size, { short: fixed < 0 ? null : 0xd4 + fixed, wide: 0xc7 });
    this.need(1 + size);
    this.position = this.buffer.writeInt8(extType, this.position);
    this.raw(data);
  }

  /** The header of what has a size: the short code that tells it, or one, two or four bytes behind the wide code. */
  private sized(size: number, { short, wide }: { short: number | null; wide: number }): void {
    if (short !== null) this.buffer[this.position++] = short;
    else {
      const log2Bytes = size < 0x100 ? 0 : size < 0x10000 ? 1 : 2;
      const at = this.position;
      this.unsigned(0xcc + log2Bytes, size);
      this.buffer[at] = wide + log2Bytes;
    }
  }

  arrayHeader(length: number): void {
    this.need(5);
    if (length < 0x10) this.buffer[this.position++] = 0x90 | length;
    else this.header(length, 0xdc);
  }

  mapHeader(length: number): void {
    this.need(5);
    if (length < 0x10) this.buffer[this.position++] = 0x80 | length;
    else this.header(length, 0xde);
  }

  private header(length: number, code: number): void {
    const at = this.position;
    const isLong = length >= 0x10000;
    this.unsigned(isLong ? 0xce : 0xcd, length);
    this.buffer[at] = isLong ? code + 1 : code;
  }

  /**
   * A struct's map, of as many entries as `endStruct` is told. The header's width follows how many fields the struct has, as
   * in msgspec: a small map of a struct with more than 15 fields has a map16 header. Gives what `endStruct` asks for.
   */
  beginStruct(maxLength: number): number {
    this.need(3);
    const at = this.position - this.start;
    this.position += maxLength > 15 ? 3 : 1;
    return at;
  }

  endStruct(at: number, maxLength: number, length: number): void {
    const { buffer } = this;
    const position = this.start + at;
    if (maxLength > 15) {
      buffer[position] = 0xde;
      buffer[position + 1] = length >>> 8;
      buffer[position + 2] = length;
    } else buffer[position] = 0x80 | length;
  }

  intArray(values: readonly number[]): void {
    const { length } = values;
    this.arrayHeader(length);
    for (let i = 0; i < length; i++) {
      const value = values[i] as number;
      // Most token ids.
      if (value >>> 0 === value && value >= 0x100 && value < 0x10000) {
        this.need(3);
        const { buffer, position } = this;
        buffer[position] = 0xcd;
        buffer[position + 1] = value >>> 8;
        buffer[position + 2] = value;
        this.position = position + 3;
      } else this.int(value);
    }
  }

  /** Bytes that are MessagePack already. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.need(length);
    const { buffer, position } = this;
    if (length <= MAX_LOOPED_STRING)
      for (let i = 0; i < length; i++) buffer[position + i] = bytes[i] as number;
    else buffer.set(bytes, position);
    this.position = position + length;
  }

  /** Anything JSON-like, as Python would write the same value; integral numbers become integers. */
  untyped(value: unknown): void {
    if (value === null) this.nil();
    else if (typeof value === 'string') this.str(value);
    else this.raw(packBytes(packableUntyped(value)));
  }
}
