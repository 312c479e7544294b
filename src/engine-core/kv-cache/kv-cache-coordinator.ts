/**
 * All KV cache groups of a model behind one face: each operation goes to the groups' managers in group order, and a
 * prefix hit is what all of them agree on. Called by the KV cache manager only.
 * Source: vllm/v1/core/kv_cache_coordinator.py (0.33.0). Leaves out: context parallelism.
 */

import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import { assert } from '../../shared/assert.ts';
import type { DraftCaching } from './draft-caching.ts';
import type { KVCacheMetricsCollector } from './kv-cache-metrics.ts';
import type { KVCacheRequest } from './kv-cache-request.ts';
import { createManager } from './managers/create-manager.ts';
import type {
  PendingCopy,
  SingleTypeKVCacheManager,
  SlotDemand,
} from './managers/single-type-kv-cache-manager.ts';
import { BlockPool } from './pool/block-pool.ts';
import type { KVEventQueue } from './pool/kv-event-queue.ts';
import { type GroupTable, NO_LIMIT, type RequestKVState } from './request-kv-state.ts';

export interface CoordinatorOptions {
  readonly kvCacheConfig: KVCacheConfig;
  readonly maxModelLen: number;
  readonly maxInFlightTokens: number;
  readonly enableCaching: boolean;
  /** null = dense; 0 = sparse; above: a multiple of the scheduler block size. */
  readonly retentionInterval: number | null;
  /** Least common multiple of the groups' block sizes. */
  readonly schedulerBlockSize: number;
  readonly hashBlockSize: number;
  readonly draftCaching: DraftCaching;
  readonly events: KVEventQueue | null;
  readonly metricsCollector: KVCacheMetricsCollector | null;
}

export interface CacheHit {
  /** Block ids per group. */
  readonly blocks: readonly (readonly number[])[];
  /** Tokens of the prefix that every group has. */
  readonly hitLength: number;
  /** Tokens by which the longest hit of a single group is longer. */
  readonly numUncachedCommonPrefixTokens: number;
}

export abstract class KVCacheCoordinator {
  readonly blockPool: BlockPool;
  readonly managers: readonly SingleTypeKVCacheManager[];
  /** Hits may end inside a (mamba) block. */
  enablePartialHashHits = false;
  protected readonly schedulerBlockSize: number;
  readonly #enableCaching: boolean;
  readonly #retentionInterval: number | null;
  readonly #dropsBlock: boolean;
  /** Trailing computed tokens whose KV is not final yet. */
  protected readonly numReprefillableTokens: number;

  constructor(options: CoordinatorOptions) {
    const { kvCacheConfig, schedulerBlockSize, hashBlockSize, enableCaching } = options;
    assert(
      schedulerBlockSize % hashBlockSize === 0 &&
        kvCacheConfig.groups.every(({ spec }) => schedulerBlockSize % spec.blockSize === 0),
      () => `scheduler block size ${schedulerBlockSize}, hash block size ${hashBlockSize}`,
    );
    this.schedulerBlockSize = schedulerBlockSize;
    this.#enableCaching = enableCaching;
    this.#retentionInterval = options.retentionInterval;
    this.blockPool = new BlockPool({
      numBlocks: kvCacheConfig.numBlocks,
      enableCaching,
      hashBlockSize,
      events: options.events,
      metricsCollector: options.metricsCollector,
    });
    const context = { ...options, blockPool: this.blockPool };
    this.managers = kvCacheConfig.groups.map(({ spec }, i) => createManager(spec, i, context));
    const { dropsBlock, numPrefillLookahead } = options.draftCaching;
    this.numReprefillableTokens = Math.max(0, numPrefillLookahead - 1);
    this.#dropsBlock = dropsBlock;
    if (!dropsBlock) return;
    // Without a group that is known for the draft's, all are.
    const isFlagged = kvCacheConfig.groups.some(({ isEagleGroup }) => isEagleGroup);
    for (const [i, { isEagleGroup }] of kvCacheConfig.groups.entries()) {
      const manager = this.managers[i];
      if (manager !== undefined) manager.dropsBlock = isEagleGroup || !isFlagged;
    }
  }

  abstract findLongestCacheHit(request: KVCacheRequest, maxCacheHitLength: number): CacheHit;

  getNumBlocksToAllocate(
    state: RequestKVState,
    demand: SlotDemand,
    newComputedBlocks: readonly (readonly number[])[],
  ): number {
    if (this.#retentionInterval !== 0) demand.prefillEnd = 0;
    let count = 0;
    for (let i = 0; i < this.managers.length; i++) {
      const manager = this.managers[i] as SingleTypeKVCacheManager;
      const hits = newComputedBlocks[i] as readonly number[];
      count += manager.getNumBlocksToAllocate(state.tables[i] as GroupTable, demand, hits);
    }
    return count;
  }

  /**
   * Puts a new request's prefix hit into its tables, then the blocks that a connector loads, so that no group's new block
   * evicts another group's hit; nothing for a running request, which has neither.
   */
  allocateNewComputedBlocks(
    state: RequestKVState,
    newComputedBlocks: readonly (readonly number[])[],
    numLocalComputedTokens: number,
    numExternalComputedTokens: number,
  ): void {
    if (state.tables.some((table) => table.numCachedBlocks >= 0)) {
      assert(
        newComputedBlocks.every((blocks) => blocks.length === 0),
        'a running request has no new prefix hit',
      );
      return;
    }
    this.managers.forEach((manager, i) => {
      manager.addLocalComputedBlocks(
        state.tables[i] as GroupTable,
        newComputedBlocks[i] as readonly number[],
        numLocalComputedTokens,
        numExternalComputedTokens,
      );
    });
    if (numExternalComputedTokens === 0) return;
    this.managers.forEach((manager, i) => {
      manager.allocateExternalComputedBlocks(
        state.tables[i] as GroupTable,
        numLocalComputedTokens,
        numExternalComputedTokens,
      );
    });
  }

  /** Extends every table; returns the blocks that are new to the request, per group. */
  allocateNewBlocks(state: RequestKVState, demand: SlotDemand): (readonly number[])[] {
    return this.managers.map((manager, i) =>
      manager.allocateNewBlocks(state.tables[i] as GroupTable, demand),
    );
  }

  cacheBlocks(request: KVCacheRequest, state: RequestKVState, numComputedTokens: number): void {
    if (!this.#enableCaching) return;
    const replayBoundaries = this.#replayBoundaries(request.numPromptTokens);
    for (let i = 0; i < this.managers.length; i++) {
      const manager = this.managers[i] as SingleTypeKVCacheManager;
      manager.cacheBlocks(request, state.tables[i] as GroupTable, {
        numTokens: this.getNumCacheableTokens(numComputedTokens, manager),
        retentionInterval: this.#retentionInterval,
        replayBoundaries,
      });
    }
  }

  removeSkippedBlocks(state: RequestKVState, processed: number, numPromptTokens: number): void {
    for (let i = 0; i < this.managers.length; i++) {
      this.managers[i]?.removeSkippedBlocks(
        state.tables[i] as GroupTable,
        processed,
        numPromptTokens,
      );
    }
  }

  /** Group after group, each table from its end. */
  free(state: RequestKVState): void {
    this.managers.forEach((manager, i) => {
      manager.free(state.tables[i] as GroupTable);
    });
  }

  newStepStarts(): void {
    for (const manager of this.managers) manager.newStepStarts();
  }

  takePendingCopies(): PendingCopy[] {
    return this.managers.flatMap((manager) => manager.takePendingCopies());
  }

  /** Recomputes what lets the next decode steps return at once. */
  updateLimits(state: RequestKVState): void {
    let slotLimit = NO_LIMIT;
    let cacheLimit = NO_LIMIT;
    let skipLimit = NO_LIMIT;
    for (let i = 0; i < this.managers.length; i++) {
      const manager = this.managers[i] as SingleTypeKVCacheManager;
      const table = state.tables[i] as GroupTable;
      slotLimit = Math.min(slotLimit, manager.slotLimit(table));
      cacheLimit = Math.min(cacheLimit, manager.cacheLimit(table));
      skipLimit = Math.min(skipLimit, manager.skipLimit(table));
    }
    state.slotLimit = slotLimit;
    state.cacheLimit = this.alignCacheLimit(cacheLimit);
    state.skipLimit = skipLimit;
  }

  /** The part of a computed prefix that may get hashes. */
  protected getNumCacheableTokens(
    numComputedTokens: number,
    _manager: SingleTypeKVCacheManager,
  ): number {
    return Math.max(0, numComputedTokens - this.numReprefillableTokens);
  }

  /**
   * Where a later request with the same prompt can resume: before its last token, or, where hits lose a block, a block before
   * the last full one of an identical prompt and of a longer one. Source: replay_boundaries.
   */
  #replayBoundaries(numPromptTokens: number): readonly number[] {
    if (!this.#dropsBlock) return [numPromptTokens - 1];
    const block = this.schedulerBlockSize;
    const below = (numTokens: number): number =>
      Math.max(0, numTokens - (numTokens % block) - block);
    return [below(numPromptTokens - 1), below(numPromptTokens)];
  }

  protected alignCacheLimit(limit: number): number {
    return limit;
  }
}

/** Prefix caching is off: any number of groups, never a hit. */
export class KVCacheCoordinatorNoPrefixCache extends KVCacheCoordinator {
  override findLongestCacheHit(): CacheHit {
    return { blocks: this.managers.map(() => []), hitLength: 0, numUncachedCommonPrefixTokens: 0 };
  }
}

/** One group: its hit is the hit. */
export class UnitaryKVCacheCoordinator extends KVCacheCoordinator {
  readonly #manager: SingleTypeKVCacheManager;

  constructor(options: CoordinatorOptions) {
    super(options);
    const [manager, second] = this.managers;
    assert(manager !== undefined && second === undefined, 'one KV cache group');
    assert(
      manager.blockSize === options.hashBlockSize,
      () => `hash block size ${options.hashBlockSize}, block size ${manager.blockSize}`,
    );
    manager.cacheHitAlignmentTokens = manager.blockSize;
    this.#manager = manager;
  }

  override findLongestCacheHit(request: KVCacheRequest, maxCacheHitLength: number): CacheHit {
    const blocks: number[][] = [[]];
    const manager = this.#manager;
    const hitLength = manager.findLongestCacheHit(
      request,
      maxCacheHitLength,
      [0],
      blocks,
      manager.dropsBlock,
    );
    return { blocks, hitLength, numUncachedCommonPrefixTokens: 0 };
  }
}
