/**
 * One KV cache group's block tables: how many blocks a request needs, which of them a prefix hit brings, which get a
 * hash and which leave the window. One subclass per attention kind; this base is the rule for a kind that keeps every
 * block until the request ends. Called by the coordinator, in group order.
 * Source: vllm/v1/core/single_type_kv_cache_manager.py SingleTypeKVCacheManager (0.33.0).
 * Leaves out: context parallelism, zeroing lists.
 */

import type { KVCacheSpec } from '../../../capacity/spec/spec.ts';
import { isPrefixCacheable } from '../../../capacity/spec/spec-traits.ts';
import { assert } from '../../../shared/assert.ts';
import { cdiv } from '../../../shared/integers.ts';
import type { KVCacheRequest } from '../kv-cache-request.ts';
import { type BlockPool, NULL_BLOCK } from '../pool/block-pool.ts';
import { type GroupTable, NO_LIMIT } from '../request-kv-state.ts';

export const NO_BLOCKS: readonly number[] = Object.freeze([]);

/** What one allocation asks for, the same for every group. All in tokens. */
export interface SlotDemand {
  /** Tokens that need a slot, those with one included; at most max_model_len. */
  numTokens: number;
  /** As `numTokens`, but not cut at max_model_len. */
  numTokensMainModel: number;
  /** Computed before this step, prefix hits and what a connector loads included. */
  totalComputedTokens: number;
  numLocalComputedTokens: number;
  /** Cross attention: tokens of the encoder's output. */
  numEncoderTokens: number;
  /** The full-sequence gate: count at most what a request can hold at a time. */
  applyAdmissionCap: boolean;
  /** Where the prefill ends; 0 where every chunk may keep a state. */
  prefillEnd: number;
}

/** A copy of a shared block into a private one, which the worker runs with this step. */
export interface PendingCopy {
  readonly source: number;
  readonly target: number;
}

export interface ManagerOptions<Spec extends KVCacheSpec = KVCacheSpec> {
  readonly spec: Spec;
  readonly blockPool: BlockPool;
  readonly enableCaching: boolean;
  readonly group: number;
  readonly schedulerBlockSize: number;
  /** Only for kinds that give blocks back while the request runs. */
  readonly maxAdmissionBlocks?: number;
}

/** What `cacheBlocks` needs to decide which blocks of a sparse kind keep a hash. */
export interface CacheRange {
  readonly numTokens: number;
  /** null: keep all; 0: only boundaries that a later request can resume at; above: also one tail per interval. */
  readonly retentionInterval: number | null;
  /** Positions at which a later request with the same prompt can resume. */
  readonly replayBoundaries: readonly number[];
}

export abstract class SingleTypeKVCacheManager {
  readonly spec: KVCacheSpec;
  readonly blockSize: number;
  readonly group: number;
  readonly enableCaching: boolean;
  /** Whether a hit may end inside one of this kind's blocks. */
  readonly supportsFineGrainedHashLookup: boolean = false;
  /** Hit lengths are multiples of this; the hybrid coordinator may lower it to the hash block size. */
  cacheHitAlignmentTokens: number;
  /** Hits lose their last block, whose KV depends on a token after it. Set by the coordinator. */
  dropsBlock = false;
  protected readonly blockPool: BlockPool;
  protected readonly prefixCacheable: boolean;
  readonly #maxAdmissionBlocks: number;
  #pendingCopies: PendingCopy[] = [];

  constructor(options: ManagerOptions) {
    this.spec = options.spec;
    this.blockSize = options.spec.blockSize;
    this.group = options.group;
    this.enableCaching = options.enableCaching;
    this.blockPool = options.blockPool;
    this.cacheHitAlignmentTokens = options.schedulerBlockSize;
    this.prefixCacheable = isPrefixCacheable(options.spec);
    this.#maxAdmissionBlocks = options.maxAdmissionBlocks ?? Number.POSITIVE_INFINITY;
  }

  /**
   * The longest cached prefix of at most `maxLength` tokens that all of `groups` (which share this manager's spec)
   * have; fills one list of block ids per group into `hits`, null blocks where the kind needs none, and returns the
   * hit's tokens. With `dropsBlock` the hit ends a block earlier than what is cached.
   */
  abstract findLongestCacheHit(
    request: KVCacheRequest,
    maxLength: number,
    groups: readonly number[],
    hits: number[][],
    dropsBlock: boolean,
  ): number;

  /** Tokens at the start that attention does not look at any more once `numComputedTokens` are computed. */
  getNumSkippedTokens(_numComputedTokens: number): number {
    return 0;
  }

  /** Blocks that have to come out of the free queue, hit blocks that lie there included. */
  getNumBlocksToAllocate(
    table: GroupTable,
    demand: SlotDemand,
    newComputedBlocks: readonly number[],
  ): number {
    let required = cdiv(demand.numTokens, this.blockSize);
    if (demand.applyAdmissionCap) required = Math.min(required, this.#maxAdmissionBlocks);
    if (table.numCachedBlocks >= 0) {
      assert(newComputedBlocks.length === 0, 'a running request has no new prefix hit');
      return Math.max(required - table.length, 0);
    }
    const skippedBlocks = Math.floor(
      this.getNumSkippedTokens(demand.totalComputedTokens) / this.blockSize,
    );
    const localBlocks = newComputedBlocks.length + table.length;
    let newBlocks = Math.max(required - Math.max(skippedBlocks, localBlocks), 0);
    const skippedHits = Math.max(0, skippedBlocks - table.length);
    if (this.hasPartialLocalHit(newComputedBlocks, demand.numLocalComputedTokens)) newBlocks++;
    return newBlocks + this.countEvictable(newComputedBlocks, skippedHits);
  }

  /**
   * Puts the hit blocks into a request's empty table: null blocks for what is skipped once what a connector loads is there
   * too, a reference to the others.
   */
  addLocalComputedBlocks(
    table: GroupTable,
    newComputedBlocks: readonly number[],
    numLocalComputedTokens: number,
    numExternalComputedTokens: number,
  ): void {
    assert(table.length === 0, () => `a new request holds ${table.length} blocks`);
    const skippedBlocks = Math.max(
      0,
      Math.floor(
        this.getNumSkippedTokens(numLocalComputedTokens + numExternalComputedTokens) /
          this.blockSize,
      ),
    );
    assert(this.enableCaching || newComputedBlocks.length === 0, 'a prefix hit without caching');
    table.pushNulls(skippedBlocks);
    let last = NULL_BLOCK;
    let kept = 0;
    for (let i = skippedBlocks; i < newComputedBlocks.length; i++) {
      last = newComputedBlocks[i] as number;
      this.blockPool.touch(last);
      table.push(last);
      kept++;
    }
    table.numCachedBlocks = table.length;
    if (kept > 0 && numLocalComputedTokens % this.blockSize !== 0) {
      // The tail block is shared but will be written: `allocateNewBlocks` replaces it by a private copy.
      table.partialHitIndex = Math.floor(numLocalComputedTokens / this.blockSize);
      table.partialHitBlock = last;
      table.numCachedBlocks = table.partialHitIndex;
    }
  }

  /** Extends the table by the blocks that a connector loads. Only once every group holds its local hits. */
  allocateExternalComputedBlocks(
    table: GroupTable,
    numLocalComputedTokens: number,
    numExternalComputedTokens: number,
  ): void {
    const numTotal = numLocalComputedTokens + numExternalComputedTokens;
    const numSkipped = this.getNumSkippedTokens(numTotal);
    if (numSkipped > 0 && numTotal - numSkipped <= 0) return;
    const numNewBlocks = cdiv(numTotal, this.blockSize) - table.length;
    if (numNewBlocks > 0) this.blockPool.getNewBlocks(numNewBlocks, table);
  }

  /** Extends the table to `numTokens` slots; returns the blocks that are new to the request. */
  allocateNewBlocks(table: GroupTable, demand: SlotDemand): readonly number[] {
    let copied = NULL_BLOCK;
    if (table.partialHitIndex >= 0) {
      copied = this.blockPool.getNewBlock();
      this.applyCopyOnWrite(table, copied);
    }
    const held = table.length;
    const newBlocks = cdiv(demand.numTokens, this.blockSize) - held;
    if (newBlocks > 0) this.blockPool.getNewBlocks(newBlocks, table);
    if (copied !== NULL_BLOCK) return [copied, ...table.slice(held)];
    return newBlocks > 0 ? table.slice(held) : NO_BLOCKS;
  }

  /** Offers the blocks that are full by `range.numTokens` to the prefix cache. */
  cacheBlocks(request: KVCacheRequest, table: GroupTable, range: CacheRange): void {
    if (!this.prefixCacheable) return;
    table.lastCachedTokens = range.numTokens;
    const cachedBlocks = Math.max(table.numCachedBlocks, 0);
    const hashedTokens = request.blockHashes.length * this.blockPool.hashBlockSize;
    const fullBlocks = Math.floor(Math.min(range.numTokens, hashedTokens) / this.blockSize);
    if (cachedBlocks >= fullBlocks) return;
    const mask = this.reachableBlockMask({
      startBlock: cachedBlocks,
      endBlock: fullBlocks,
      retentionInterval: range.retentionInterval,
      boundaries: this.#reachableBoundaries(request, range),
    });
    this.blockPool.cacheFullBlocks(request, table, {
      numCachedBlocks: cachedBlocks,
      numFullBlocks: fullBlocks,
      blockSize: this.blockSize,
      group: this.group,
      mask,
    });
    table.numCachedBlocks = fullBlocks;
  }

  #reachableBoundaries(request: KVCacheRequest, range: CacheRange): readonly number[] {
    const shared = request.sharedPrefixBoundary;
    if (shared === 0) return range.replayBoundaries;
    const boundaries = [...range.replayBoundaries, shared];
    // Who diverges right after it cannot look one block further.
    if (this.dropsBlock) boundaries.push(shared - this.blockSize);
    return boundaries;
  }

  /** Frees the blocks that left the window; they become null blocks in the table. */
  removeSkippedBlocks(
    table: GroupTable,
    processedComputedTokens: number,
    _numPromptTokens: number,
  ): void {
    const skippedTokens = this.getNumSkippedTokens(processedComputedTokens);
    table.nextSkipTokens = this.nextSkipTokens(processedComputedTokens);
    if (skippedTokens <= 0) return;
    const skippedBlocks = Math.floor(skippedTokens / this.blockSize);
    this.removeBlocksInRange(table, 0, Math.min(skippedBlocks, table.length));
  }

  /** Gives all blocks of a request back, tail first. The coordinator resets the table afterwards. */
  free(table: GroupTable): void {
    this.blockPool.freeTable(table);
  }

  newStepStarts(): void {}

  /** Copies that this step's allocations need, and forgets them. */
  takePendingCopies(): readonly PendingCopy[] {
    const copies = this.#pendingCopies;
    if (copies.length > 0) this.#pendingCopies = [];
    return copies;
  }

  /** Tokens up to which the table has slots; see RequestKVState. */
  slotLimit(table: GroupTable): number {
    return table.length * this.blockSize;
  }

  /** Computed tokens below which `cacheBlocks` does nothing. */
  cacheLimit(table: GroupTable): number {
    if (!this.enableCaching || !this.prefixCacheable) return NO_LIMIT;
    return (Math.max(table.numCachedBlocks, 0) + 1) * this.blockSize;
  }

  /** Processed tokens below which `removeSkippedBlocks` does nothing. */
  skipLimit(table: GroupTable): number {
    return table.nextSkipTokens;
  }

  /** The fewest processed tokens above `processedTokens` at which `removeSkippedBlocks` has something new to do. */
  protected nextSkipTokens(_processedTokens: number): number {
    return NO_LIMIT;
  }

  /** Which of the blocks [startBlock, endBlock) a later request could hit; null = all. */
  protected reachableBlockMask(_range: MaskRange): Uint8Array | null {
    return null;
  }

  protected hasPartialLocalHit(newComputedBlocks: readonly number[], numTokens: number): boolean {
    return newComputedBlocks.length > 0 && numTokens % this.blockSize !== 0;
  }

  protected countEvictable(blocks: readonly number[], from: number): number {
    let count = 0;
    for (let i = from; i < blocks.length; i++) {
      const block = blocks[i] as number;
      if (block !== NULL_BLOCK && this.blockPool.refCount(block) === 0) count++;
    }
    return count;
  }

  /**
   * Redirects the request from the shared tail block to `target`. Both stay referenced until the copy has run: the
   * source by its hit, the target by one reference more.
   */
  protected applyCopyOnWrite(table: GroupTable, target: number): void {
    const { partialHitIndex, partialHitBlock } = table;
    assert(table.get(partialHitIndex) === partialHitBlock, 'the shared tail block moved');
    table.ids[partialHitIndex] = target;
    table.partialHitIndex = -1;
    this.#pendingCopies.push({ source: partialHitBlock, target });
    this.blockPool.retain(target);
  }

  protected addPendingCopy(copy: PendingCopy): void {
    this.#pendingCopies.push(copy);
  }

  /** Frees [firstBlock, lastBlock), last first, and stops at the first block that is gone already. */
  protected removeBlocksInRange(table: GroupTable, firstBlock: number, lastBlock: number): void {
    const end = Math.min(lastBlock, table.length);
    if (firstBlock >= end || table.ids[end - 1] === NULL_BLOCK) return;
    const freed: number[] = [];
    for (let i = end - 1; i >= firstBlock; i--) {
      const block = table.ids[i] as number;
      if (block === NULL_BLOCK) break;
      freed.push(block);
      table.ids[i] = NULL_BLOCK;
    }
    this.blockPool.freeBlocks(freed);
  }
}

export interface MaskRange {
  readonly startBlock: number;
  readonly endBlock: number;
  readonly retentionInterval: number | null;
  /** Token positions that a later request can resume at. */
  readonly boundaries: readonly number[];
}
