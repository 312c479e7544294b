import { describe, expect, it } from 'vitest';
import { type GroupRecord, KVCacheBench } from '../../../support/kv-cache.ts';

const full: GroupRecord = { kind: 'full_attention' };
const full32: GroupRecord = { kind: 'full_attention', block_size: 32 };
const window: GroupRecord = { kind: 'sliding_window', window: 32 };
const mamba64: GroupRecord = { kind: 'mamba', mode: 'align', block_size: 64 };
const other = (length: number, seed = 9) => Array.from({ length }, (_, i) => 1000 * seed + i);
const shared = (length: number, rest: readonly number[]) => [
  ...Array.from({ length }, (_, i) => i),
  ...rest,
];

describe('a hit that ends inside a block of full attention', () => {
  /** Hashes of 16 tokens, as the window’s blocks are so small. */
  const createBench = () =>
    new KVCacheBench({
      groups: [full32, window, mamba64],
      numBlocks: 80,
      blockSize: 16,
      retentionInterval: 0,
    });

  function fill(bench: KVCacheBench) {
    const first = bench.request(90);
    bench.admit(first, { numNewTokens: 80 });
    bench.manager.allocateSlots(first, 10);
    first.numComputedTokens = 90;
    bench.manager.freeBlocks(bench.manager.takeKvCacheBlockCopies()?.retainedBlocks ?? []);
    bench.manager.newStepStarts();
    return first;
  }

  it('shares the full blocks and copies the one that it ends in', () => {
    const bench = createBench();
    const first = fill(bench);
    const [tail] = bench.manager.getBlockIds(first)[0]?.slice(2) ?? [];
    const second = bench.request(90);

    expect(bench.manager.getComputedBlocks(second).numComputedTokens).toBe(80);
    bench.admit(second);

    const copies = bench.manager.takeKvCacheBlockCopies();
    const [mine] = bench.manager.getBlockIds(second);
    expect(mine?.slice(0, 2)).toEqual(bench.manager.getBlockIds(first)[0]?.slice(0, 2));
    expect(mine?.[2]).not.toBe(tail);
    expect(copies?.copies).toContainEqual({ srcBlockId: tail, dstBlockId: mine?.[2] });
    bench.manager.freeBlocks(copies?.retainedBlocks ?? []);
    bench.manager.free(first);
    bench.manager.free(second);
    expect(bench.manager.usage).toBe(0);
    bench.manager.checkInvariants();
  });

  it('needs blocks for the copies', () => {
    const bench = createBench();
    fill(bench);
    const free = bench.manager.numFreeBlocks;
    const second = bench.request(90);
    const before = bench.manager.getComputedBlocks(second);
    expect(before.numComputedTokens).toBe(80);

    bench.admit(second);

    // A block that follows the hit for the window, the state that was free, and a copy for it and for full attention.
    expect(free - bench.manager.numFreeBlocks).toBe(4);
  });
});

describe('full attention beside another kind', () => {
  it('gives up what the other kind has not', () => {
    const bench = new KVCacheBench({ groups: [full, window], numBlocks: 60 });
    const first = bench.request(100);
    bench.admit(first);
    bench.manager.free(first);

    // The window kept what an identical prompt resumes at, and nothing else.
    expect(bench.manager.getComputedBlocks(bench.request(100)).numComputedTokens).toBe(96);
    const hit = bench.manager.getComputedBlocks(bench.request(shared(64, other(30))));
    expect(hit).toMatchObject({ numComputedTokens: 0, sharedPrefixBoundary: 64 });
    expect(hit.blocks).toBe(bench.manager.emptyKVCacheBlocks);
  });

  it('keeps a tail for every interval where retention has one', () => {
    const bench = new KVCacheBench({
      groups: [full, window],
      numBlocks: 60,
      retentionInterval: 64,
    });
    bench.admit(bench.request(150));
    const hitOf = (length: number) =>
      bench.manager.getComputedBlocks(bench.request(shared(length, other(30)))).numComputedTokens;

    expect([48, 64, 80, 112, 128, 144].map(hitOf)).toEqual([0, 64, 64, 64, 128, 144]);
  });

  it('keeps every boundary where retention is dense', () => {
    const bench = new KVCacheBench({
      groups: [full, window],
      numBlocks: 60,
      retentionInterval: null,
    });
    bench.admit(bench.request(150));
    const hitOf = (length: number) =>
      bench.manager.getComputedBlocks(bench.request(shared(length, other(30)))).numComputedTokens;

    expect([16, 48, 80, 144].map(hitOf)).toEqual([16, 48, 80, 144]);
  });

  it('is looked up once for groups that are alike', () => {
    const bench = new KVCacheBench({ groups: [full, window, full], numBlocks: 60 });
    bench.admit(bench.request(100));

    const hit = bench.manager.getComputedBlocks(bench.request(100));

    expect(hit.numComputedTokens).toBe(96);
    expect(hit.blocks.blocks.map((blocks) => blocks.length)).toEqual([6, 6, 6]);
    expect(new Set(hit.blocks.blocks[0]).size).toBe(6);
    expect(hit.blocks.blocks[0]).not.toEqual(hit.blocks.blocks[2]);
  });
});

describe('chunked local attention', () => {
  it('hits the blocks of the chunk that the next token is in, until the first miss', () => {
    const bench = new KVCacheBench({ groups: [{ kind: 'chunked_local_attention', chunk: 64 }] });
    bench.admit(bench.request(60));

    const hit = bench.manager.getComputedBlocks(bench.request(60));
    expect(hit.numComputedTokens).toBe(48);
    expect(hit.blocks.blocks).toEqual([[1, 2, 3]]);
    const shorter = bench.manager.getComputedBlocks(bench.request(shared(32, other(28))));
    expect(shorter.numComputedTokens).toBe(32);
    expect(shorter.blocks.blocks).toEqual([[1, 2]]);
  });
});

describe('a sliding window alone', () => {
  it('hits the start of a prefix although no whole window is cached', () => {
    const bench = new KVCacheBench({
      groups: [{ kind: 'sliding_window', window: 64 }],
      retentionInterval: null,
    });
    bench.admit(bench.request(40));

    expect(bench.manager.getComputedBlocks(bench.request(40)).numComputedTokens).toBe(32);
    const miss = bench.manager.getComputedBlocks(bench.request(other(40)));
    expect(miss.numComputedTokens).toBe(0);
  });
});

describe('what is offered to the cache later', () => {
  it('can be hit from then on', () => {
    const bench = new KVCacheBench();
    const request = bench.request(20);
    bench.admit(request);
    for (let i = 0; i < 12; i++) bench.append(request, 500 + i);
    bench.manager.allocateSlots(request, 12);
    const again = () => bench.manager.getComputedBlocks(bench.request([...request.allTokenIds, 1]));
    expect(again().numComputedTokens).toBe(32);

    bench.manager.cacheBlocks(request, 32);
    expect(again().numComputedTokens).toBe(32);
    bench.manager.cacheBlocks(bench.request(5), 5);
  });

  it('frees what left the window once it is processed', () => {
    const bench = new KVCacheBench({ groups: [window] });
    const request = bench.request(80);
    bench.admit(request);

    bench.manager.removeSkippedBlocks(request, 80);

    expect(bench.manager.getBlockIds(request)).toEqual([[0, 0, 0, 4, 5]]);
    const idle = bench.request(5);
    bench.manager.removeSkippedBlocks(idle, 5);
    expect(bench.manager.getBlockIds(idle)).toEqual([[]]);
  });
});

describe('an allocation', () => {
  it('of nothing is a bug of who asks', () => {
    const bench = new KVCacheBench();

    expect(() => bench.manager.allocateSlots(bench.request(5), 0)).toThrow(
      'num_new_tokens must be greater than 0 when there are no computed tokens to adopt',
    );
  });

  it('ends at the model length', () => {
    const bench = new KVCacheBench({ maxModelLen: 32 });
    const request = bench.request(32);
    bench.admit(request);

    expect(bench.decode(request, 1)).toBe(bench.manager.emptyKVCacheBlocks);
    expect(bench.manager.getBlockIds(request)).toEqual([[1, 2]]);
  });

  it('of a window admits what fits its window, however long the prompt is', () => {
    const bench = new KVCacheBench({
      groups: [window],
      numBlocks: 12,
      maxModelLen: 1024,
      maxInFlightTokens: 64,
    });
    const long = bench.request(400);

    expect(bench.admit(long, { numNewTokens: 64 })).not.toBeNull();
    const tooLong = new KVCacheBench({ numBlocks: 12, maxModelLen: 1024 });
    expect(tooLong.admit(tooLong.request(400), { numNewTokens: 64 })).toBeNull();
  });
});
