import { describe, expect, it } from 'vitest';
import {
  createBlockHasher,
  toExternalBlockHash,
} from '../../../../../src/engine-core/kv-cache/hash/block-hash.ts';
import { TestRequest } from '../../../../support/kv-cache.ts';

/**
 * What Python says for `sha256(dumps((parent, tokens, extra_keys)))`, the low 8 bytes, with CPython 3.12's pickle
 * (protocol 5) and with canonical cbor2: forms that the recorded hashes of vLLM have no example of.
 */
const blocks: readonly [string, readonly number[], { pickle: bigint; cbor: bigint }][] = [
  ['one token', [7], { pickle: 11297692438892743974n, cbor: 6478406066522718934n }],
  ['two tokens', [7, 8], { pickle: 8525955496348660418n, cbor: 8471289384661865937n }],
  ['three tokens', [7, 8, 9], { pickle: 3298170606669797757n, cbor: 15500000371921032730n }],
  [
    'tokens at the limits of every integer form',
    [0, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
    { pickle: 18420227721702352993n, cbor: 16408570678172983712n },
  ],
  [
    'three hundred tokens',
    Array.from({ length: 300 }, (_, i) => 100_000 + i),
    { pickle: 9997133379147953664n, cbor: 17569142710985129611n },
  ],
];

function hashesOf(
  algorithm: 'sha256' | 'sha256_cbor',
  promptTokenIds: readonly number[],
  options: Partial<TestRequest> & { readonly hashBlockSize?: number } = {},
): bigint[] {
  const { hashBlockSize = promptTokenIds.length, ...fields } = options;
  const request = new TestRequest({ ...fields, promptTokenIds });
  createBlockHasher({ hashBlockSize, algorithm, exact: true }).update(request);
  const { blockHashes } = request;
  return Array.from({ length: blockHashes.length }, (_, i) =>
    toExternalBlockHash(blockHashes.low(i), blockHashes.high(i)),
  );
}

describe('the hash that leaves the engine is Python’s', () => {
  it.each(blocks)('for a block of %s', (_name, tokenIds, { pickle, cbor }) => {
    expect(hashesOf('sha256', tokenIds)).toEqual([pickle]);
    expect(hashesOf('sha256_cbor', tokenIds)).toEqual([cbor]);
  });

  it.each([
    [255, { pickle: 1963671941481967678n, cbor: 1573802144036594407n }],
    [256, { pickle: 17431345524736476091n, cbor: 10914059964936505225n }],
  ])('for a salt of %i characters', (length, { pickle, cbor }) => {
    const options = { cacheSalt: 's'.repeat(length) };

    expect(hashesOf('sha256', [1, 2, 3, 4], options)).toEqual([pickle]);
    expect(hashesOf('sha256_cbor', [1, 2, 3, 4], options)).toEqual([cbor]);
  });

  it('for an image that began in the block before', () => {
    const options = {
      hashBlockSize: 4,
      mmFeatures: [{ identifier: 'img', offset: 0, length: 8 }],
    };
    const tokenIds = [1, 2, 3, 4, 5, 6, 7, 8];

    expect(hashesOf('sha256', tokenIds, options)).toEqual([
      10727099523796913015n,
      7301787861195046421n,
    ]);
    expect(hashesOf('sha256_cbor', tokenIds, options)).toEqual([
      6892921195432911924n,
      17877988973198636284n,
    ]);
  });

  it('not for numbers that no token has', () => {
    expect(() => hashesOf('sha256', [2 ** 33])).toThrow('a pickled integer of 8589934592');
    expect(() => hashesOf('sha256_cbor', [2 ** 33])).toThrow('a CBOR integer of 8589934592');
  });

  it('not for a block that Python would pickle in several frames', () => {
    const tokenIds = Array.from({ length: 14_000 }, (_, i) => 100_000 + i);

    expect(() => hashesOf('sha256', tokenIds)).toThrow('a block key of');
  });
});
