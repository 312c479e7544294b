/**
 * Kinds that look at the last part of the sequence only and give blocks back while the request runs: sliding window
 * (plain and MLA) and chunked local attention.
 * Source: vllm/v1/core/single_type_kv_cache_manager.py SlidingWindowManager, ChunkedLocalAttentionManager (0.33.0).
 */

import type {
  ChunkedLocalAttentionSpec,
  SlidingWindowMLASpec,
  SlidingWindowSpec,
} from '../../../capacity/spec/spec.ts';
import { assert } from '../../../shared/assert.ts';
import { cdiv } from '../../../shared/integers.ts';
import type { KVCacheRequest } from '../kv-cache-request.ts';
import { NULL_BLOCK } from '../pool/block-pool.ts';
import { appendFound, truncate } from './full-attention-manager.ts';
import {
  type ManagerOptions,
  type MaskRange,
  SingleTypeKVCacheManager,
} from './single-type-kv-cache-manager.ts';

export class SlidingWindowManager extends SingleTypeKVCacheManager {
  readonly #window: number;
  /** Tokens below the window that are kept although nobody looks at them. */
  readonly #extraRetainedTokens: number;
  /** Contiguous cached blocks that make a hit: what the next token's window covers. */
  readonly #blocksForHit: number;

  constructor(options: ManagerOptions<SlidingWindowSpec | SlidingWindowMLASpec>) {
    super(options);
    this.#window = options.spec.slidingWindow;
    this.#extraRetainedTokens = options.spec.extraRetainedTokens;
    this.#blocksForHit = cdiv(this.#window - 1, this.blockSize);
  }

  /**
   * Right to left until enough contiguous blocks are cached; blocks before them are null. Failing that, the run that
   * starts at block 0 counts, however short.
   */
  override findLongestCacheHit(
    request: KVCacheRequest,
    maxLength: number,
    groups: readonly number[],
    hits: number[][],
    dropsBlock: boolean,
  ): number {
    const { blockSize, blockPool } = this;
    const alignment = this.cacheHitAlignmentTokens;
    const hashesPerBlock = blockSize / blockPool.hashBlockSize;
    const needed = this.#blocksForHit + Number(dropsBlock);
    const maxBlocks = Math.min(
      Math.floor(maxLength / blockSize),
      Math.floor(request.blockHashes.length / hashesPerBlock),
    );
    for (const blocks of hits) for (let i = 0; i < maxBlocks; i++) blocks.push(NULL_BLOCK);
    const found: number[] = [];
    let contiguous = 0;
    for (let i = maxBlocks - 1; i >= 0; i--) {
      if (!blockPool.findCachedBlock(request, (i + 1) * hashesPerBlock - 1, groups, found)) {
        contiguous = 0;
        continue;
      }
      const numLeft = dropsBlock ? i : i + 1;
      if (contiguous === 0 && (numLeft * blockSize) % alignment !== 0) continue;
      for (let g = 0; g < hits.length; g++) {
        const blocks = hits[g];
        if (blocks !== undefined) blocks[i] = found[g] as number;
      }
      contiguous++;
      if (contiguous >= needed) return this.#endHit(hits, i + contiguous, dropsBlock);
    }
    while ((contiguous * blockSize) % alignment !== 0) contiguous--;
    return this.#endHit(hits, contiguous, dropsBlock);
  }

  /** Cuts a hit to so many blocks, less the one that is dropped, and to where hits may end. */
  #endHit(hits: number[][], numBlocks: number, dropsBlock: boolean): number {
    let kept = numBlocks;
    if (dropsBlock && kept > 0) {
      kept--;
      while ((kept * this.blockSize) % this.cacheHitAlignmentTokens !== 0) kept--;
    }
    for (const blocks of hits) truncate(blocks, kept);
    return kept * this.blockSize;
  }

  override getNumSkippedTokens(numComputedTokens: number): number {
    return Math.max(0, numComputedTokens - this.#window + 1 - this.#extraRetainedTokens);
  }

  protected override nextSkipTokens(processedTokens: number): number {
    const skipped = Math.floor(this.getNumSkippedTokens(processedTokens) / this.blockSize);
    return (skipped + 1) * this.blockSize + this.#window - 1 + this.#extraRetainedTokens;
  }

  /** A tail of `blocksForHit` blocks before every interval's end and before each boundary that can be resumed at. */
  protected override reachableBlockMask(range: MaskRange): Uint8Array | null {
    const { startBlock, endBlock, retentionInterval } = range;
    const alignment = this.cacheHitAlignmentTokens;
    if (alignment % this.blockSize !== 0) return null;
    const shift = Number(this.dropsBlock);
    const need = this.#blocksForHit + shift;
    const mask = new Uint8Array(endBlock - startBlock);
    const segmentTokens = retentionInterval ?? alignment;
    if (segmentTokens > 0) {
      const perSegment = Math.floor(segmentTokens / this.blockSize);
      if (need >= perSegment) return null;
      for (let i = startBlock; i < endBlock; i++) {
        if (i >= shift && (i - shift) % perSegment >= perSegment - need) mask[i - startBlock] = 1;
      }
    }
    if (retentionInterval === null) return mask;
    for (const boundary of range.boundaries) this.#maskTail(mask, range, boundary);
    return mask;
  }

  #maskTail(mask: Uint8Array, range: MaskRange, boundaryTokens: number): void {
    const alignment = this.cacheHitAlignmentTokens;
    const aligned = Math.floor(boundaryTokens / alignment) * alignment;
    const shift = Number(this.dropsBlock);
    const end = Math.floor(aligned / this.blockSize) + shift;
    const first = Math.max(range.startBlock, end - this.#blocksForHit - shift);
    for (let i = first; i < Math.min(range.endBlock, end); i++) mask[i - range.startBlock] = 1;
  }
}

/** Attention within chunks of fixed size: everything before the current chunk is skipped. */
export class ChunkedLocalAttentionManager extends SingleTypeKVCacheManager {
  readonly #chunkSize: number;

  constructor(options: ManagerOptions<ChunkedLocalAttentionSpec>) {
    super(options);
    this.#chunkSize = options.spec.attentionChunkSize;
  }

  /** Blocks before the chunk that the next token is in count as computed (null); in it, left to right until a miss. */
  override findLongestCacheHit(
    request: KVCacheRequest,
    maxLength: number,
    groups: readonly number[],
    hits: number[][],
  ): number {
    const { blockSize, blockPool } = this;
    assert(
      blockSize === this.cacheHitAlignmentTokens,
      'groups with different block sizes do not go with chunked local attention',
    );
    const hashesPerBlock = blockSize / blockPool.hashBlockSize;
    const maxBlocks = Math.floor(maxLength / blockSize);
    let numBlocks = Math.floor(this.getNumSkippedTokens(Math.max(0, maxLength)) / blockSize);
    for (const blocks of hits) for (let i = 0; i < numBlocks; i++) blocks.push(NULL_BLOCK);
    const found: number[] = [];
    while (
      numBlocks < maxBlocks &&
      blockPool.findCachedBlock(request, (numBlocks + 1) * hashesPerBlock - 1, groups, found)
    ) {
      appendFound(hits, found);
      numBlocks++;
    }
    return numBlocks * blockSize;
  }

  override getNumSkippedTokens(numComputedTokens: number): number {
    return Math.floor(numComputedTokens / this.#chunkSize) * this.#chunkSize;
  }

  protected override nextSkipTokens(processedTokens: number): number {
    return this.getNumSkippedTokens(processedTokens) + this.#chunkSize;
  }
}
