import { describe, expect, it } from 'vitest';
import { HashNumbers } from '../../../../src/cli/replay/hash-numbers.ts';
import { Prng } from '../../../../src/shared/prng.ts';

const bits = new Prng(7);
const word = (): bigint => BigInt(Math.floor(bits.nextFloat() * 2 ** 32));

describe('numbers of block hashes', () => {
  it('count up by first appearance, however many there are, and stay', () => {
    const hashes = [
      0n,
      2n ** 64n - 1n,
      ...Array.from({ length: 5000 }, () => (word() << 32n) | word()),
    ];
    // These meet at one place of the table.
    for (let i = 1n; i <= 50n; i += 1n) hashes.push((i << 32n) | i);
    const numbers = new HashNumbers();
    const indices = hashes.map((_, index) => index);
    for (const _round of [1, 2]) expect(hashes.map((hash) => numbers.of(hash))).toEqual(indices);
  });
});
