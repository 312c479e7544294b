/**
 * The pool of KV cache blocks: who uses them (reference counts), what they hold (hashes) and which goes next (the free
 * queue). A block whose count is 0 is in the free queue even while it has a hash: that is the prefix cache, and taking
 * such a block is eviction. Called by the managers; knows neither requests' tables nor attention kinds.
 * Source: vllm/v1/core/block_pool.py BlockPool (0.33.0). Leaves out: several pools, pinned blocks of KV connectors.
 */
import { assert } from '../../../shared/assert.ts';
import { toExternalBlockHash } from '../hash/block-hash.ts';
import type { KVCacheMetricsCollector } from '../kv-cache-metrics.ts';
import type { KVCacheRequest } from '../kv-cache-request.ts';
import type { GroupTable } from '../request-kv-state.ts';
import { BlockHashMap } from './block-hash-map.ts';
import { FreeBlockQueue } from './free-block-queue.ts';
import type { KVEventQueue } from './kv-event-queue.ts';

/** The placeholder in block tables; never free, never cached, its reference count is not kept. */
export const NULL_BLOCK = 0;

export interface BlockPoolOptions {
  /** Blocks, the null block included. */
  readonly numBlocks: number;
  readonly enableCaching: boolean;
  readonly hashBlockSize: number;
  readonly events?: KVEventQueue | null;
  readonly metricsCollector?: KVCacheMetricsCollector | null;
}

export interface FullBlocks {
  /** Table entries [numCachedBlocks, numFullBlocks) are offered to the cache. */
  readonly numCachedBlocks: number;
  readonly numFullBlocks: number;
  readonly blockSize: number;
  readonly group: number;
  /** From entry numCachedBlocks on: 0 keeps a block out of the cache. Null caches all. */
  readonly mask: Uint8Array | null;
}

export interface PartialBlock {
  readonly block: number;
  /** The prefix that the block ends here; a multiple of the hash block size. */
  readonly numTokens: number;
  readonly group: number;
  /** The contents were replaced: what the block was cached under before is gone. */
  readonly replaceExistingHashes?: boolean;
}

export class BlockPool {
  readonly numBlocks: number;
  readonly enableCaching: boolean;
  readonly hashBlockSize: number;
  readonly #free: FreeBlockQueue;
  readonly #refCounts: Int32Array;
  /** Tokens of the prefix that a block's primary hash covers; 0 = the block has no hash. */
  readonly #hashNumTokens: Int32Array;
  readonly #cached: BlockHashMap;
  readonly #events: KVEventQueue | null;
  readonly #metrics: KVCacheMetricsCollector | null;

  constructor(options: BlockPoolOptions) {
    this.numBlocks = options.numBlocks;
    this.enableCaching = options.enableCaching;
    this.hashBlockSize = options.hashBlockSize;
    this.#free = new FreeBlockQueue(options.numBlocks);
    this.#refCounts = new Int32Array(options.numBlocks);
    this.#hashNumTokens = new Int32Array(options.numBlocks);
    this.#cached = new BlockHashMap(options.enableCaching ? options.numBlocks : 1);
    this.#events = options.events ?? null;
    this.#metrics = options.metricsCollector ?? null;
  }

  get numFreeBlocks(): number {
    return this.#free.numFreeBlocks;
  }

  /** The fraction of blocks that live requests refer to. Source: get_usage. */
  get usage(): number {
    const total = this.numBlocks - 1;
    return total === 0 ? 0 : 1 - this.#free.numFreeBlocks / total;
  }

  refCount(block: number): number {
    return this.#refCounts[block] as number;
  }

  hasHash(block: number): boolean {
    return this.#hashNumTokens[block] !== 0;
  }

  /** Tokens of the prefix that ends with this block, 0 when it is not cached. */
  hashNumTokens(block: number): number {
    return this.#hashNumTokens[block] as number;
  }

  /** The group whose prefix cache has the block; null where none has. */
  groupOf(block: number): number | null {
    return this.hasHash(block) ? this.#cached.group(block) : null;
  }

  /** The 64 bits by which events and other processes know the block; null where it has no hash. */
  externalHash(block: number): bigint | null {
    if (!this.hasHash(block)) return null;
    return toExternalBlockHash(this.#cached.low(block), this.#cached.high(block));
  }

  /** Identifies the primary hash of a block within its group, null when it has none. */
  primaryKey(block: number): string | null {
    if (!this.hasHash(block)) return null;
    return `${this.#cached.low(block)},${this.#cached.high(block)}`;
  }

  /**
   * Looks hash number `index` of the request up in every group; true when all have it, and `found` then holds one
   * block per group. Source: get_cached_block.
   */
  findCachedBlock(
    request: KVCacheRequest,
    index: number,
    groups: readonly number[],
    found: number[],
  ): boolean {
    const hashes = request.blockHashes;
    const low = hashes.low(index);
    const high = hashes.high(index);
    for (let i = 0; i < groups.length; i++) {
      const block = this.#cached.getOneBlock(low, high, groups[i] as number);
      if (block === NULL_BLOCK) return false;
      found[i] = block;
    }
    return true;
  }

  /**
   * Registers full blocks of a table under their hashes, null and masked ones left out, and records one BlockStored
   * for the range (even when the mask left nothing). Source: cache_full_blocks.
   */
  cacheFullBlocks(request: KVCacheRequest, table: GroupTable, full: FullBlocks): void {
    const { numCachedBlocks, numFullBlocks, blockSize, group, mask } = full;
    if (numCachedBlocks >= numFullBlocks) return;
    const hashesPerBlock = blockSize / this.hashBlockSize;
    const hashes = request.blockHashes;
    const stored: { hashes: bigint[]; starts: number[] } | null =
      this.#events === null ? null : { hashes: [], starts: [] };
    for (let i = numCachedBlocks; i < numFullBlocks; i++) {
      const block = table.get(i);
      if (block === NULL_BLOCK || (mask !== null && mask[i - numCachedBlocks] === 0)) continue;
      const hashIndex = (i + 1) * hashesPerBlock - 1;
      const numTokens = (i + 1) * blockSize;
      if (this.hasHash(block)) {
        // Only a block that was cached at a boundary inside it and is full by now.
        assert(
          this.hashNumTokens(block) < numTokens,
          () => `block ${block} is cached for ${this.hashNumTokens(block)} tokens already`,
        );
        this.#removeHashes(block);
      }
      this.#insertHash(block, request, hashIndex, group);
      if (stored !== null) {
        stored.hashes.push(toExternalBlockHash(hashes.low(hashIndex), hashes.high(hashIndex)));
        stored.starts.push(i * blockSize);
      }
    }
    if (stored === null) return;
    this.#events?.blockStored({
      request,
      group,
      blockSize,
      startToken: numCachedBlocks * blockSize,
      endToken: numFullBlocks * blockSize,
      blockHashes: stored.hashes,
      parentBlockHash: this.#externalHash(request, numCachedBlocks * hashesPerBlock - 1),
      hashedBlockStarts: stored.starts,
      hashedBlockSize: blockSize,
    });
  }

  /**
   * Makes a block reachable at a prefix that ends inside it. False for the null block.
   * Source: cache_partial_block.
   */
  cachePartialBlock(request: KVCacheRequest, partial: PartialBlock): boolean {
    const { block, numTokens, group } = partial;
    if (block === NULL_BLOCK) return false;
    const size = this.hashBlockSize;
    const hashIndex = numTokens / size - 1;
    const hashes = request.blockHashes;
    assert(
      Number.isInteger(hashIndex) && hashIndex >= 0 && hashIndex < hashes.length,
      () => `a partial block of ${numTokens} tokens with ${hashes.length} hashes`,
    );
    const low = hashes.low(hashIndex);
    const high = hashes.high(hashIndex);
    let alreadyCached = this.#cached.contains(low, high, group, block);
    if (partial.replaceExistingHashes === true) {
      this.#removeHashes(block);
      alreadyCached = false;
    } else if (!alreadyCached && this.hasHash(block) && this.hashNumTokens(block) < numTokens) {
      this.#removeHashes(block);
    }
    this.#insertHash(block, request, hashIndex, group);
    if (alreadyCached) return true;
    this.#events?.blockStored({
      request,
      group,
      blockSize: size,
      startToken: numTokens - size,
      endToken: numTokens,
      blockHashes: [toExternalBlockHash(low, high)],
      parentBlockHash: this.#externalHash(request, hashIndex - 1),
      hashedBlockStarts: [numTokens - size],
      hashedBlockSize: size,
    });
    return true;
  }

  /** The prefix cache finds `to` where it found `from`; no event, since the contents move too. */
  moveBlockHashes(from: number, to: number): void {
    assert(!this.hasHash(to), () => `block ${to} is cached already`);
    if (!this.hasHash(from)) return;
    const map = this.#cached;
    const numTokens = this.hashNumTokens(from);
    const entries = [from, ...(map.extrasOf(from) ?? [])];
    const keys = entries.map((e) => [map.low(e), map.high(e), map.group(e)] as const);
    this.#dropHashes(from);
    const [primary, ...extras] = keys;
    assert(primary !== undefined, 'a cached block has a primary hash');
    map.insertPrimary(primary[0], primary[1], primary[2], to);
    for (const key of extras) map.insertExtra(key[0], key[1], key[2], to);
    this.#hashNumTokens[to] = numTokens;
  }

  /**
   * Takes `count` blocks from the front of the free queue, evicting cached ones on the way, and appends them to
   * `table`, each with a reference count of 1. The caller has checked `numFreeBlocks`. Source: get_new_blocks.
   */
  getNewBlocks(count: number, table: GroupTable): void {
    assert(count <= this.numFreeBlocks, () => `Cannot get ${count} free blocks from the pool`);
    for (let i = 0; i < count; i++) table.push(this.getNewBlock());
  }

  /** One block, as `getNewBlocks`. */
  getNewBlock(): number {
    const block = this.#free.popleft();
    if (this.enableCaching) this.maybeEvictCachedBlock(block);
    assert(this.#refCounts[block] === 0, () => `free block ${block} has references`);
    this.#refCounts[block] = 1;
    this.#metrics?.onBlockAllocated(block);
    return block;
  }

  /** Drops a block's hashes, with an event each. */
  maybeEvictCachedBlock(block: number): void {
    this.#metrics?.onBlockEvicted(block);
    if (this.hasHash(block)) this.#removeHashes(block);
  }

  /** One more reference; a block that was free leaves the free queue. */
  touch(block: number): void {
    if (block === NULL_BLOCK) return;
    if (this.#refCounts[block] === 0) this.#free.remove(block);
    this.#refCounts[block] = this.refCount(block) + 1;
    this.#metrics?.onBlockAccessed(block);
  }

  /** One more reference to a block that is in use. */
  retain(block: number): void {
    assert(this.refCount(block) > 0, () => `block ${block} is not in use`);
    this.#refCounts[block] = this.refCount(block) + 1;
  }

  isBlockWritable(block: number): boolean {
    return block !== NULL_BLOCK && this.#refCounts[block] === 1 && !this.hasHash(block);
  }

  /**
   * One reference less for each block. Those that nobody refers to any more become free: without a hash at the head
   * of the queue in the given order, with a hash at its tail. Source: free_blocks.
   */
  freeBlocks(blocks: Iterable<number>): void {
    let cursor = NULL_BLOCK;
    for (const block of blocks) cursor = this.#release(block, cursor);
  }

  /** Frees a whole table from its end to its start. */
  freeTable(table: GroupTable): void {
    let cursor = NULL_BLOCK;
    for (let i = table.length - 1; i >= 0; i--) {
      cursor = this.#release(table.ids[i] as number, cursor);
    }
  }

  /** Forgets all hashes, if no block is in use; says whether it did. The free order stays. */
  resetPrefixCache(): boolean {
    if (this.numBlocks - this.numFreeBlocks !== 1) return false;
    this.#cached.clear();
    this.#hashNumTokens.fill(0);
    this.#metrics?.reset();
    this.#events?.allBlocksCleared();
    return true;
  }

  /** Head to tail. O(free blocks); for traces and tests. */
  freeBlockIds(): number[] {
    return this.#free.toArray();
  }

  /** At most `limit` free blocks that `accepts` takes, next to be reused first. O(free blocks). */
  firstFreeBlocks(limit: number, accepts: (block: number) => boolean): number[] {
    const blocks: number[] = [];
    this.#free.visit((block) => {
      if (accepts(block)) blocks.push(block);
      return blocks.length < limit;
    });
    return blocks;
  }

  /** How many blocks will be reused before this free one. O(free blocks). */
  freePosition(block: number): number {
    let position = -1;
    this.#free.visit((other) => {
      position += 1;
      return other !== block;
    });
    return position;
  }

  /** Free and referenced blocks are all blocks, and no count is negative. O(blocks). */
  checkInvariants(): void {
    let referenced = 0;
    for (let block = 1; block < this.numBlocks; block++) {
      const refCount = this.refCount(block);
      assert(refCount >= 0, () => `block ${block} has ${refCount} references`);
      assert(
        (refCount === 0) === this.#free.has(block),
        () => `block ${block}: ${refCount} references, free: ${this.#free.has(block)}`,
      );
      if (refCount > 0) referenced++;
    }
    assert(!this.#free.has(NULL_BLOCK), 'the null block is free');
    assert(
      referenced + this.freeBlockIds().length === this.numBlocks - 1,
      () => `${referenced} referenced + ${this.numFreeBlocks} free of ${this.numBlocks - 1}`,
    );
    assert(this.usage >= 0 && this.usage <= 1, () => `usage ${this.usage}`);
  }

  /** Returns the cursor for the next release: the last block that went to the head. */
  #release(block: number, cursor: number): number {
    if (block === NULL_BLOCK) return cursor;
    const refCount = this.refCount(block) - 1;
    assert(refCount >= 0, () => `block ${block} is freed more often than taken`);
    this.#refCounts[block] = refCount;
    if (refCount > 0) return cursor;
    if (this.enableCaching && this.hasHash(block)) {
      this.#free.append(block);
      return cursor;
    }
    this.#free.insertAfter(cursor, block);
    return block;
  }

  #insertHash(block: number, request: KVCacheRequest, hashIndex: number, group: number): void {
    const low = request.blockHashes.low(hashIndex);
    const high = request.blockHashes.high(hashIndex);
    if (!this.hasHash(block)) {
      this.#cached.insertPrimary(low, high, group, block);
      this.#hashNumTokens[block] = (hashIndex + 1) * this.hashBlockSize;
    } else if (!this.#cached.contains(low, high, group, block)) {
      this.#cached.insertExtra(low, high, group, block);
    }
  }

  /** Drops all hashes of a block, with a BlockRemoved each, its primary one first. */
  #removeHashes(block: number): void {
    if (!this.hasHash(block)) return;
    const events = this.#events;
    if (events !== null) {
      const map = this.#cached;
      events.blockRemoved(map.low(block), map.high(block), map.group(block));
      for (const extra of map.extrasOf(block) ?? []) {
        events.blockRemoved(map.low(extra), map.high(extra), map.group(extra));
      }
    }
    this.#dropHashes(block);
  }

  #dropHashes(block: number): void {
    this.#cached.removePrimary(block);
    this.#cached.removeExtras(block);
    this.#hashNumTokens[block] = 0;
  }

  #externalHash(request: KVCacheRequest, hashIndex: number): bigint | null {
    if (hashIndex < 0) return null;
    const hashes = request.blockHashes;
    return toExternalBlockHash(hashes.low(hashIndex), hashes.high(hashIndex));
  }
}
