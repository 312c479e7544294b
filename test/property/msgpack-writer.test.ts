/**
 * msgpackr's writing with our extensions: as msgspec writes, by a reference that is a few lines long, by our reader, and by
 * msgpackr's own.
 */
import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { MsgpackReader } from '../../src/shared/protocol/msgpack-reader.ts';
import {
  packableExt,
  packableFloat,
  packableInt,
  packableUntyped,
  packBytes,
} from '../../src/shared/protocol/msgpack-writer.ts';

const RUNS = 1_000;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'bigint' });

/** Reads the whole frame with ours. */
function readWhole<T>(bytes: Uint8Array, read: (reader: MsgpackReader) => T): T {
  const reader = new MsgpackReader([bytes], 0);
  const value = read(reader);
  reader.finish();
  return value;
}

/** The shortest form, unsigned from 0 on: what msgspec writes. */
function referenceInt(value: bigint): string {
  if (value >= 0n && value < 128n) return value.toString(16).padStart(2, '0');
  if (value < 0n && value >= -32n) return (256n + value).toString(16);
  const isNegative = value < 0n;
  const log2Bytes = [0, 1, 2, 3].find((log2) => {
    const bits = 8n << BigInt(log2);
    return isNegative ? value >= -(1n << (bits - 1n)) : value < 1n << bits;
  });
  const bytes = 1 << (log2Bytes ?? 3);
  const code = (isNegative ? 0xd0 : 0xcc) + (log2Bytes ?? 3);
  return (
    code.toString(16) +
    BigInt.asUintN(8 * bytes, value)
      .toString(16)
      .padStart(2 * bytes, '0')
  );
}

/** The header in its shortest form, and the UTF-8 that Node makes of the text. */
function referenceStr(value: string): string {
  const bytes = Buffer.from(value, 'utf8');
  const size = bytes.length;
  if (size < 32) return (0xa0 | size).toString(16) + hex(bytes);
  const [code, digits] = size < 0x100 ? ['d9', 2] : size < 0x10000 ? ['da', 4] : ['db', 8];
  return code + size.toString(16).padStart(digits as number, '0') + hex(bytes);
}

const anyInt64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc
    .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(
      ([power, delta, isNegative]) => (isNegative ? -1n : 1n) * 2n ** BigInt(power) + BigInt(delta),
    )
    .filter((value) => value >= -(2n ** 63n)),
);
/** UTF-16 units in any order: halves of pairs too. */
const anyUnits = fc
  .array(fc.oneof(fc.nat(0x7f), fc.nat(0xffff), fc.integer({ min: 0xd800, max: 0xdfff })), {
    maxLength: 200,
  })
  .map((units) => String.fromCharCode(...units));
const longText = fc
  .tuple(
    fc.constantFrom(
      10,
      11,
      15,
      16,
      31,
      32,
      63,
      64,
      85,
      86,
      127,
      128,
      255,
      256,
      21_845,
      21_846,
      65_535,
      65_536,
    ),
    fc.constantFrom('a', 'é', '€', '\u{1f600}', '\ud83d'),
  )
  .map(([length, unit]) => unit.repeat(length));

describe('what msgpackr writes for us', () => {
  it('has integers in their shortest form, as number and as bigint', () => {
    fc.assert(
      fc.property(anyInt64, (value) => {
        const bytes = packBytes(packableInt(value));
        expect(hex(bytes)).toBe(referenceInt(value));
        const number = Number(value);
        if (Number.isSafeInteger(number)) {
          expect(hex(packBytes(packableInt(number)))).toBe(referenceInt(value));
        }
        expect(BigInt(readWhole(bytes, (reader) => reader.int64()))).toBe(value);
        expect(BigInt(unpackr.unpack(bytes) as number | bigint)).toBe(value);
      }),
      { numRuns: RUNS },
    );
  });

  it('has every float in eight bytes: whole ones, -0, NaN and the infinities', () => {
    const float = fc.oneof(
      fc.double(),
      fc.maxSafeInteger(),
      fc.constantFrom(-0, 0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, 1e300, 5e-324),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    );
    fc.assert(
      fc.property(float, (value) => {
        const bytes = packBytes(packableFloat(value));
        const expected = Buffer.alloc(9, 0xcb);
        expected.writeDoubleBE(value, 1);
        expect(hex(bytes)).toBe(hex(expected));
        expect(readWhole(bytes, (reader) => reader.float())).toBe(value);
        expect(unpackr.unpack(bytes)).toBe(value);
      }),
      { numRuns: RUNS },
    );
  });

  it('has strings in UTF-8 whatever their length, a lone surrogate as U+FFFD', () => {
    fc.assert(
      fc.property(fc.oneof(anyUnits, longText, fc.string({ unit: 'grapheme' })), (value) => {
        const bytes = packBytes(value);
        expect(hex(bytes)).toBe(referenceStr(value));
        const wellFormed = Buffer.from(value, 'utf8').toString('utf8');
        expect(readWhole(bytes, (reader) => reader.str())).toBe(wellFormed);
        expect(unpackr.unpack(bytes)).toBe(wellFormed);
      }),
      { numRuns: RUNS },
    );
    expect(hex(packBytes('a\ud83db'))).toBe('a561efbfbd62');
  });

  it('has bytes and extension values of every size', () => {
    for (const size of [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 255, 256, 65_535, 65_536]) {
      const data = Buffer.alloc(size, size);
      const bin = packBytes(data);
      expect(hex(readWhole(bin, (reader) => reader.bin()))).toBe(hex(data));
      expect(bin.length - size).toBe(size < 0x100 ? 2 : size < 0x10000 ? 3 : 5);
      for (const type of [-128, -1, 0, 3, 127]) {
        const packed = packBytes(packableExt(type, data));
        const ext = readWhole(packed, (reader) => reader.ext());
        expect([ext.extType, hex(ext.data)]).toEqual([type, hex(data)]);
        const isFixed = [1, 2, 4, 8, 16].includes(size);
        expect(packed.length - size).toBe(isFixed ? 2 : size < 0x100 ? 3 : size < 0x10000 ? 4 : 6);
      }
    }
  });

  it('has maps of every size, and whatever keys there are', () => {
    for (const size of [0, 1, 15, 16, 65_535, 65_536]) {
      const value = Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i]));
      const bytes = packBytes(packableUntyped(value));
      expect(bytes[0]).toBe(size < 16 ? 0x80 | size : size < 0x10000 ? 0xde : 0xdf);
      expect(readWhole(bytes, (reader) => reader.any())).toEqual(value);
    }
    for (const key of ['__proto__', 'constructor', 'toJSON', 'hasOwnProperty', 'extType', '']) {
      const value = JSON.parse(`{${JSON.stringify(key)}: {"toJSON": 1}}`) as unknown;
      const bytes = packBytes(packableUntyped(value));
      expect(readWhole(bytes, (reader) => reader.any())).toEqual(value);
      expect(unpackr.unpack(bytes)).toEqual(new Map([[key, new Map([['toJSON', 1]])]]));
    }
  });

  it('stays as it is while other messages are written, long ones and failing ones too', () => {
    const message = fc.oneof(
      { weight: 20, arbitrary: fc.uint8Array({ maxLength: 3_000 }) },
      { weight: 1, arbitrary: fc.constant(new Uint8Array(2 * 1024 * 1024).fill(7)) },
      { weight: 2, arbitrary: fc.constant(Number.NaN) },
    );
    fc.assert(
      fc.property(fc.array(message, { minLength: 2, maxLength: 60 }), (values) => {
        const written: { readonly bytes: Buffer; readonly copy: string }[] = [];
        for (const value of values) {
          if (typeof value === 'number') {
            expect(() => packBytes([1, packableInt(value)])).toThrow('not an integer');
            expect(() => packBytes([packableFloat(1), 2n ** 70n])).toThrow(RangeError);
            continue;
          }
          const bytes = packBytes([value, packableFloat(1), packableInt(2 ** 40)]);
          written.push({ bytes, copy: hex(bytes) });
        }
        for (const { bytes, copy } of written) expect(hex(bytes)).toBe(copy);
      }),
      { numRuns: 50 },
    );
  });
});
