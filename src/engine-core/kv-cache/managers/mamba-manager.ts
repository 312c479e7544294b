/**
 * Mamba and other linear attention: one state per request, not one entry per token. Mode 'none' keeps a single block
 * (its block size is max_model_len). Mode 'align' has a table entry per block position, of which only the last states
 * are real: the state of a step is written at the step's end, so a state at a block boundary can be cached and hit.
 * Source: vllm/v1/core/single_type_kv_cache_manager.py MambaManager (0.33.0).
 * Leaves out: hand-over of states to KV connectors.
 */

import type { MambaSpec } from '../../../capacity/spec/spec.ts';
import { assert } from '../../../shared/assert.ts';
import { cdiv } from '../../../shared/integers.ts';
import type { DraftCaching } from '../draft-caching.ts';
import type { KVCacheRequest } from '../kv-cache-request.ts';
import { NULL_BLOCK } from '../pool/block-pool.ts';
import { type GroupTable, NO_LIMIT } from '../request-kv-state.ts';
import { appendFound } from './full-attention-manager.ts';
import {
  getMambaPrefillCheckpointPosition,
  isMambaPrefillCheckpointValid,
} from './mamba-checkpoint.ts';
import {
  type CacheRange,
  type ManagerOptions,
  type MaskRange,
  NO_BLOCKS,
  SingleTypeKVCacheManager,
  type SlotDemand,
} from './single-type-kv-cache-manager.ts';

export class MambaManager extends SingleTypeKVCacheManager {
  override readonly supportsFineGrainedHashLookup: boolean = true;
  readonly #isAlign: boolean;
  readonly #draftCaching: DraftCaching;
  readonly #numSpeculativeBlocks: number;
  readonly #hasCheckpointBlocks: boolean;
  readonly #checkpointAlignment: number | null;
  /** Keys of the blocks that were cached in this step: their states exist only after it. */
  readonly #cachedThisStep = new Set<string>();

  constructor(options: ManagerOptions<MambaSpec> & { readonly draftCaching: DraftCaching }) {
    super(options);
    this.#draftCaching = options.draftCaching;
    const { spec } = options;
    this.#isAlign = spec.mambaCacheMode === 'align';
    assert(
      this.#isAlign || !options.enableCaching,
      "Mamba prefix caching requires mamba_cache_mode='align'",
    );
    this.#numSpeculativeBlocks = spec.numSpeculativeBlocks;
    this.#hasCheckpointBlocks = this.#isAlign && spec.numPrefillCheckpointBlocks > 0;
    this.#checkpointAlignment = spec.prefillCheckpointAlignment;
  }

  /** The rightmost cached state; the blocks before it are null. */
  override findLongestCacheHit(
    request: KVCacheRequest,
    maxLength: number,
    groups: readonly number[],
    hits: number[][],
  ): number {
    const { blockSize, blockPool } = this;
    const alignment = this.cacheHitAlignmentTokens;
    const isFineGrained = alignment < blockSize && blockSize % alignment === 0;
    const unit = isFineGrained ? alignment : blockSize;
    const hashesPerUnit = unit / blockPool.hashBlockSize;
    let units = Math.floor(maxLength / unit);
    if (isFineGrained) units = Math.min(units, request.blockHashes.length);
    const found: number[] = [];
    for (let i = units - 1; i >= 0; i--) {
      if (!blockPool.findCachedBlock(request, (i + 1) * hashesPerUnit - 1, groups, found)) continue;
      const hitLength = (i + 1) * unit;
      if (!isFineGrained && hitLength % alignment !== 0) continue;
      const nulls = cdiv(hitLength, blockSize) - 1;
      for (const blocks of hits) for (let n = 0; n < nulls; n++) blocks.push(NULL_BLOCK);
      appendFound(hits, found);
      return hitLength;
    }
    return 0;
  }

  /** Only the state of the last computed token is needed. */
  override getNumSkippedTokens(numComputedTokens: number): number {
    return numComputedTokens - 1;
  }

  protected override nextSkipTokens(processedTokens: number): number {
    const skipped = Math.floor(Math.max(0, processedTokens - 1) / this.blockSize);
    return (skipped + 1) * this.blockSize + 1;
  }

  override getNumBlocksToAllocate(
    table: GroupTable,
    demand: SlotDemand,
    newComputedBlocks: readonly number[],
  ): number {
    const hit = newComputedBlocks.at(-1);
    if (hit !== undefined && this.#wasCachedThisStep(hit)) {
      // The state is written in this step; more than the pool has makes the request wait for the next one.
      return this.blockPool.numBlocks + 1;
    }
    if (!this.#isAlign) {
      return super.getNumBlocksToAllocate(table, this.#withSpeculative(demand), newComputedBlocks);
    }
    const numTokens = demand.numTokensMainModel;
    const required = cdiv(numTokens, this.blockSize) + this.#numSpeculativeBlocks;
    let newBlocks = required - newComputedBlocks.length - table.length;
    const hasPartialHit =
      this.hasPartialLocalHit(newComputedBlocks, demand.numLocalComputedTokens) ||
      table.partialHitIndex >= 0;
    if (hasPartialHit) newBlocks = Math.max(newBlocks, 0) + 1;
    const checkpointPosition = this.#findCheckpoint(table, demand);
    if (!demand.applyAdmissionCap) {
      table.checkpointPosition = checkpointPosition;
      table.checkpointIndex = cdiv(numTokens, this.blockSize) - 2;
    }
    if (newBlocks > 0) {
      let cap = 1 + Number(hasPartialHit) + Number(checkpointPosition > 0);
      if (!table.hasAllocated) cap += this.#numSpeculativeBlocks;
      newBlocks = Math.min(newBlocks, cap);
    }
    return newBlocks + this.countEvictable(newComputedBlocks, 0);
  }

  override allocateNewBlocks(table: GroupTable, demand: SlotDemand): readonly number[] {
    if (!this.#isAlign) return super.allocateNewBlocks(table, this.#withSpeculative(demand));
    const required = cdiv(demand.numTokensMainModel, this.blockSize) + this.#numSpeculativeBlocks;
    const checkpointBlocks = table.checkpointPosition > 0 ? 1 : 0;
    const hasPartialHit = table.partialHitIndex >= 0;
    if (required <= table.length && !hasPartialHit && checkpointBlocks === 0) {
      table.hasAllocated = true;
      return NO_BLOCKS;
    }
    const held = table.length;
    const { hasAllocated } = table;
    if (hasAllocated) table.lastStateBlockIndex = held - 1 - this.#numSpeculativeBlocks;
    else if (held > 0) table.lastStateBlockIndex = held - 1;
    const skippedBlocks = required - this.#numSpeculativeBlocks - 1;
    if (held < skippedBlocks) table.pushNulls(skippedBlocks - checkpointBlocks - held);
    if (hasAllocated) this.#relocateSpeculative(table, held, skippedBlocks - checkpointBlocks);
    const newBlocks = Math.max(required - table.length, 0);
    const cap = 1 + checkpointBlocks + (hasAllocated ? 0 : this.#numSpeculativeBlocks);
    assert(newBlocks <= cap, () => `${newBlocks} new mamba blocks, at most ${cap}`);
    let copied = NULL_BLOCK;
    if (hasPartialHit) copied = this.#copyPartialHit(table, hasAllocated);
    this.blockPool.getNewBlocks(newBlocks, table);
    table.hasAllocated = true;
    table.partialHitIndex = -1;
    const added = table.slice(held);
    return copied === NULL_BLOCK ? added : [copied, ...added];
  }

  override removeSkippedBlocks(
    table: GroupTable,
    processedComputedTokens: number,
    numPromptTokens: number,
  ): void {
    super.removeSkippedBlocks(table, processedComputedTokens, numPromptTokens);
    if (!this.#isAlign) return;
    // The state that the previous step's allocation copied from; one step later nobody reads it.
    const last = table.lastStateBlockIndex;
    if (last < 0 || last >= cdiv(processedComputedTokens, this.blockSize) - 1) return;
    const block = table.get(last);
    if (block === NULL_BLOCK) return;
    this.blockPool.freeBlocks([block]);
    table.ids[last] = NULL_BLOCK;
  }

  override cacheBlocks(request: KVCacheRequest, table: GroupTable, range: CacheRange): void {
    const before = Math.max(table.numCachedBlocks, 0);
    super.cacheBlocks(request, table, range);
    const after = Math.max(table.numCachedBlocks, 0);
    if (this.#isAlign) this.#cachePartialTailBlock(request, table, range);
    for (let i = before; i < after; i++) {
      const block = table.get(i);
      if (block !== NULL_BLOCK) this.#noteCachedThisStep(block);
    }
  }

  override newStepStarts(): void {
    if (this.#cachedThisStep.size > 0) this.#cachedThisStep.clear();
  }

  override slotLimit(table: GroupTable): number {
    // A partial hit or a checkpoint is settled by the next allocation, whatever its size.
    if (table.partialHitIndex >= 0 || table.checkpointPosition > 0) return -1;
    return super.slotLimit(table) - this.blockSize * this.#numSpeculativeBlocks;
  }

  override cacheLimit(table: GroupTable): number {
    const limit = super.cacheLimit(table);
    if (!this.#isAlign || limit === NO_LIMIT) return limit;
    if (table.checkpointPosition > 0) return -1;
    const size = this.blockPool.hashBlockSize;
    return Math.min(limit, (Math.floor(table.lastCachedTokens / size) + 1) * size);
  }

  override skipLimit(table: GroupTable): number {
    if (!this.#isAlign) return super.skipLimit(table);
    const last = table.lastStateBlockIndex;
    const hasLastState = last >= 0 && table.get(last) !== NULL_BLOCK;
    const block = hasLastState ? Math.min(last, table.numRetiredBlocks) : table.numRetiredBlocks;
    return (block + 1) * this.blockSize + 1;
  }

  /** Sparse retention keeps the state at each interval's end and at each boundary that can be resumed at. */
  protected override reachableBlockMask(range: MaskRange): Uint8Array | null {
    const { startBlock, endBlock, retentionInterval } = range;
    if (retentionInterval === null) return null;
    const mask = new Uint8Array(endBlock - startBlock);
    if (retentionInterval > 0) {
      const perSegment = Math.floor(retentionInterval / this.blockSize);
      if (perSegment <= 1) return null;
      const first = Math.floor((startBlock + perSegment) / perSegment) * perSegment - 1;
      for (let i = first; i < endBlock; i += perSegment) mask[i - startBlock] = 1;
    }
    for (const boundary of range.boundaries) {
      const alignment = this.cacheHitAlignmentTokens;
      const aligned = Math.floor(boundary / alignment) * alignment;
      const block = Math.floor(aligned / this.blockSize) - 1;
      if (block >= startBlock && block < endBlock) mask[block - startBlock] = 1;
    }
    return mask;
  }

  /** Mode 'align' leaves gaps of null blocks, so what was looked at before is remembered instead. */
  protected override removeBlocksInRange(
    table: GroupTable,
    firstBlock: number,
    lastBlock: number,
  ): void {
    if (!this.#isAlign) {
      super.removeBlocksInRange(table, firstBlock, lastBlock);
      return;
    }
    const first = Math.max(firstBlock, table.numRetiredBlocks);
    const end = Math.min(lastBlock, table.length);
    if (first >= end) return;
    const freed: number[] = [];
    for (let i = end - 1; i >= first; i--) {
      const block = table.ids[i] as number;
      if (block === NULL_BLOCK) continue;
      freed.push(block);
      table.ids[i] = NULL_BLOCK;
    }
    if (freed.length > 0) this.blockPool.freeBlocks(freed);
    table.numRetiredBlocks = end;
  }

  #withSpeculative(demand: SlotDemand): SlotDemand {
    if (this.#numSpeculativeBlocks === 0) return demand;
    const more = this.blockSize * this.#numSpeculativeBlocks;
    return { ...demand, numTokens: demand.numTokens + more };
  }

  /** Position of a state that the backend saves inside this chunk into a block of its own; 0 = none. */
  #findCheckpoint(table: GroupTable, demand: SlotDemand): number {
    const queryEnd = demand.numTokensMainModel;
    if (!this.#hasCheckpointBlocks || queryEnd < demand.prefillEnd) return 0;
    const checkpointPosition = getMambaPrefillCheckpointPosition(
      queryEnd,
      this.cacheHitAlignmentTokens,
      this.#draftCaching,
    );
    const isValid = isMambaPrefillCheckpointValid({
      queryStart: demand.totalComputedTokens,
      queryEnd,
      checkpointPosition,
      hashBlockSize: this.blockPool.hashBlockSize,
      mambaBlockSize: this.blockSize,
      checkpointAlignment: this.#checkpointAlignment,
    });
    const index = cdiv(queryEnd, this.blockSize) - 2;
    if (!isValid || index < 0) return 0;
    const isSlotFree =
      index >= table.length ||
      table.get(index) === NULL_BLOCK ||
      (table.hasAllocated && index >= table.length - this.#numSpeculativeBlocks);
    return isSlotFree ? checkpointPosition : 0;
  }

  /** Moves the speculative blocks that this step leaves behind to the end of the table. */
  #relocateSpeculative(table: GroupTable, held: number, end: number): void {
    for (let i = held - this.#numSpeculativeBlocks; i < held && i < end; i++) {
      const block = table.get(i);
      assert(this.blockPool.isBlockWritable(block), () => `speculative block ${block} is shared`);
      table.push(block);
      table.ids[i] = NULL_BLOCK;
    }
  }

  /**
   * A new request gets a private copy of the partial state that it hit. A running request keeps its block, since the
   * worker's table only grows, and the cache entry moves to the copy. Returns the copy if the request got it.
   */
  #copyPartialHit(table: GroupTable, isRunning: boolean): number {
    const target = this.blockPool.getNewBlock();
    if (!isRunning) {
      this.applyCopyOnWrite(table, target);
      return target;
    }
    const source = table.partialHitBlock;
    assert(table.get(table.partialHitIndex) === source, 'the partial state block moved');
    this.blockPool.moveBlockHashes(source, target);
    this.addPendingCopy({ source, target });
    this.blockPool.retain(source);
    this.#noteCachedThisStep(target);
    return NULL_BLOCK;
  }

  #cachePartialTailBlock(request: KVCacheRequest, table: GroupTable, range: CacheRange): void {
    if (table.checkpointPosition > 0) {
      this.#cacheCheckpoint(request, table, range);
      return;
    }
    const { numTokens } = range;
    const size = this.blockPool.hashBlockSize;
    if (numTokens <= 0 || numTokens % size !== 0) return;
    const { numPromptTokens } = request;
    if (numTokens !== getMambaPrefillCheckpointPosition(numPromptTokens, size, this.#draftCaching))
      return;
    const index = cdiv(numTokens, this.blockSize) - 1;
    if (index >= table.length) return;
    const block = table.get(index);
    if (block === NULL_BLOCK || this.blockPool.hashNumTokens(block) === numTokens) return;
    this.blockPool.cachePartialBlock(request, { block, numTokens, group: this.group });
    this.#noteKey(request, numTokens);
    if (numTokens % this.blockSize !== 0) {
      // The next step overwrites this state: its allocation copies the cached one away.
      table.partialHitIndex = index;
      table.partialHitBlock = block;
      table.numCachedBlocks = index;
    }
  }

  /** Caches the state that this chunk saves inside itself, or drops what its block was cached under. */
  #cacheCheckpoint(request: KVCacheRequest, table: GroupTable, range: CacheRange): void {
    const position = table.checkpointPosition;
    const block = table.get(table.checkpointIndex);
    const alignment = this.cacheHitAlignmentTokens;
    const isPromptCheckpoint =
      position ===
      getMambaPrefillCheckpointPosition(request.numPromptTokens, alignment, this.#draftCaching);
    if (
      !isPromptCheckpoint &&
      !this.#isRetained(position, range.retentionInterval) &&
      position !== request.sharedPrefixBoundary
    ) {
      this.blockPool.maybeEvictCachedBlock(block);
      return;
    }
    if (this.blockPool.hashNumTokens(block) === position) return;
    const isCached = this.blockPool.cachePartialBlock(request, {
      block,
      numTokens: position,
      group: this.group,
      replaceExistingHashes: true,
    });
    if (isCached) this.#noteKey(request, position);
  }

  #isRetained(position: number, retentionInterval: number | null): boolean {
    if (position % this.blockSize !== 0) return false;
    const block = position / this.blockSize - 1;
    const mask = this.reachableBlockMask({
      startBlock: block,
      endBlock: block + 1,
      retentionInterval,
      boundaries: [],
    });
    return mask === null || mask[0] === 1;
  }

  #noteCachedThisStep(block: number): void {
    const key = this.blockPool.primaryKey(block);
    if (key !== null) this.#cachedThisStep.add(key);
  }

  #noteKey(request: KVCacheRequest, numTokens: number): void {
    const index = numTokens / this.blockPool.hashBlockSize - 1;
    const hashes = request.blockHashes;
    this.#cachedThisStep.add(`${hashes.low(index)},${hashes.high(index)}`);
  }

  #wasCachedThisStep(block: number): boolean {
    if (this.#cachedThisStep.size === 0) return false;
    const key = this.blockPool.primaryKey(block);
    return key !== null && this.#cachedThisStep.has(key);
  }
}
