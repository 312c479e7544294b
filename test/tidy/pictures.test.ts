import { readdirSync, readFileSync } from 'node:fs';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { withPalette } from '../../scripts/palette-png.ts';

const folder = new URL('../../docs/img/', import.meta.url);
/** A page of docs is read on a slow line too. */
const MAX_PICTURE_BYTES = 150_000;

describe('the pictures of docs', () => {
  it.each(readdirSync(folder))('%s is small', (name) => {
    expect(readFileSync(new URL(name, folder)).length).toBeLessThanOrEqual(MAX_PICTURE_BYTES);
  });
});

describe('a picture with a palette', () => {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  /** Three pixels wide, a row for each filter that is given. */
  const png = (bits: number, ...rows: readonly (readonly number[])[]): Buffer => {
    const header = Buffer.from([0, 0, 0, 3, 0, 0, 0, rows.length, bits, 2, 0, 0, 0]);
    const signature = Buffer.from('89504e470d0a1a0a', 'hex');
    const data = chunk('IDAT', deflateSync(Buffer.from(rows.flat())));
    return Buffer.concat([signature, chunk('IHDR', header), data, chunk('IEND', Buffer.alloc(0))]);
  };
  const partOf = (picture: Buffer, type: string): Buffer => {
    const at = picture.indexOf(type);
    return picture.subarray(at + 4, at + 4 + picture.readUInt32BE(at - 4));
  };

  it('has the same pixels, however their rows were predicted', () => {
    const [red, blue] = [
      [255, 0, 0],
      [0, 0, 255],
    ] as const;
    // Red, red, blue in each row: as it is, from the left, from above, from both, by Paeth.
    const written = withPalette(
      png(
        8,
        [0, ...red, ...red, ...blue],
        [1, ...red, 0, 0, 0, 1, 0, 255],
        [2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [3, 128, 0, 0, 0, 0, 0, 129, 0, 128],
        [4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      ),
    );
    expect([...partOf(written, 'PLTE')]).toEqual([...red, ...blue]);
    const row = [0, 0, 0, 1];
    expect([...inflateSync(partOf(written, 'IDAT'))]).toEqual([row, row, row, row, row].flat());
  });

  it('refuses what no browser writes', () => {
    expect(() => withPalette(png(16, [0, 0, 0, 0]))).toThrow('16 bits');
  });
});
