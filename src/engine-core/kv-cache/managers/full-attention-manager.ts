/**
 * Kinds that keep every block until the request ends: full attention and its relatives (MLA, sink, hidden states), and
 * R-SWA, which drops the gap between the prompt and the decode window.
 * Source: vllm/v1/core/single_type_kv_cache_manager.py FullAttentionManager, RSWAManager, SinkFullAttentionManager,
 * CircularBufferManager, CrossAttentionManager (0.33.0).
 */

import type { RSWASpec } from '../../../capacity/spec/spec.ts';
import { assert, unreachable } from '../../../shared/assert.ts';
import { cdiv } from '../../../shared/integers.ts';
import type { KVCacheRequest } from '../kv-cache-request.ts';
import { type GroupTable, NO_LIMIT } from '../request-kv-state.ts';
import {
  type CacheRange,
  type ManagerOptions,
  NO_BLOCKS,
  SingleTypeKVCacheManager,
  type SlotDemand,
} from './single-type-kv-cache-manager.ts';

export class FullAttentionManager extends SingleTypeKVCacheManager {
  override readonly supportsFineGrainedHashLookup: boolean = true;

  /**
   * Left to right until the first miss; with hits at hash granularity, then also the longest boundary inside the block
   * that missed.
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
    const numHashes = request.blockHashes.length;
    const maxBlocks = Math.min(
      Math.floor(maxLength / blockSize),
      Math.floor(numHashes / hashesPerBlock),
    );
    const found: number[] = [];
    let numBlocks = 0;
    while (
      numBlocks < maxBlocks &&
      blockPool.findCachedBlock(request, (numBlocks + 1) * hashesPerBlock - 1, groups, found)
    ) {
      appendFound(hits, found);
      numBlocks++;
    }
    let hitLength = numBlocks * blockSize;
    if (alignment < blockSize && blockSize % alignment === 0) {
      const first = numBlocks * hashesPerBlock;
      const end = Math.min(
        first + hashesPerBlock - 1,
        Math.floor(maxLength / alignment),
        numHashes,
      );
      for (let index = end - 1; index >= first; index--) {
        if (!blockPool.findCachedBlock(request, index, groups, found)) continue;
        appendFound(hits, found);
        hitLength = (index + 1) * alignment;
        break;
      }
    }
    if (dropsBlock && hitLength > 0) hitLength -= Math.min(alignment, blockSize);
    hitLength -= hitLength % alignment;
    for (const blocks of hits) truncate(blocks, cdiv(hitLength, blockSize));
    return hitLength;
  }

  override cacheBlocks(request: KVCacheRequest, table: GroupTable, range: CacheRange): void {
    super.cacheBlocks(request, table, range);
    if (this.blockSize !== this.blockPool.hashBlockSize) {
      this.#cachePartialTailBlock(request, table, range.numTokens);
    }
  }

  override cacheLimit(table: GroupTable): number {
    const limit = super.cacheLimit(table);
    const size = this.blockPool.hashBlockSize;
    if (this.blockSize === size) return limit;
    return Math.min(limit, (Math.floor(table.lastCachedTokens / size) + 1) * size);
  }

  /** Caches the prompt's tail when it ends inside a block: at its last hash boundary only. */
  #cachePartialTailBlock(request: KVCacheRequest, table: GroupTable, numTokens: number): void {
    const size = this.blockPool.hashBlockSize;
    // An identical prompt matches at most all tokens but the last, or looks further and drops what it finds.
    const limit = this.dropsBlock ? request.numPromptTokens : request.numPromptTokens - 1;
    const boundary = Math.min(Math.floor(limit / size), request.blockHashes.length) * size;
    if (boundary <= 0 || boundary > numTokens || boundary % this.blockSize === 0) return;
    const index = Math.floor(boundary / this.blockSize);
    if (index >= table.length) return;
    this.blockPool.cachePartialBlock(request, {
      block: table.get(index),
      numTokens: boundary,
      group: this.group,
    });
  }
}

/** Reference sliding window attention: keeps the prompt and the last `rswaWindow` tokens. */
export class RSWAManager extends FullAttentionManager {
  readonly #window: number;

  constructor(options: ManagerOptions<RSWASpec>) {
    super(options);
    this.#window = options.spec.rswaWindow;
  }

  override removeSkippedBlocks(
    table: GroupTable,
    processedComputedTokens: number,
    numPromptTokens: number,
  ): void {
    const firstGapBlock = cdiv(numPromptTokens, this.blockSize);
    const windowStart = Math.max(numPromptTokens, processedComputedTokens - this.#window);
    const lastGapBlock = Math.floor(windowStart / this.blockSize);
    table.nextSkipTokens = (lastGapBlock + 1) * this.blockSize + this.#window;
    this.removeBlocksInRange(table, firstGapBlock, lastGapBlock);
  }
}

/** A ring of fixed size: one block per request, never cached. */
export class CircularBufferManager extends FullAttentionManager {
  override readonly supportsFineGrainedHashLookup: boolean = false;

  override findLongestCacheHit(): number {
    return 0;
  }

  override getNumBlocksToAllocate(table: GroupTable): number {
    return table.length > 0 ? 0 : 1;
  }

  override addLocalComputedBlocks(): void {}

  override allocateExternalComputedBlocks(table: GroupTable): void {
    this.allocateNewBlocks(table);
  }

  override allocateNewBlocks(table: GroupTable): readonly number[] {
    if (table.length > 0) return NO_BLOCKS;
    this.blockPool.getNewBlocks(1, table);
    return table.slice();
  }

  override cacheBlocks(): void {}

  override removeSkippedBlocks(table: GroupTable): void {
    table.nextSkipTokens = NO_LIMIT;
  }

  override slotLimit(table: GroupTable): number {
    return table.length > 0 ? NO_LIMIT : -1;
  }

  override cacheLimit(): number {
    return NO_LIMIT;
  }
}

/** The encoder's states: one allocation per request, as long as the encoder's output, never cached. */
export class CrossAttentionManager extends SingleTypeKVCacheManager {
  override findLongestCacheHit(): number {
    return unreachable('cross attention has no prefix cache' as never);
  }

  override getNumBlocksToAllocate(table: GroupTable, demand: SlotDemand): number {
    return super.getNumBlocksToAllocate(table, encoderDemand(demand), NO_BLOCKS);
  }

  override addLocalComputedBlocks(_table: GroupTable, newComputedBlocks: readonly number[]): void {
    assert(newComputedBlocks.length === 0, 'cross attention has no prefix hits');
  }

  override allocateExternalComputedBlocks(): void {}

  override allocateNewBlocks(table: GroupTable, demand: SlotDemand): readonly number[] {
    return super.allocateNewBlocks(table, encoderDemand(demand));
  }

  override cacheBlocks(): void {
    unreachable('cross attention has no prefix cache' as never);
  }

  override slotLimit(): number {
    return NO_LIMIT;
  }
}

function encoderDemand(demand: SlotDemand): SlotDemand {
  return {
    ...demand,
    numTokens: demand.numEncoderTokens,
    numTokensMainModel: demand.numEncoderTokens,
    totalComputedTokens: 0,
    numLocalComputedTokens: 0,
    prefillEnd: 0,
  };
}

export function appendFound(hits: readonly number[][], found: readonly number[]): void {
  for (let i = 0; i < hits.length; i++) hits[i]?.push(found[i] as number);
}

export function truncate(blocks: number[], length: number): void {
  if (blocks.length > length) blocks.length = length;
}
