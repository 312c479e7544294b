import { describe, expect, it } from 'vitest';
import { createLoRARequest, type GroupRecord, KVCacheBench } from '../../../support/kv-cache.ts';

const full: GroupRecord = { kind: 'full_attention' };
const window: GroupRecord = { kind: 'sliding_window', window: 32 };
const mamba: GroupRecord = { kind: 'mamba', mode: 'align' };
/** A prompt that shares nothing with the others. */
const other = (length: number, seed = 9) => Array.from({ length }, (_, i) => 1000 * seed + i);

describe('full attention', () => {
  it('gives blocks in order and none while a block has room', () => {
    const bench = new KVCacheBench();
    const request = bench.request(30);
    expect(bench.admit(request)?.blocks).toEqual([[1, 2]]);
    expect(bench.decode(request, 1)).toBe(bench.manager.emptyKVCacheBlocks);
    expect(bench.decode(request, 1)).toBe(bench.manager.emptyKVCacheBlocks);
    expect(bench.decode(request, 1)?.blocks).toEqual([[3]]);
    expect(bench.manager.getBlockIds(request)).toEqual([[1, 2, 3]]);
  });

  it('leaves the last token out of a hit, so that a whole prompt of four blocks hits three', () => {
    const bench = new KVCacheBench();
    bench.admit(bench.request(64));
    const again = bench.request(64);
    const hit = bench.manager.getComputedBlocks(again);
    expect(hit.numComputedTokens).toBe(48);
    expect(hit.blocks.blocks).toEqual([[1, 2, 3]]);
    expect(bench.admit(again)?.blocks).toEqual([[5]]);
    expect(bench.manager.blockPool.refCount(1)).toBe(2);
  });

  it('finds the block that was cached first among equals', () => {
    const bench = new KVCacheBench();
    const a = bench.request(33);
    const b = bench.request(33, { skipReadingPrefixCache: true });
    bench.admit(a);
    bench.admit(b);
    expect(bench.manager.getBlockIds(b)).toEqual([[4, 5, 6]]);
    expect(bench.manager.getComputedBlocks(bench.request(33)).blocks.blocks).toEqual([[1, 2]]);
    bench.manager.free(a);
    bench.admit(bench.request(other(16 * 13)));
    bench.admit(bench.request(other(16 * 3, 8)));
    expect(bench.manager.getComputedBlocks(bench.request(33)).blocks.blocks).toEqual([[4, 5]]);
  });

  it('frees tail first: unhashed to the head of the queue, hashed to its tail', () => {
    const bench = new KVCacheBench({ numBlocks: 8 });
    const request = bench.request(40);
    bench.admit(request);
    bench.manager.free(request);
    expect(bench.manager.freeBlockQueue()).toEqual([3, 4, 5, 6, 7, 2, 1]);
    expect(request.kvState).toBeNull();
    expect(bench.manager.usage).toBe(0);
  });

  it('refuses what does not fit and changes nothing', () => {
    const bench = new KVCacheBench({ numBlocks: 4 });
    const request = bench.request(64);
    expect(bench.admit(request)).toBeNull();
    expect(bench.admit(request, { numNewTokens: 16, fullSequenceMustFit: false })?.blocks).toEqual([
      [1],
    ]);
    expect(bench.manager.allocateSlots(request, 48)).toBeNull();
    expect(bench.manager.getBlockIds(request)).toEqual([[1]]);
    expect(bench.manager.numFreeBlocks).toBe(2);
  });

  it('keeps the watermark free for requests that run', () => {
    const bench = new KVCacheBench({ numBlocks: 10, watermark: 0.25 });
    expect(bench.manager.watermarkBlocks).toBe(2);
    expect(bench.admit(bench.request(16 * 8), { applyWatermark: true })).toBeNull();
    expect(bench.admit(bench.request(16 * 8), { applyWatermark: false })).not.toBeNull();
  });

  it('counts hit blocks that lie in the free queue as needed', () => {
    const bench = new KVCacheBench({ numBlocks: 6 });
    const first = bench.request(49);
    bench.admit(first);
    bench.manager.free(first);
    bench.admit(bench.request(other(32)));
    // Three free blocks, all of them the hit: nothing is left for the fourth.
    expect(bench.manager.getComputedBlocks(bench.request(49)).numComputedTokens).toBe(48);
    expect(bench.admit(bench.request(49))).toBeNull();
  });

  it('does not hit across LoRA adapters or salts', () => {
    const bench = new KVCacheBench();
    bench.admit(bench.request(33, { loraRequest: createLoRARequest(['a', 1, '/a']) }));
    bench.admit(bench.request(33, { cacheSalt: 'x' }));
    const hit = (options: object) =>
      bench.manager.getComputedBlocks(bench.request(33, options)).numComputedTokens;
    expect(hit({})).toBe(0);
    expect(hit({ loraRequest: createLoRARequest(['b', 2, '/b']) })).toBe(0);
    expect(hit({ loraRequest: createLoRARequest(['a', 1, '/a']) })).toBe(32);
    expect(hit({ cacheSalt: 'x' })).toBe(32);
  });

  it('resets the prefix cache only while nobody holds a block', () => {
    const bench = new KVCacheBench({ numBlocks: 6, enableKvCacheEvents: true });
    const request = bench.request(33);
    bench.admit(request);
    expect(bench.manager.resetPrefixCache()).toBe(false);
    bench.manager.free(request);
    const order = bench.manager.freeBlockQueue();
    expect(bench.manager.resetPrefixCache()).toBe(true);
    expect(bench.manager.freeBlockQueue()).toEqual(order);
    expect(bench.manager.takeEvents().map((e) => e.type)).toEqual([
      'BlockStored',
      'AllBlocksCleared',
    ]);
    expect(bench.manager.makePrefixCacheStats()?.reset).toBe(true);
    expect(bench.manager.makePrefixCacheStats()?.reset).toBe(false);
    expect(bench.manager.getComputedBlocks(bench.request(33)).numComputedTokens).toBe(0);
  });

  it('counts lookups of admitted requests, those after a preemption apart', () => {
    const bench = new KVCacheBench();
    const request = bench.request(33);
    bench.manager.recordPrefixCacheStats(request, 16);
    request.numPreemptions = 1;
    bench.manager.recordPrefixCacheStats(request, 32);
    const skipping = bench.request(33, { skipReadingPrefixCache: true });
    bench.manager.recordPrefixCacheStats(skipping, 0);
    expect(bench.manager.makePrefixCacheStats()).toEqual({
      reset: false,
      requests: 1,
      queries: 33,
      hits: 16,
      preemptedRequests: 1,
      preemptedQueries: 33,
      preemptedHits: 32,
      hitsBySource: {},
    });
  });

  it('publishes what is stored and removed', () => {
    const bench = new KVCacheBench({ numBlocks: 4, enableKvCacheEvents: true });
    const request = bench.request(33, { cacheSalt: 's', sessionId: 'session' });
    bench.admit(request);
    bench.manager.free(request);
    const [stored] = bench.manager.takeEvents();
    expect(stored).toMatchObject({
      type: 'BlockStored',
      parentBlockHash: null,
      tokenIds: request.allTokenIds.slice(0, 32),
      blockSize: 16,
      extraKeys: [['s'], null],
      groupIdx: 0,
      kvCacheSpecKind: 'full_attention',
      sessionId: 'session',
    });
    if (stored?.type !== 'BlockStored') throw new Error('no BlockStored');
    bench.admit(bench.request(other(48)));
    const removed = bench.manager.takeEvents().filter((e) => e.type === 'BlockRemoved');
    // Least recently freed first: the tail of the chain.
    expect(removed.flatMap((e) => e.blockHashes)).toEqual([...stored.blockHashes].reverse());
  });

  it('estimates what a request has in the cache', () => {
    const bench = new KVCacheBench();
    const request = bench.request(40);
    expect(bench.manager.estimateCachedTokens(request)).toBe(0);
    bench.admit(request);
    expect(bench.manager.estimateCachedTokens(request)).toBe(32);
  });
});

describe('sliding window', () => {
  it('replaces blocks that left the window by the null block and frees them', () => {
    const bench = new KVCacheBench({ groups: [window] });
    const request = bench.request(80);
    bench.admit(request, { numNewTokens: 64 });
    expect(bench.manager.allocateSlots(request, 16)?.blocks).toEqual([[2]]);
    expect(bench.manager.getBlockIds(request)).toEqual([[0, 0, 3, 4, 2]]);
  });

  it('hits where the window before the hit is cached, with null blocks before it', () => {
    const bench = new KVCacheBench({ groups: [full, window], retentionInterval: null });
    const request = bench.request(80);
    bench.admit(request);
    bench.manager.free(request);
    const hit = bench.manager.getComputedBlocks(bench.request(80));
    expect(hit.numComputedTokens).toBe(64);
    expect(hit.blocks.blocks).toEqual([
      [1, 2, 3, 4],
      [0, 0, 8, 9],
    ]);
  });

  it('keeps the replay boundary only, and the junction once somebody met it', () => {
    const bench = new KVCacheBench({ groups: [full, window], numBlocks: 60 });
    bench.admit(bench.request(100));
    const prompt = Array.from({ length: 80 }, (_, i) => i);
    const second = bench.request([...prompt, ...other(40)]);
    bench.admit(second);
    // Full attention had 80 tokens, the window nothing that ends there.
    expect(second.numComputedTokens).toBe(120);
    expect(second.sharedPrefixBoundary).toBe(80);
    const third = bench.manager.getComputedBlocks(bench.request([...prompt, ...other(40, 7)]));
    expect(third.numComputedTokens).toBe(80);
    expect(third.sharedPrefixBoundary).toBe(0);
  });
});

describe('chunked local attention', () => {
  it('looks at the chunk of the next token only', () => {
    const bench = new KVCacheBench({ groups: [{ kind: 'chunked_local_attention', chunk: 32 }] });
    // Nothing is cached, and nothing needs to be: a chunk starts at token 64.
    const hit = bench.manager.getComputedBlocks(bench.request(70));
    expect(hit.numComputedTokens).toBe(64);
    expect(hit.blocks.blocks).toEqual([[0, 0, 0, 0]]);
  });
});

describe('mamba', () => {
  it('keeps one state per request with caching off', () => {
    const bench = new KVCacheBench({
      groups: [full, { kind: 'mamba', mode: 'none', block_size: 256 }],
      enableCaching: false,
    });
    const request = bench.request(40);
    expect(bench.admit(request)?.blocks).toEqual([[1, 2, 3], [4]]);
    for (let i = 0; i < 30; i++) bench.decode(request, 1);
    expect(bench.manager.getBlockIds(request)[1]).toEqual([4]);
  });

  it('holds the last states of an aligned request and nulls the rest', () => {
    const bench = new KVCacheBench({ groups: [full, mamba], maxModelLen: 512, numBlocks: 60 });
    const request = bench.request(80);
    bench.admit(request, { numNewTokens: 64 });
    expect(bench.manager.getBlockIds(request)[1]).toEqual([0, 0, 0, 5]);
    bench.manager.allocateSlots(request, 16);
    request.numComputedTokens = 80;
    expect(bench.manager.getBlockIds(request)[1]).toEqual([0, 0, 0, 5, 7]);
    bench.decode(request, 1);
    expect(bench.manager.getBlockIds(request)[1]?.slice(0, 4)).toEqual([0, 0, 0, 0]);
  });

  it('lets nobody hit a state in the step that writes it', () => {
    const bench = new KVCacheBench({ groups: [full, mamba], numBlocks: 60 });
    bench.admit(bench.request(65), { numNewTokens: 64 });
    expect(bench.admit(bench.request(65))).toBeNull();
    bench.manager.newStepStarts();
    expect(bench.admit(bench.request(65))).not.toBeNull();
  });

  it('copies a partial state that is hit', () => {
    const bench = new KVCacheBench({
      groups: [full, { ...mamba, block_size: 64 }],
      numBlocks: 60,
      blockSize: 64,
    });
    const first = bench.request(90);
    bench.admit(first, { numNewTokens: 80 });
    bench.manager.allocateSlots(first, 10);
    // The request goes on in its block; the cached state moved to a copy.
    const own = bench.manager.takeKvCacheBlockCopies();
    const state = bench.manager.getBlockIds(first)[1]?.at(-1);
    expect(own?.copies.map((c) => c.srcBlockId)).toEqual([state]);
    bench.manager.freeBlocks(own?.retainedBlocks ?? []);
    bench.manager.newStepStarts();
    const second = bench.request(90);
    expect(bench.manager.getComputedBlocks(second).numComputedTokens).toBe(80);
    bench.admit(second);
    const copy = bench.manager.takeKvCacheBlockCopies();
    expect(copy?.copies[0]?.srcBlockId).toBe(own?.copies[0]?.dstBlockId);
    expect(copy?.copies[0]?.dstBlockId).toBe(bench.manager.getBlockIds(second)[1]?.at(-1));
    bench.manager.freeBlocks(copy?.retainedBlocks ?? []);
    expect(bench.manager.takeKvCacheBlockCopies()).toBeNull();
    bench.manager.checkInvariants();
  });
});

describe('other kinds', () => {
  it('gives cross attention its blocks once, by the encoder', () => {
    const bench = new KVCacheBench({
      groups: [full, { kind: 'cross_attention' }],
      enableCaching: false,
    });
    const request = bench.request(10);
    expect(bench.admit(request, { numEncoderTokens: 50 })?.blocks).toEqual([[1], [2, 3, 4, 5]]);
    for (let i = 0; i < 10; i++) bench.decode(request, 1);
    expect(bench.manager.getBlockIds(request)).toEqual([
      [1, 6],
      [2, 3, 4, 5],
    ]);
  });

  it('drops the gap between prompt and decode window (R-SWA)', () => {
    const bench = new KVCacheBench({ groups: [{ kind: 'rswa', window: 16 }] });
    const request = bench.request(16);
    bench.admit(request);
    for (let i = 0; i < 70; i++) bench.decode(request, 1);
    const [table] = bench.manager.getBlockIds(request);
    expect(table?.map((block) => block === 0)).toEqual([false, true, true, true, false, false]);
  });

  it('gives a ring one block', () => {
    const bench = new KVCacheBench({ groups: [full, { kind: 'circular_buffer' }] });
    const request = bench.request(40);
    expect(bench.admit(request)?.blocks).toEqual([[1, 2, 3], [4]]);
    for (let i = 0; i < 20; i++) bench.decode(request, 1);
    expect(bench.manager.getBlockIds(request)[1]).toEqual([4]);
  });
});
