import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  createBlockHasher,
  type PrefixCachingHashAlgo,
  toExternalBlockHash,
} from '../../../../../src/engine-core/kv-cache/hash/block-hash.ts';
import { castFloats } from '../../../../../src/frontend/openai/prompt-embeds/float-cast.ts';
import { createLoRARequest, TestRequest } from '../../../../support/kv-cache.ts';

interface HashCase {
  readonly algorithm: PrefixCachingHashAlgo;
  readonly seed: string | null;
  readonly name: string;
  readonly blockSize: number;
  readonly lora: readonly [string, number, string] | null;
  readonly salt: string | null;
  readonly mm: readonly (readonly [string, number, number])[];
  readonly hashes: readonly string[];
}

const golden = JSON.parse(
  readFileSync(new URL('../../../../golden/block-hash.json', import.meta.url), 'utf8'),
) as { head: { tokens: number[] }; cases: readonly HashCase[] };

function hashesOf(request: TestRequest): string[] {
  const { blockHashes } = request;
  return Array.from({ length: blockHashes.length }, (_, i) =>
    String(toExternalBlockHash(blockHashes.low(i), blockHashes.high(i))),
  );
}

function hash(
  promptTokenIds: readonly number[],
  options: Partial<TestRequest> & { exact?: boolean; hashBlockSize?: number } = {},
): string[] {
  const { exact = false, hashBlockSize = 4, ...request } = options;
  const r = new TestRequest({ ...request, promptTokenIds });
  createBlockHasher({ hashBlockSize, algorithm: 'sha256', exact }).update(r);
  return hashesOf(r);
}

const tokens = Array.from({ length: 40 }, (_, i) => 1000 + i);

describe('exact block hashes', () => {
  it.each(golden.cases.map((c) => [`${c.algorithm}, seed ${c.seed}: ${c.name}`, c] as const))(
    'are what vLLM publishes: %s',
    (_name, c) => {
      const request = new TestRequest({
        promptTokenIds: golden.head.tokens,
        loraRequest: c.lora === null ? null : createLoRARequest(c.lora),
        cacheSalt: c.salt,
        mmFeatures: c.mm.map(([identifier, offset, length]) => ({ identifier, offset, length })),
      });
      createBlockHasher({
        hashBlockSize: c.blockSize,
        algorithm: c.algorithm,
        exact: true,
        ...(c.seed === null ? {} : { seed: c.seed }),
      }).update(request);
      expect(hashesOf(request)).toEqual(c.hashes);
    },
  );
});

describe.each([
  ['fast', false],
  ['exact', true],
] as const)('%s block hashes', (_name, exact) => {
  it('cover full blocks only, and go on where they stopped', () => {
    const hasher = createBlockHasher({ hashBlockSize: 4, algorithm: 'sha256', exact });
    const request = new TestRequest({ promptTokenIds: tokens.slice(0, 7) });
    hasher.update(request);
    expect(request.blockHashes.length).toBe(1);
    expect(request.blockHashes.nextTokens).toBe(8);
    for (const token of tokens.slice(7, 30)) {
      request.allTokenIds.push(token);
      hasher.update(request);
    }
    expect(hashesOf(request)).toEqual(hash(tokens.slice(0, 30), { exact }));
    expect(request.blockHashes.nextTokens).toBe(32);
  });

  it('chain: a token changes its own block and all later ones', () => {
    const before = hash(tokens, { exact });
    const after = hash(tokens.with(9, 7), { exact });
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after.slice(2).some((h, i) => h === before[i + 2])).toBe(false);
  });

  it('tell LoRA adapters, their paths, salts and images apart', () => {
    const a = createLoRARequest(['a', 1, '/a']);
    const variants = [
      hash(tokens, { exact }),
      hash(tokens, { exact, loraRequest: a }),
      hash(tokens, { exact, loraRequest: { ...a, loraPath: '/b' } }),
      hash(tokens, { exact, cacheSalt: 'a' }),
      hash(tokens, { exact, cacheSalt: 'b' }),
      hash(tokens, { exact, mmFeatures: [{ identifier: 'img', offset: 0, length: 40 }] }),
      hash(tokens, { exact, mmFeatures: [{ identifier: 'img', offset: 1, length: 39 }] }),
    ];
    for (let block = 0; block < 10; block++) {
      expect(new Set(variants.map((v) => v[block])).size).toBe(variants.length);
    }
  });

  it('ignore an image that lies beyond the block', () => {
    const mmFeatures = [{ identifier: 'img', offset: 8, length: 4 }];
    const withImage = hash(tokens, { exact, mmFeatures });
    expect(withImage.slice(0, 2)).toEqual(hash(tokens, { exact }).slice(0, 2));
    expect(withImage[2]).not.toBe(hash(tokens, { exact })[2]);
  });
});

describe('fast block hashes', () => {
  it('have no collision among 200,000 blocks that differ in little', () => {
    const seen = new Set<string>();
    const hasher = createBlockHasher({ hashBlockSize: 2, algorithm: 'sha256', exact: false });
    for (let i = 0; i < 200; i++) {
      const promptTokenIds = Array.from({ length: 2000 }, (_, j) => (j % 2 === 0 ? i : j >> 8));
      const request = new TestRequest({ promptTokenIds });
      hasher.update(request);
      for (const h of hashesOf(request)) seen.add(h);
    }
    expect(seen.size).toBe(200_000);
  });

  it('differ between a block of an odd size and its longer neighbour', () => {
    const odd = hash([5, 6, 7], { hashBlockSize: 3 });
    const even = hash([5, 6, 7, -1], { hashBlockSize: 4 });
    expect(odd).not.toEqual(even);
  });
});

describe('exact block hashes of a prompt in embeddings', () => {
  const path = new URL('../../../../golden/prompt-embeds.json', import.meta.url);
  const { block_hashes: recorded } = JSON.parse(readFileSync(path, 'utf8')) as {
    block_hashes: readonly {
      algorithm: 'sha256' | 'sha256_cbor';
      salt: string | null;
      hashes: readonly string[];
    }[];
  };
  const rows = Float32Array.from({ length: 11 * 64 }, (_, i) => i);
  const data = castFloats(new Uint8Array(rows.buffer), 'float32', 'bfloat16');

  it.each(recorded)('are what vLLM publishes: $algorithm, salt $salt', (one) => {
    const { algorithm, salt: cacheSalt, hashes } = one;
    const promptEmbeds = { dtype: 'bfloat16', shape: [11, 64], data };
    const promptTokenIds = new Array<number>(11).fill(0);
    const request = new TestRequest({ promptTokenIds, promptEmbeds, cacheSalt });
    createBlockHasher({ hashBlockSize: 4, algorithm, exact: true }).update(request);
    expect(hashesOf(request)).toEqual(hashes);
  });

  it('are other ones for other rows, fast ones too', () => {
    const promptTokenIds = new Array<number>(8).fill(0);
    const of = (value: number) => {
      const promptEmbeds = { dtype: 'int8', shape: [8, 1], data: new Uint8Array(8).fill(value) };
      return hash(promptTokenIds, { promptEmbeds });
    };
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });
});
