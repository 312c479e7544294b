/**
 * Reads MessagePack as msgspec's strict decoder does and refuses the rest: every read states what it expects, lengths
 * are checked against the bytes that are there before anything is allocated, and nesting and untyped values have bounds.
 * It throws DecodeFault; struct-codec.ts adds the struct and the field, decode-message.ts turns it into E_BAD_FRAME.
 */
import { isUtf8 } from 'node:buffer';
import { setOwn } from '../set-own.ts';
import { describeCode } from './describe-code.ts';
import type { ExtValue } from './ext-value.ts';

/** A message's first frame may be this long; the longest prompt of a million tokens needs 5 MB. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;
/** Levels of arrays and maps inside one untyped value. */
export const MAX_UNTYPED_DEPTH = 64;
/** Values inside one message's untyped fields, all together. */
export const MAX_UNTYPED_VALUES = 1_000_000;

/** What was expected and what was there; `path` grows from the inside out on the way up. */
export class DecodeFault extends Error {
  override readonly name = 'DecodeFault';
  readonly path: string[] = [];
  readonly expected: string;
  readonly got: string;

  constructor(expected: string, got: string) {
    super(`expected ${expected}, got ${got}`);
    this.expected = expected;
    this.got = got;
  }
}

/** Adds an index or a field to a fault on its way up; other errors are rethrown as they are. */
export function locate(error: unknown, step: string): unknown {
  if (error instanceof DecodeFault) error.path.unshift(step);
  return error;
}

/** What Buffer.toString('latin1') calls after checking its arguments; the types leave it out. */
type SliceableBuffer = Buffer & { latin1Slice(start: number, end: number): string };

const MAX_SAFE_HIGH = 0x1fffff;

export class MsgpackReader {
  readonly frames: readonly Uint8Array[];
  private readonly buffer: Buffer;
  private readonly end: number;
  private position = 0;
  private untypedValues = 0;

  /** Reads `frames[index]`; the frames behind it are the auxiliary ones that arrays may point to, counted from 1. */
  constructor(frames: readonly Uint8Array[], index: number) {
    const frame = frames[index];
    if (frame === undefined) throw new DecodeFault('a msgpack frame', 'no frame');
    if (frame.length > MAX_FRAME_BYTES) {
      throw new DecodeFault(`a frame of at most ${MAX_FRAME_BYTES} bytes`, `${frame.length} bytes`);
    }
    this.frames = index === 0 ? frames : frames.slice(index);
    this.buffer = Buffer.isBuffer(frame)
      ? frame
      : Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
    this.end = frame.length;
  }

  /** Bytes of the frame that were read. */
  get offset(): number {
    return this.position;
  }

  /** Goes to a place where a value begins. */
  seek(offset: number): void {
    this.position = offset;
  }

  /** Throws unless everything was read. */
  finish(): void {
    if (this.position !== this.end) {
      throw new DecodeFault('the end of the frame', `${this.end - this.position} more bytes`);
    }
  }

  /** The bytes at the reading position start with `bytes`; if so they are read. */
  tryRaw(bytes: Uint8Array): boolean {
    const { buffer, position } = this;
    const size = bytes.length;
    if (position + size > this.end) return false;
    for (let i = 0; i < size; i++) if (buffer[position + i] !== bytes[i]) return false;
    this.position = position + size;
    return true;
  }

  tryNil(): boolean {
    if (this.buffer[this.position] !== 0xc0 || this.position >= this.end) return false;
    this.position++;
    return true;
  }

  private need(bytes: number): void {
    if (this.position + bytes > this.end) {
      throw new DecodeFault(
        `${bytes} more bytes`,
        `${this.end - this.position} to the frame's end`,
      );
    }
  }

  private code(): number {
    if (this.position >= this.end) throw new DecodeFault('a value', "the frame's end");
    return this.buffer[this.position++] as number;
  }

  private fault(expected: string, code: number): DecodeFault {
    return new DecodeFault(expected, describeCode(code));
  }

  bool(): boolean {
    const code = this.code();
    if (code === 0xc3) return true;
    if (code === 0xc2) return false;
    throw this.fault('a bool', code);
  }

  /** A safe integer. */
  int(): number {
    const code = this.code();
    if (code < 0x80) return code;
    if (code === 0xcd) {
      const { buffer, position } = this;
      this.need(2);
      this.position = position + 2;
      return ((buffer[position] as number) << 8) | (buffer[position + 1] as number);
    }
    const value = this.intOf(code, 'an int');
    if (typeof value === 'bigint') throw new DecodeFault('an int below 2^53', `${value}`);
    return value;
  }

  /** Any 64-bit integer: a number where it is safe, else a bigint. */
  int64(): number | bigint {
    return this.intOf(this.code(), 'an int');
  }

  private intOf(code: number, expected: string): number | bigint {
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    if (code < 0xcc || code > 0xd3) throw this.fault(expected, code);
    const size = 1 << (code & 3);
    this.need(size);
    const { buffer, position } = this;
    this.position = position + size;
    switch (code) {
      case 0xcc:
        return buffer[position] as number;
      case 0xcd:
        return buffer.readUInt16BE(position);
      case 0xce:
        return buffer.readUInt32BE(position);
      case 0xd0:
        return buffer.readInt8(position);
      case 0xd1:
        return buffer.readInt16BE(position);
      case 0xd2:
        return buffer.readInt32BE(position);
      default: {
        const signed = code === 0xd3;
        const high = signed ? buffer.readInt32BE(position) : buffer.readUInt32BE(position);
        if (high <= MAX_SAFE_HIGH && high >= -MAX_SAFE_HIGH - 1) {
          const value = high * 0x100000000 + buffer.readUInt32BE(position + 4);
          if (Number.isSafeInteger(value)) return value;
        }
        return signed ? buffer.readBigInt64BE(position) : buffer.readBigUInt64BE(position);
      }
    }
  }

  /** A float; an integer is taken too, as msgspec does. */
  float(): number {
    const code = this.code();
    if (code === 0xcb) {
      this.need(8);
      const value = this.buffer.readDoubleBE(this.position);
      this.position += 8;
      return value;
    }
    if (code === 0xca) {
      this.need(4);
      const value = this.buffer.readFloatBE(this.position);
      this.position += 4;
      return value;
    }
    return Number(this.intOf(code, 'a float'));
  }

  str(): string {
    const code = this.code();
    return this.stringOf(this.stringSize(code), code);
  }

  private stringSize(code: number): number {
    if ((code & 0xe0) === 0xa0) return code & 0x1f;
    if (code === 0xd9) return this.unsigned(1);
    if (code === 0xda) return this.unsigned(2);
    if (code === 0xdb) return this.unsigned(4);
    throw this.fault('a str', code);
  }

  private unsigned(size: number): number {
    this.need(size);
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 0x100 + (this.buffer[this.position++] as number);
    return value;
  }

  private stringOf(size: number, code: number): string {
    this.need(size);
    const { buffer, position } = this;
    this.position = position + size;
    if (isAscii(buffer, position, position + size)) {
      return size <= MAX_LOOPED_STRING
        ? shortAscii(buffer, position, position + size)
        : (buffer as SliceableBuffer).latin1Slice(position, position + size);
    }
    const bytes = buffer.subarray(position, position + size);
    if (!isUtf8(bytes)) throw new DecodeFault('a str in UTF-8', describeCode(code));
    return buffer.toString('utf8', position, position + size);
  }

  /** A binary value; it shares the frame's memory. */
  bin(): Uint8Array {
    const code = this.code();
    if (code < 0xc4 || code > 0xc6) throw this.fault('bytes', code);
    return this.take(this.unsigned(1 << (code - 0xc4)));
  }

  private take(size: number): Uint8Array {
    this.need(size);
    const bytes = this.buffer.subarray(this.position, this.position + size);
    this.position += size;
    return bytes;
  }

  /** The length of an array, which the rest of the frame can hold. */
  arrayHeader(expected: string): number {
    const code = this.code();
    let length: number;
    if ((code & 0xf0) === 0x90) length = code & 0x0f;
    else if (code === 0xdc) length = this.unsigned(2);
    else if (code === 0xdd) length = this.unsigned(4);
    else throw this.fault(expected, code);
    this.checkCount(length, 1);
    return length;
  }

  mapHeader(expected: string): number {
    const code = this.code();
    let length: number;
    if ((code & 0xf0) === 0x80) length = code & 0x0f;
    else if (code === 0xde) length = this.unsigned(2);
    else if (code === 0xdf) length = this.unsigned(4);
    else throw this.fault(expected, code);
    this.checkCount(length, 2);
    return length;
  }

  private checkCount(length: number, bytesEach: number): void {
    const left = this.end - this.position;
    if (length * bytesEach > left) {
      throw new DecodeFault(
        `a length that ${left} bytes can hold`,
        `a header that announces ${length} elements`,
      );
    }
  }

  intArray(): number[] {
    const length = this.arrayHeader('an array of int');
    const { buffer, end } = this;
    const values: number[] = [];
    for (let i = 0; i < length; i++) {
      // Token ids need one, three or five bytes, seldom two.
      const { position } = this;
      const code = buffer[position] as number;
      if (code < 0x80 && position < end) {
        this.position = position + 1;
        values.push(code);
      } else if (code === 0xcd && position + 3 <= end) {
        this.position = position + 3;
        values.push(((buffer[position + 1] as number) << 8) | (buffer[position + 2] as number));
      } else if (code === 0xce && position + 5 <= end) {
        this.position = position + 5;
        values.push(
          (((buffer[position + 1] as number) << 24) |
            ((buffer[position + 2] as number) << 16) |
            ((buffer[position + 3] as number) << 8) |
            (buffer[position + 4] as number)) >>>
            0,
        );
      } else values.push(this.int());
    }
    return values;
  }

  /** An extension value; its data share the frame's memory. */
  ext(): ExtValue {
    const code = this.code();
    return this.extOf(code);
  }

  private extOf(code: number): ExtValue {
    let size: number;
    if (code >= 0xd4 && code <= 0xd8) size = 1 << (code - 0xd4);
    else if (code >= 0xc7 && code <= 0xc9) size = this.unsigned(1 << (code - 0xc7));
    else throw this.fault('an extension value', code);
    this.need(1 + size);
    const extType = this.buffer.readInt8(this.position++);
    return { extType, data: this.take(size) };
  }

  isInt(): boolean {
    const code = this.buffer[this.position] ?? 0;
    return code < 0x80 || code >= 0xe0 || (code >= 0xcc && code <= 0xd3);
  }

  isStr(): boolean {
    const code = this.buffer[this.position] ?? 0;
    return (code & 0xe0) === 0xa0 || (code >= 0xd9 && code <= 0xdb);
  }

  isBin(): boolean {
    const code = this.buffer[this.position] ?? 0;
    return code >= 0xc4 && code <= 0xc6;
  }

  /** Any value: maps become objects (integer keys as decimal strings), arrays arrays, 64-bit integers bigint if need be. */
  any(depth = 0): unknown {
    if (depth > MAX_UNTYPED_DEPTH) {
      throw new DecodeFault(`at most ${MAX_UNTYPED_DEPTH} levels of nesting`, 'more');
    }
    if (++this.untypedValues > MAX_UNTYPED_VALUES) {
      throw new DecodeFault(`at most ${MAX_UNTYPED_VALUES} untyped values in a message`, 'more');
    }
    const code = this.code();
    if (code < 0x80 || code >= 0xe0) return code < 0x80 ? code : code - 0x100;
    if (code >= 0xcc && code <= 0xd3) return this.intOf(code, 'an int');
    if (code === 0xc0) return null;
    if (code === 0xc2 || code === 0xc3) return code === 0xc3;
    this.position--;
    if ((code & 0xe0) === 0xa0 || (code >= 0xd9 && code <= 0xdb)) return this.str();
    if ((code & 0xf0) === 0x90 || code === 0xdc || code === 0xdd) return this.anyArray(depth);
    if ((code & 0xf0) === 0x80 || code === 0xde || code === 0xdf) return this.anyMap(depth);
    if (code === 0xca || code === 0xcb) return this.float();
    if (code >= 0xc4 && code <= 0xc6) return this.bin();
    return this.ext();
  }

  private anyArray(depth: number): unknown[] {
    const length = this.arrayHeader('an array');
    const values: unknown[] = [];
    for (let i = 0; i < length; i++) values.push(this.any(depth + 1));
    return values;
  }

  /** What is no string becomes text, bytes in hex; a list is a tuple in Python. There a map alone can be no key. */
  private mapKey(depth: number): string {
    if (this.isInt()) return String(this.int64());
    const code = this.buffer[this.position] ?? 0;
    const isMap = (code & 0xf0) === 0x80 || code === 0xde || code === 0xdf;
    return isMap || this.isStr() ? this.str() : keyText(this.any(depth + 1));
  }

  private anyMap(depth: number): Record<string, unknown> {
    const length = this.mapHeader('a map');
    const result: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const key = this.mapKey(depth);
      setOwn(result, key, this.any(depth + 1));
    }
    return result;
  }
}

/** Longer strings are decoded by the runtime: its call costs about as much as a loop over this many bytes. */
const MAX_LOOPED_STRING = 16;

function isAscii(buffer: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((buffer[i] as number) >= 0x80) return false;
  return true;
}

function shortAscii(buffer: Buffer, start: number, end: number): string {
  let result = '';
  for (let i = start; i < end; i++) result += String.fromCharCode(buffer[i] as number);
  return result;
}

/** JSON knows no integer beyond 2^53: such a one stands as its digits. */
function keyText(key: unknown): string {
  if (key instanceof Uint8Array) return Buffer.from(key).toString('hex');
  return JSON.stringify(key, (_, part) => (typeof part === 'bigint' ? String(part) : part));
}
