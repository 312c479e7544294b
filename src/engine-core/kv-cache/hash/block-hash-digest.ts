/**
 * The two digests that vLLM can publish block hashes of, byte for byte: SHA-256 over the CBOR (canonical) or the
 * pickle (protocol 5) form of `(parent hash, token ids, extra keys)`.
 * Source: vllm/utils/hashing.py sha256, sha256_cbor; RFC 8949; CPython Lib/pickle.py.
 */
import { createHash } from 'node:crypto';
import { assert } from '../../../shared/assert.ts';
import type { ExtraKeys } from './block-hash-extra-keys.ts';

export type WireAlgorithm = 'sha256' | 'sha256_cbor';

export interface BlockKey {
  readonly parent: Uint8Array;
  readonly tokenIds: readonly number[];
  /** The block is `tokenIds[start, start + size)`. */
  readonly start: number;
  readonly size: number;
  /** Tokens after it that count as extra keys. */
  readonly lookahead: number;
  readonly extra: ExtraKeys | null;
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** The bytes whose digest is the block's hash. */
export function encodeBlockKey(algorithm: WireAlgorithm, key: BlockKey): Uint8Array {
  return algorithm === 'sha256' ? pickleBlockKey(key) : cborBlockKey(key);
}

/** The bytes whose digest is the first block's parent (NONE_HASH). */
export function encodeSeed(algorithm: WireAlgorithm, seed: string): Uint8Array {
  if (algorithm === 'sha256_cbor') {
    const out = new ByteWriter();
    writeCborText(out, seed);
    return out.bytes();
  }
  const pickle = new PickleWriter();
  pickle.text(seed);
  return pickle.finish();
}

/** A byte buffer that grows by doubling. */
class ByteWriter {
  #buffer = Buffer.allocUnsafe(256);
  length = 0;

  byte(value: number): void {
    if (this.length === this.#buffer.length) this.#grow(1);
    this.#buffer[this.length++] = value;
  }

  uint(value: number, size: 2 | 4, order: 'big' | 'little'): void {
    for (let i = 0; i < size; i++) {
      const shift = 8 * (order === 'big' ? size - 1 - i : i);
      this.byte((value >>> shift) & 0xff);
    }
  }

  raw(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    this.#buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  #grow(more: number): void {
    if (this.length + more <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.length + more));
    grown.set(this.bytes());
    this.#buffer = grown;
  }
}

function writeCborHead(out: ByteWriter, major: number, value: number): void {
  const type = major << 5;
  if (value < 24) out.byte(type | value);
  else if (value < 0x100) {
    out.byte(type | 24);
    out.byte(value);
  } else if (value < 0x1_0000) {
    out.byte(type | 25);
    out.uint(value, 2, 'big');
  } else {
    assert(value <= 0xffff_ffff, () => `a CBOR integer of ${value}`);
    out.byte(type | 26);
    out.uint(value, 4, 'big');
  }
}

function writeCborInt(out: ByteWriter, value: number): void {
  if (value >= 0) writeCborHead(out, 0, value);
  else writeCborHead(out, 1, -1 - value);
}

function writeCborText(out: ByteWriter, text: string): void {
  const utf8 = Buffer.from(text, 'utf8');
  writeCborHead(out, 3, utf8.length);
  out.raw(utf8);
}

function cborBlockKey(key: BlockKey): Uint8Array {
  const out = new ByteWriter();
  writeCborHead(out, 4, 3);
  writeCborHead(out, 2, key.parent.length);
  out.raw(key.parent);
  writeCborHead(out, 4, key.size);
  for (let i = 0; i < key.size; i++) writeCborInt(out, key.tokenIds[key.start + i] as number);
  if (key.lookahead > 0) writeCborHead(out, 4, 1 + key.lookahead);
  writeCborExtraKeys(out, key.extra);
  for (const tokenId of lookaheadTokens(key)) writeCborInt(out, tokenId);
  return out.bytes();
}

function writeCborExtraKeys(out: ByteWriter, extra: ExtraKeys | null): void {
  if (extra === null) {
    out.byte(0xf6);
    return;
  }
  writeCborHead(out, 4, extra.length);
  for (const part of extra) {
    writeCborHead(out, 4, part.length);
    for (const value of part) {
      if (typeof value === 'number') writeCborInt(out, value);
      else writeCborText(out, value);
    }
  }
}

function lookaheadTokens({ tokenIds, start, size, lookahead }: BlockKey): readonly number[] {
  return tokenIds.slice(start + size, start + size + lookahead);
}

/** Python frames a pickle once it holds this many bytes. */
const PICKLE_FRAME_TARGET = 64 * 1024;

/** The part of pickle protocol 5 that a block key needs; strings are memoised by identity as CPython does. */
class PickleWriter {
  readonly #out = new ByteWriter();
  readonly #memo = new Map<string, number>();
  #memoCount = 0;

  text(value: string, interned = false): void {
    const memo = interned ? this.#memo.get(value) : undefined;
    if (memo !== undefined) {
      this.#out.byte(0x68); // BINGET
      this.#out.byte(memo);
      return;
    }
    const utf8 = Buffer.from(value, 'utf8');
    if (utf8.length < 0x100) {
      this.#out.byte(0x8c); // SHORT_BINUNICODE
      this.#out.byte(utf8.length);
    } else {
      this.#out.byte(0x58); // BINUNICODE
      this.#out.uint(utf8.length, 4, 'little');
    }
    this.#out.raw(utf8);
    if (interned) this.#memo.set(value, this.#memoCount);
    this.#memoize();
  }

  shortBytes(value: Uint8Array): void {
    assert(value.length < 0x100, () => `${value.length} bytes`);
    this.#out.byte(0x43); // SHORT_BINBYTES
    this.#out.byte(value.length);
    this.#out.raw(value);
    this.#memoize();
  }

  int(value: number): void {
    if (value >= 0 && value < 0x100) {
      this.#out.byte(0x4b); // BININT1
      this.#out.byte(value);
    } else if (value >= 0 && value < 0x1_0000) {
      this.#out.byte(0x4d); // BININT2
      this.#out.uint(value, 2, 'little');
    } else if (value >= -0x8000_0000 && value < 0x8000_0000) {
      this.#out.byte(0x4a); // BININT
      this.#out.uint(value, 4, 'little');
    } else {
      assert(value > 0 && value <= 0xffff_ffff, () => `a pickled integer of ${value}`);
      this.#out.byte(0x8a); // LONG1: five bytes, so that the sign bit is clear
      this.#out.byte(5);
      this.#out.uint(value, 4, 'little');
      this.#out.byte(0);
    }
  }

  none(): void {
    this.#out.byte(0x4e);
  }

  /** Up to three items end in TUPLE1..3; more stand behind a mark, which `beginTuple` writes. */
  beginTuple(length: number): void {
    if (length > 3) this.#out.byte(0x28);
  }

  endTuple(length: number): void {
    this.#out.byte(length > 3 ? 0x74 : 0x84 + length);
    this.#memoize();
  }

  finish(): Uint8Array {
    this.#out.byte(0x2e); // STOP
    const body = this.#out.bytes();
    assert(body.length < PICKLE_FRAME_TARGET, () => `a block key of ${body.length} bytes`);
    const header = Buffer.alloc(body.length < 4 ? 2 : 11);
    header[0] = 0x80; // PROTO 5
    header[1] = 5;
    if (header.length > 2) {
      header[2] = 0x95; // FRAME
      header.writeUInt32LE(body.length, 3);
    }
    return Buffer.concat([header, body]);
  }

  #memoize(): void {
    this.#out.byte(0x94);
    this.#memoCount++;
  }
}

function pickleBlockKey(key: BlockKey): Uint8Array {
  const out = new PickleWriter();
  out.beginTuple(3);
  out.shortBytes(key.parent);
  out.beginTuple(key.size);
  for (let i = 0; i < key.size; i++) out.int(key.tokenIds[key.start + i] as number);
  out.endTuple(key.size);
  if (key.lookahead > 0) out.beginTuple(1 + key.lookahead);
  if (key.extra === null) out.none();
  else pickleExtraKeys(out, key.extra);
  for (const tokenId of lookaheadTokens(key)) out.int(tokenId);
  if (key.lookahead > 0) out.endTuple(1 + key.lookahead);
  out.endTuple(3);
  return out.finish();
}

function pickleExtraKeys(out: PickleWriter, extra: ExtraKeys): void {
  out.beginTuple(extra.length);
  for (const part of extra) {
    out.beginTuple(part.length);
    const [tag, ...values] = part;
    out.text(tag, true);
    for (const value of values) {
      if (typeof value === 'number') out.int(value);
      else out.text(value);
    }
    out.endTuple(part.length);
  }
  out.endTuple(extra.length);
}
