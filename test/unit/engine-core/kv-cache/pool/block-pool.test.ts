import { describe, expect, it } from 'vitest';
import { createBlockHasher } from '../../../../../src/engine-core/kv-cache/hash/block-hash.ts';
import { BlockPool, NULL_BLOCK } from '../../../../../src/engine-core/kv-cache/pool/block-pool.ts';
import { KVEventQueue } from '../../../../../src/engine-core/kv-cache/pool/kv-event-queue.ts';
import { GroupTable } from '../../../../../src/engine-core/kv-cache/request-kv-state.ts';
import { createGroup, TestRequest } from '../../../../support/kv-cache.ts';

const HASH_SIZE = 4;

/** A pool of blocks of four tokens, the size of a hash, and a request whose hashes are known. */
function createPool({ numBlocks = 8, enableCaching = true, withEvents = false } = {}) {
  const events = withEvents ? new KVEventQueue([createGroup({ kind: 'full_attention' })]) : null;
  const pool = new BlockPool({ numBlocks, enableCaching, hashBlockSize: HASH_SIZE, events });
  return { pool, events };
}

function createRequest(numTokens: number): TestRequest {
  const request = new TestRequest({
    promptTokenIds: Array.from({ length: numTokens }, (_, i) => i),
  });
  createBlockHasher({ hashBlockSize: HASH_SIZE, algorithm: 'sha256', exact: true }).update(request);
  return request;
}

function take(pool: BlockPool, count: number): GroupTable {
  const table = new GroupTable();
  pool.getNewBlocks(count, table);
  return table;
}

/** Registers the table's first `numFullBlocks` blocks. */
function cache(
  pool: BlockPool,
  request: TestRequest,
  table: GroupTable,
  range: { numCachedBlocks?: number; numFullBlocks: number; mask?: Uint8Array | null },
): void {
  pool.cacheFullBlocks(request, table, {
    numCachedBlocks: 0,
    blockSize: HASH_SIZE,
    group: 0,
    mask: null,
    ...range,
  });
}

function find(pool: BlockPool, request: TestRequest, index: number): number | null {
  const found: number[] = [];
  return pool.findCachedBlock(request, index, [0], found) ? (found[0] ?? null) : null;
}

describe('taking and freeing', () => {
  it('takes from the front, each block with one reference', () => {
    const { pool } = createPool();

    const table = take(pool, 3);

    expect(table.slice()).toEqual([1, 2, 3]);
    expect([1, 2, 3, 4].map((block) => pool.refCount(block))).toEqual([1, 1, 1, 0]);
    expect(pool.numFreeBlocks).toBe(4);
    pool.checkInvariants();
  });

  it('says which share of the blocks is in use, the null block left out', () => {
    const { pool } = createPool({ numBlocks: 5 });

    expect(pool.usage).toBe(0);
    take(pool, 1);
    expect(pool.usage).toBe(0.25);
    take(pool, 3);
    expect(pool.usage).toBe(1);
    expect(createPool({ numBlocks: 1 }).pool.usage).toBe(0);
  });

  it('takes no more than there are', () => {
    const { pool } = createPool({ numBlocks: 4 });

    expect(() => take(pool, 4)).toThrow('Cannot get 4 free blocks from the pool');
    expect(take(pool, 3).length).toBe(3);
  });

  it('frees a block with its last reference', () => {
    const { pool } = createPool();
    take(pool, 1);
    pool.retain(1);

    pool.freeBlocks([1]);
    expect(pool.refCount(1)).toBe(1);
    expect(pool.freeBlockIds()).not.toContain(1);
    pool.freeBlocks([1]);
    expect(pool.freeBlockIds()).toContain(1);
  });

  it('passes the null block over', () => {
    const { pool } = createPool();

    pool.freeBlocks([NULL_BLOCK]);
    pool.touch(NULL_BLOCK);

    expect(pool.freeBlockIds()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(pool.refCount(NULL_BLOCK)).toBe(0);
  });

  it('touches a free block out of the queue', () => {
    const { pool } = createPool();

    pool.touch(3);
    pool.touch(3);

    expect(pool.refCount(3)).toBe(2);
    expect(pool.freeBlockIds()).toEqual([1, 2, 4, 5, 6, 7]);
  });

  it('refuses what would break its count', () => {
    const { pool } = createPool();

    expect(() => pool.freeBlocks([2])).toThrow('block 2 is freed more often than taken');
    expect(() => pool.retain(2)).toThrow('block 2 is not in use');
  });

  it('may write to a block that one request has and no hash names', () => {
    const { pool } = createPool();
    const table = take(pool, 2);
    cache(pool, createRequest(4), table, { numFullBlocks: 1 });
    pool.retain(2);

    expect([NULL_BLOCK, 1, 2, 3].map((block) => pool.isBlockWritable(block))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    pool.freeBlocks([2]);
    expect(pool.isBlockWritable(2)).toBe(true);
  });
});

describe('caching full blocks', () => {
  it('makes them findable by their place in the prefix', () => {
    const { pool } = createPool();
    const request = createRequest(12);
    cache(pool, request, take(pool, 3), { numFullBlocks: 2 });

    expect([0, 1, 2].map((index) => find(pool, request, index))).toEqual([1, 2, null]);
    expect([1, 2, 3].map((block) => pool.hashNumTokens(block))).toEqual([4, 8, 0]);
    expect([1, 3].map((block) => pool.hasHash(block))).toEqual([true, false]);
    expect(pool.primaryKey(3)).toBeNull();
    expect(pool.primaryKey(1)).not.toBe(pool.primaryKey(2));
  });

  it('finds a block only where every group has one', () => {
    const { pool } = createPool();
    const request = createRequest(4);
    cache(pool, request, take(pool, 1), { numFullBlocks: 1 });

    expect(pool.findCachedBlock(request, 0, [0, 1], [])).toBe(false);
    expect(pool.findCachedBlock(request, 0, [], [])).toBe(true);
  });

  it('leaves out what the mask leaves out, and null blocks', () => {
    const { pool, events } = createPool({ withEvents: true });
    const request = createRequest(12);
    const table = take(pool, 3);
    table.ids[0] = NULL_BLOCK;

    cache(pool, request, table, { numFullBlocks: 3, mask: Uint8Array.of(1, 0, 1) });

    expect([0, 1, 2].map((index) => find(pool, request, index))).toEqual([null, null, 3]);
    expect(events?.take()).toMatchObject([
      { type: 'BlockStored', blockHashes: [expect.any(BigInt)], parentBlockHash: null },
    ]);
  });

  it('tells of the range and of the block before it', () => {
    const { pool, events } = createPool({ withEvents: true });
    const request = createRequest(12);
    const table = take(pool, 3);
    cache(pool, request, table, { numFullBlocks: 1 });
    const [first] = events?.take() ?? [];
    cache(pool, request, table, { numCachedBlocks: 1, numFullBlocks: 3 });

    if (first?.type !== 'BlockStored') throw new Error('no BlockStored');
    expect(events?.take()).toMatchObject([
      {
        type: 'BlockStored',
        parentBlockHash: first.blockHashes[0],
        tokenIds: [4, 5, 6, 7, 8, 9, 10, 11],
        blockSize: HASH_SIZE,
        groupIdx: 0,
        medium: 'GPU',
        extraKeys: [null, null],
      },
    ]);
  });

  it('tells nothing of an empty range', () => {
    const { pool, events } = createPool({ withEvents: true });

    cache(pool, createRequest(4), take(pool, 1), { numCachedBlocks: 1, numFullBlocks: 1 });

    expect(events?.take()).toEqual([]);
  });

  it('refuses a block that is cached as long already', () => {
    const { pool } = createPool();
    const request = createRequest(4);
    const table = take(pool, 1);
    cache(pool, request, table, { numFullBlocks: 1 });

    expect(() => cache(pool, request, table, { numFullBlocks: 1 })).toThrow(
      'block 1 is cached for 4 tokens already',
    );
  });

  it('keeps freed blocks findable until they are taken again', () => {
    const { pool, events } = createPool({ numBlocks: 4, withEvents: true });
    const request = createRequest(8);
    const table = take(pool, 2);
    cache(pool, request, table, { numFullBlocks: 2 });
    pool.freeTable(table);
    // Without a hash first, then the tail of the chain.
    expect(pool.freeBlockIds()).toEqual([3, 2, 1]);
    expect(find(pool, request, 1)).toBe(2);
    events?.take();

    take(pool, 2);

    expect(find(pool, request, 1)).toBeNull();
    expect(find(pool, request, 0)).toBe(1);
    expect(pool.hashNumTokens(2)).toBe(0);
    expect(events?.take()).toMatchObject([{ type: 'BlockRemoved', groupIdx: 0, medium: 'GPU' }]);
  });

  it('forgets everything at once while nobody holds a block', () => {
    const { pool, events } = createPool({ withEvents: true });
    const request = createRequest(4);
    const table = take(pool, 1);
    cache(pool, request, table, { numFullBlocks: 1 });
    expect(pool.resetPrefixCache()).toBe(false);
    expect(find(pool, request, 0)).toBe(1);

    pool.freeTable(table);
    events?.take();
    expect(pool.resetPrefixCache()).toBe(true);

    expect(find(pool, request, 0)).toBeNull();
    expect(pool.hasHash(1)).toBe(false);
    expect(events?.take()).toEqual([{ type: 'AllBlocksCleared' }]);
  });
});

describe('caching inside a block', () => {
  it('makes the block findable at that prefix, with an event for the last hash', () => {
    const { pool, events } = createPool({ withEvents: true });
    const request = createRequest(12);
    take(pool, 1);

    expect(pool.cachePartialBlock(request, { block: 1, numTokens: 8, group: 0 })).toBe(true);

    expect([0, 1, 2].map((index) => find(pool, request, index))).toEqual([null, 1, null]);
    expect(pool.hashNumTokens(1)).toBe(8);
    expect(events?.take()).toMatchObject([
      { type: 'BlockStored', tokenIds: [4, 5, 6, 7], blockSize: HASH_SIZE },
    ]);
  });

  it('says no for the null block', () => {
    const { pool } = createPool();
    const partial = { block: NULL_BLOCK, numTokens: 4, group: 0 };

    expect(pool.cachePartialBlock(createRequest(4), partial)).toBe(false);
  });

  it('moves a block on to a longer prefix, and tells of both', () => {
    const { pool, events } = createPool({ withEvents: true });
    const request = createRequest(12);
    take(pool, 1);
    pool.cachePartialBlock(request, { block: 1, numTokens: 4, group: 0 });
    events?.take();

    pool.cachePartialBlock(request, { block: 1, numTokens: 8, group: 0 });

    expect([0, 1].map((index) => find(pool, request, index))).toEqual([null, 1]);
    expect(events?.take().map(({ type }) => type)).toEqual(['BlockRemoved', 'BlockStored']);
  });

  it('enters a block under a shorter prefix besides', () => {
    const { pool, events } = createPool({ withEvents: true });
    const request = createRequest(12);
    take(pool, 1);
    pool.cachePartialBlock(request, { block: 1, numTokens: 8, group: 0 });
    pool.cachePartialBlock(request, { block: 1, numTokens: 4, group: 0 });
    expect([0, 1].map((index) => find(pool, request, index))).toEqual([1, 1]);
    expect(pool.hashNumTokens(1)).toBe(8);
    events?.take();

    pool.maybeEvictCachedBlock(1);

    expect([0, 1].map((index) => find(pool, request, index))).toEqual([null, null]);
    expect(events?.take()).toHaveLength(2);
  });

  it('tells of the same prefix once', () => {
    const { pool, events } = createPool({ withEvents: true });
    const request = createRequest(12);
    take(pool, 1);
    const partial = { block: 1, numTokens: 8, group: 0 };
    pool.cachePartialBlock(request, partial);
    events?.take();

    expect(pool.cachePartialBlock(request, partial)).toBe(true);
    expect(events?.take()).toEqual([]);
  });

  it('can drop what the block was cached under, as its contents are new', () => {
    const { pool, events } = createPool({ withEvents: true });
    const request = createRequest(12);
    take(pool, 1);
    pool.cachePartialBlock(request, { block: 1, numTokens: 12, group: 0 });
    events?.take();

    pool.cachePartialBlock(request, {
      block: 1,
      numTokens: 4,
      group: 0,
      replaceExistingHashes: true,
    });

    expect([0, 2].map((index) => find(pool, request, index))).toEqual([1, null]);
    expect(pool.hashNumTokens(1)).toBe(4);
    expect(events?.take().map(({ type }) => type)).toEqual(['BlockRemoved', 'BlockStored']);
  });

  it('refuses a prefix that has no hash', () => {
    const { pool } = createPool();
    const request = createRequest(8);
    take(pool, 1);

    for (const numTokens of [0, 6, 12]) {
      expect(() => pool.cachePartialBlock(request, { block: 1, numTokens, group: 0 })).toThrow(
        `a partial block of ${numTokens} tokens with 2 hashes`,
      );
    }
  });
});

describe('moving what a block is cached under', () => {
  it('leads the same prefixes to the other block, without an event', () => {
    const { pool, events } = createPool({ withEvents: true });
    const request = createRequest(8);
    take(pool, 2);
    pool.cachePartialBlock(request, { block: 1, numTokens: 8, group: 0 });
    pool.cachePartialBlock(request, { block: 1, numTokens: 4, group: 0 });
    events?.take();

    pool.moveBlockHashes(1, 2);

    expect([0, 1].map((index) => find(pool, request, index))).toEqual([2, 2]);
    expect(pool.hasHash(1)).toBe(false);
    expect(pool.hashNumTokens(2)).toBe(8);
    expect(events?.take()).toEqual([]);
  });

  it('does nothing for a block without a hash, and refuses a target that has one', () => {
    const { pool } = createPool();
    const request = createRequest(4);
    take(pool, 2);
    pool.moveBlockHashes(1, 2);
    expect(pool.hasHash(2)).toBe(false);

    pool.cachePartialBlock(request, { block: 2, numTokens: 4, group: 0 });
    expect(() => pool.moveBlockHashes(1, 2)).toThrow('block 2 is cached already');
  });
});

it('a pool without prefix caching frees to the front and evicts nothing', () => {
  const { pool } = createPool({ numBlocks: 5, enableCaching: false });
  const table = take(pool, 2);

  pool.freeTable(table);

  expect(pool.freeBlockIds()).toEqual([2, 1, 3, 4]);
});
