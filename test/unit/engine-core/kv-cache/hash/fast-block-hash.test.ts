import { describe, expect, it } from 'vitest';
import { createBlockHasher } from '../../../../../src/engine-core/kv-cache/hash/block-hash.ts';
import { TestRequest } from '../../../../support/kv-cache.ts';

type Words = readonly [low: number, high: number];

function wordsOf(
  promptTokenIds: readonly number[],
  { hashBlockSize = promptTokenIds.length, cacheSalt = null as string | null } = {},
): Words[] {
  const request = new TestRequest({ promptTokenIds, cacheSalt });
  createBlockHasher({ hashBlockSize, algorithm: 'sha256', exact: false }).update(request);
  const { blockHashes } = request;
  return Array.from({ length: blockHashes.length }, (_, i) => [
    blockHashes.low(i),
    blockHashes.high(i),
  ]);
}

function numBits(word: number): number {
  return (word >>> 0).toString(2).replaceAll('0', '').length;
}

/** How many of the 32 bits differ, in each word. */
function distance(a: Words | undefined, b: Words | undefined): [number, number] {
  if (a === undefined || b === undefined) throw new Error('no hash');
  return [numBits(a[0] ^ b[0]), numBits(a[1] ^ b[1])];
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** A good hash changes every bit with probability one half, whatever it is that differs. */
function expectToLookRandom(distances: readonly (readonly [number, number])[]): void {
  for (const word of [0, 1] as const) {
    const bits = distances.map((each) => each[word]);
    expect(mean(bits)).toBeGreaterThan(14);
    expect(mean(bits)).toBeLessThan(18);
    expect(Math.min(...bits)).toBeGreaterThan(2);
    expect(Math.max(...bits)).toBeLessThan(30);
  }
}

const prompts = Array.from({ length: 40 }, (_, seed) =>
  Array.from({ length: 16 }, (_unused, i) => (seed * 7919 + i * 104_729) % 150_000),
);

describe('the hash of a block that never leaves the engine', () => {
  it('changes half of its bits where one bit of one token changes, wherever that is', () => {
    for (let position = 0; position < 16; position++) {
      for (const bit of [0, 7, 16]) {
        expectToLookRandom(
          prompts.map((prompt) => {
            const changed = prompt.map((id, i) => (i === position ? id ^ (1 << bit) : id));
            return distance(wordsOf(prompt)[0], wordsOf(changed)[0]);
          }),
        );
      }
    }
  });

  it('changes so where two neighbours swap, and where two far apart do', () => {
    const swapped = (a: number, b: number) =>
      prompts.map((prompt) => {
        const other = [...prompt];
        [other[a], other[b]] = [prompt[b] as number, prompt[a] as number];
        return distance(wordsOf(prompt)[0], wordsOf(other)[0]);
      });

    expectToLookRandom(swapped(4, 5));
    expectToLookRandom(swapped(5, 6));
    expectToLookRandom(swapped(2, 12));
  });

  it('changes so where the block before it did', () => {
    expectToLookRandom(
      prompts.map((prompt) => {
        const changed = [(prompt[0] ?? 0) ^ 1, ...prompt.slice(1)];
        const chain = (ids: readonly number[]) => wordsOf(ids, { hashBlockSize: 4 })[3];
        return distance(chain(prompt), chain(changed));
      }),
    );
  });

  it('changes so with the length, also of blocks with an odd number of tokens', () => {
    expectToLookRandom(
      prompts.map((prompt) =>
        distance(wordsOf(prompt.slice(0, 15))[0], wordsOf(prompt.slice(0, 14))[0]),
      ),
    );
    expectToLookRandom(
      prompts.map((prompt) =>
        distance(wordsOf([...prompt.slice(0, 3), 0])[0], wordsOf(prompt.slice(0, 3))[0]),
      ),
    );
  });

  it('changes so with the salt', () => {
    expectToLookRandom(
      prompts.map((prompt) =>
        distance(wordsOf(prompt, { cacheSalt: 'a' })[0], wordsOf(prompt, { cacheSalt: 'b' })[0]),
      ),
    );
  });

  it('has two words that say different things', () => {
    expectToLookRandom(
      prompts.flatMap((prompt) => {
        const [low, high] = wordsOf(prompt)[0] ?? [0, 0];
        return [distance([low, high], [high, low])];
      }),
    );
  });

  it('is the same for the same tokens, in one go or as they come', () => {
    const prompt = prompts[3] ?? [];
    const hasher = createBlockHasher({ hashBlockSize: 4, algorithm: 'sha256', exact: false });
    const request = new TestRequest({ promptTokenIds: prompt.slice(0, 5) });
    hasher.update(request);
    for (const id of prompt.slice(5)) {
      request.allTokenIds.push(id);
      hasher.update(request);
    }

    const { blockHashes } = request;
    expect(
      Array.from({ length: blockHashes.length }, (_, i) => [
        blockHashes.low(i),
        blockHashes.high(i),
      ]),
    ).toEqual(wordsOf(prompt, { hashBlockSize: 4 }));
    expect(blockHashes.nextTokens).toBe(20);
  });

  it('needs a block size', () => {
    expect(() =>
      createBlockHasher({ hashBlockSize: 0, algorithm: 'sha256', exact: false }),
    ).toThrow('hash block size 0');
  });
});

it('hashes of a request are read within their number', () => {
  const request = new TestRequest({ promptTokenIds: [1, 2, 3, 4] });
  createBlockHasher({ hashBlockSize: 4, algorithm: 'sha256', exact: false }).update(request);

  expect(() => request.blockHashes.low(1)).toThrow('block hash 1 of 1');
  expect(() => request.blockHashes.low(-1)).toThrow('block hash -1 of 1');
});
