/**
 * The scheduler's door to the KV cache: prefix lookups, slots for tokens, block tables, statistics and events. Pure
 * and synchronous; the same calls in the same order give the same block ids as vLLM.
 * Source: vllm/v1/core/kv_cache_manager.py KVCacheManager (0.33.0).
 * Leaves out: handing Mamba states to KV connectors, zeroing lists.
 */

import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import { isPrefixCacheable } from '../../capacity/spec/spec-traits.ts';
import { assert } from '../../shared/assert.ts';
import type { KVCacheEvent } from '../../shared/protocol/kv-events.ts';
import type { PrefixCacheStats } from '../../shared/protocol/stats.ts';
import type { Admission } from './admission.ts';
import { BlockReservation } from './block-reservation.ts';
import { createCoordinator } from './create-coordinator.ts';
import { NO_DRAFT_CACHING } from './draft-caching.ts';
import type { KVCacheBlocks } from './kv-cache-blocks.ts';
import type { KVCacheCoordinator } from './kv-cache-coordinator.ts';
import type { KVCacheManagerOptions } from './kv-cache-manager-options.ts';
import type { KVCacheRequest } from './kv-cache-request.ts';
import type { SlotDemand } from './managers/single-type-kv-cache-manager.ts';
import { type BlockPool, NULL_BLOCK } from './pool/block-pool.ts';
import { KVEventQueue } from './pool/kv-event-queue.ts';
import { PrefixCacheCounter } from './prefix-cache-counter.ts';
import { RequestKVState } from './request-kv-state.ts';
import { validateRetentionInterval } from './retention-interval.ts';

export interface ComputedBlocks {
  readonly blocks: KVCacheBlocks;
  /** Tokens of the prefix hit. */
  readonly numComputedTokens: number;
  /** Where a prefix that only some groups have cached ends; 0 = none. Goes into the request's field of that name. */
  readonly sharedPrefixBoundary: number;
}

export interface KVCacheBlockCopies {
  readonly copies: readonly { readonly srcBlockId: number; readonly dstBlockId: number }[];
  /** To be freed (`freeBlocks`) once the copies are scheduled. */
  readonly retainedBlocks: readonly number[];
}

/** Tables that are kept for the next request; more than run at a time are never needed. */
const MAX_SPARE_STATES = 4096;

export class KVCacheManager {
  readonly blockPool: BlockPool;
  readonly watermarkBlocks: number;
  /** Handed out whenever there are no blocks, so that it can be compared with `===`. */
  readonly emptyKVCacheBlocks: KVCacheBlocks;
  /** Of the last allocation that failed, in blocks. */
  readonly lastShortfall = { needed: 0, free: 0, watermark: 0 };
  /** Hears of blocks that a prefix hit took; set while somebody looks. */
  onPrefixHit: ((hits: KVCacheBlocks) => void) | null = null;
  /** Blocks that are kept from requests; none by default. */
  readonly reservation: BlockReservation;
  readonly #coordinator: KVCacheCoordinator;
  readonly #groups: KVCacheConfig['groups'];
  readonly #maxModelLen: number;
  readonly #numLookaheadTokens: number;
  readonly #enableCaching: boolean;
  readonly #events: KVEventQueue | null;
  readonly #stats: PrefixCacheCounter | null;
  readonly #spareStates: RequestKVState[] = [];
  #nextTablesVersion = 1;
  readonly #demand: SlotDemand = {
    numTokens: 0,
    numTokensMainModel: 0,
    totalComputedTokens: 0,
    numLocalComputedTokens: 0,
    numEncoderTokens: 0,
    applyAdmissionCap: false,
    prefillEnd: 0,
  };

  constructor(options: KVCacheManagerOptions) {
    const { kvCacheConfig, enableCaching, watermark } = options;
    const { groups } = kvCacheConfig;
    validateRetentionInterval(options.retentionInterval, options.schedulerBlockSize, groups);
    assert(watermark >= 0, 'watermark must be non-negative');
    this.#groups = groups;
    this.#maxModelLen = options.maxModelLen;
    this.#numLookaheadTokens = options.numLookaheadTokens ?? 0;
    this.#enableCaching = enableCaching;
    this.#events = options.enableKvCacheEvents
      ? new KVEventQueue(groups, options.draftCaching?.numHashLookaheadTokens ?? 0)
      : null;
    this.#stats = options.logStats ? new PrefixCacheCounter() : null;
    this.#coordinator = createCoordinator({
      ...options,
      draftCaching: options.draftCaching ?? NO_DRAFT_CACHING,
      events: this.#events,
      metricsCollector: options.metricsCollector ?? null,
    });
    this.blockPool = this.#coordinator.blockPool;
    this.reservation = new BlockReservation(this.blockPool);
    this.watermarkBlocks = Math.floor(watermark * kvCacheConfig.numBlocks);
    this.emptyKVCacheBlocks = Object.freeze({ blocks: Object.freeze(groups.map(() => [])) });
  }

  /** The fraction of blocks that live requests refer to. */
  get usage(): number {
    return this.blockPool.usage;
  }

  get numFreeBlocks(): number {
    return this.blockPool.numFreeBlocks;
  }

  get numBlocks(): number {
    return this.blockPool.numBlocks;
  }

  /** Whether hits may end inside a (mamba) block, at a hash boundary. */
  get enablePartialHashHits(): boolean {
    return this.#coordinator.enablePartialHashHits;
  }

  newStepStarts(): void {
    this.#coordinator.newStepStarts();
  }

  prefixCacheLookupEnabled(request: KVCacheRequest): boolean {
    return this.#enableCaching && !request.skipReadingPrefixCache;
  }

  /**
   * The longest cached prefix of a request, of at most `maxCacheHitLength` tokens. The default leaves the last token
   * out, which must be computed for its logits.
   */
  getComputedBlocks(request: KVCacheRequest, maxCacheHitLength?: number): ComputedBlocks {
    if (!this.prefixCacheLookupEnabled(request)) {
      return { blocks: this.emptyKVCacheBlocks, numComputedTokens: 0, sharedPrefixBoundary: 0 };
    }
    const hit = this.#coordinator.findLongestCacheHit(
      request,
      maxCacheHitLength ?? request.numTokens - 1,
    );
    assert(
      hit.hitLength >= 0 && hit.hitLength <= request.numTokens,
      () => `a hit of ${hit.hitLength} of ${request.numTokens} tokens`,
    );
    const uncached = hit.numUncachedCommonPrefixTokens;
    return {
      blocks: this.#createKVCacheBlocks(hit.blocks),
      numComputedTokens: hit.hitLength,
      sharedPrefixBoundary: uncached > 0 ? hit.hitLength + uncached : 0,
    };
  }

  /**
   * Gives a request slots for `numNewTokens` more tokens (and, with `admission`, takes its prefix hit into use).
   * Blocks that left the window are freed first, even when the allocation then fails. Full blocks get their hash now,
   * before the model ran.
   *
   * Returns the blocks that are new to the request, `emptyKVCacheBlocks` when it needed none, and null when too few are
   * free. A decode step that needs nothing costs three comparisons.
   */
  allocateSlots(
    request: KVCacheRequest,
    numNewTokens: number,
    admission?: Admission,
  ): KVCacheBlocks | null {
    const state = request.kvState;
    if (state !== null && admission === undefined && numNewTokens > 0) {
      const computed = Math.min(request.numComputedTokens, this.#maxModelLen);
      const after = computed + numNewTokens;
      if (
        Math.min(after + this.#numLookaheadTokens, this.#maxModelLen) <= state.slotLimit &&
        Math.min(after, request.numTokens) < state.cacheLimit &&
        computed - request.numInFlightTokens < state.skipLimit
      ) {
        return this.emptyKVCacheBlocks;
      }
    }
    return this.#allocateSlots(request, numNewTokens, admission);
  }

  /** Gives all blocks of a request back, tail first, group after group. */
  free(request: KVCacheRequest): void {
    const state = request.kvState;
    if (state === null) return;
    this.#coordinator.free(state);
    request.kvState = null;
    state.reset();
    if (this.#spareStates.length < MAX_SPARE_STATES) this.#spareStates.push(state);
  }

  /**
   * As `free`, but the blocks stay referenced: returns them in the order in which `freeBlocks` is to get them once no step
   * in flight writes them. Source: pop_blocks_for_free.
   */
  popBlocksForFree(request: KVCacheRequest): number[] {
    const state = request.kvState;
    if (state === null) return [];
    const blocks = state.tables.flatMap((table) => table.slice()).filter(isRealBlock);
    request.kvState = null;
    state.reset();
    if (this.#spareStates.length < MAX_SPARE_STATES) this.#spareStates.push(state);
    return blocks.reverse();
  }

  /** Gives the full blocks of the first `numComputedTokens` tokens their hashes. Cheap when nothing new is full. */
  cacheBlocks(request: KVCacheRequest, numComputedTokens: number): void {
    const state = request.kvState;
    if (state === null || numComputedTokens < state.cacheLimit || !this.#enableCaching) return;
    this.#coordinator.cacheBlocks(request, state, numComputedTokens);
    this.#coordinator.updateLimits(state);
  }

  /** Frees what left the window once `processedComputedTokens` tokens are computed and processed. */
  removeSkippedBlocks(request: KVCacheRequest, processedComputedTokens: number): void {
    const state = request.kvState;
    if (state === null) return;
    state.tablesVersion = this.#nextTablesVersion++;
    this.#coordinator.removeSkippedBlocks(state, processedComputedTokens, request.numPromptTokens);
    this.#coordinator.updateLimits(state);
  }

  /** A copy of a request's block tables. */
  getBlockIds(request: KVCacheRequest): number[][] {
    const state = request.kvState;
    return state === null ? this.#groups.map(() => []) : state.tables.map((table) => table.slice());
  }

  /** Blocks that a request still needs to hold its whole sequence. Source: Scheduler._request_remaining_blocks. */
  getNumRemainingBlocks(request: KVCacheRequest): number {
    const state = this.#stateOf(request);
    const demand = this.#demand;
    demand.numTokens = Math.min(request.numTokens, this.#maxModelLen);
    demand.numTokensMainModel = demand.numTokens;
    demand.totalComputedTokens = request.numComputedTokens;
    demand.numLocalComputedTokens = request.numComputedTokens;
    demand.numEncoderTokens = 0;
    demand.applyAdmissionCap = true;
    demand.prefillEnd = Math.max(request.numPromptTokens, request.numTokens - 1);
    return this.#coordinator.getNumBlocksToAllocate(state, demand, this.emptyKVCacheBlocks.blocks);
  }

  /** Changes whenever a request's block tables may have; 0 while it has none. */
  getTablesVersion(request: KVCacheRequest): number {
    return request.kvState?.tablesVersion ?? 0;
  }

  /** The tokens of a request that are in the prefix cache, the least of all groups. For PrefillStats. */
  estimateCachedTokens(request: KVCacheRequest): number {
    let least = Number.POSITIVE_INFINITY;
    this.#groups.forEach(({ spec }, i) => {
      if (!isPrefixCacheable(spec) || spec.kind === 'cross_attention') return;
      const table = request.kvState?.tables[i];
      let most = 0;
      for (let j = 0; table !== undefined && j < table.length; j++) {
        most = Math.max(most, this.blockPool.hashNumTokens(table.get(j)));
      }
      least = Math.min(least, most);
    });
    return Number.isFinite(least) ? least : 0;
  }

  /** To be called when a request is admitted; lookups of requests that stay waiting do not count. */
  recordPrefixCacheStats(request: KVCacheRequest, numHits: number): void {
    if (!this.prefixCacheLookupEnabled(request)) return;
    this.#stats?.record({
      numTokens: request.numTokens,
      numHits,
      isPreempted: request.numPreemptions > 0,
    });
  }

  /** The counts since the last call; null with log_stats off. */
  makePrefixCacheStats(): PrefixCacheStats | null {
    return this.#stats?.take() ?? null;
  }

  /** Forgets the prefix cache if no request holds a block; says whether it did. */
  resetPrefixCache(): boolean {
    if (!this.reservation.without(() => this.blockPool.resetPrefixCache())) return false;
    this.#stats?.noteReset();
    return true;
  }

  /** The events since the last call, in order. */
  takeEvents(): KVCacheEvent[] {
    return this.#events?.take() ?? [];
  }

  /** The block copies that this step's allocations need, null when none (nearly always). */
  takeKvCacheBlockCopies(): KVCacheBlockCopies | null {
    if (!this.enablePartialHashHits) return null;
    const pending = this.#coordinator.takePendingCopies();
    if (pending.length === 0) return null;
    return {
      copies: pending.map(({ source, target }) => ({ srcBlockId: source, dstBlockId: target })),
      retainedBlocks: pending.flatMap(({ source, target }) => [source, target]),
    };
  }

  /** One reference less for each block. */
  freeBlocks(blockIds: Iterable<number>): void {
    this.blockPool.freeBlocks(blockIds);
  }

  /** The free blocks, next to be reused first. O(free blocks); for traces and tests. */
  freeBlockQueue(): number[] {
    return this.blockPool.freeBlockIds();
  }

  /** Asserts what must hold of the pool at any time. O(blocks). */
  checkInvariants(): void {
    this.blockPool.checkInvariants();
  }

  #allocateSlots(
    request: KVCacheRequest,
    numNewTokens: number,
    admission: Admission | undefined,
  ): KVCacheBlocks | null {
    const numNewComputedTokens = admission?.numNewComputedTokens ?? 0;
    assert(
      numNewTokens > 0 || numNewComputedTokens > 0 || admission?.delayCacheBlocks === true,
      'num_new_tokens must be greater than 0 when there are no computed tokens to adopt',
    );
    const hits = admission?.newComputedBlocks ?? this.emptyKVCacheBlocks;
    const numExternal = admission?.numExternalComputedTokens ?? 0;
    const localComputed = request.numComputedTokens + numNewComputedTokens;
    const totalComputed = Math.min(localComputed + numExternal, this.#maxModelLen);
    const watermark = admission?.applyWatermark === true ? this.watermarkBlocks : 0;
    const state = this.#stateOf(request);
    state.tablesVersion = this.#nextTablesVersion++;
    const prefillEnd = Math.max(request.numPromptTokens, request.numTokens - 1);
    const demand = this.#demand;
    demand.numLocalComputedTokens = localComputed;
    demand.totalComputedTokens = totalComputed;
    demand.numEncoderTokens = admission?.numEncoderTokens ?? 0;
    demand.prefillEnd = prefillEnd;
    if (admission?.fullSequenceMustFit === true) {
      demand.numTokens = Math.min(request.numTokens, this.#maxModelLen);
      demand.numTokensMainModel = demand.numTokens;
      demand.applyAdmissionCap = true;
      const needed = this.#coordinator.getNumBlocksToAllocate(state, demand, hits.blocks);
      if (needed + watermark > this.blockPool.numFreeBlocks) return this.#fail(needed, watermark);
    }
    demand.numTokensMainModel = totalComputed + numNewTokens;
    // While a KV cache is loaded no forward pass runs: the drafter's slots come with the first step.
    const lookahead = admission?.delayCacheBlocks === true ? 0 : this.#numLookaheadTokens;
    demand.numTokens = Math.min(demand.numTokensMainModel + lookahead, this.#maxModelLen);
    demand.totalComputedTokens = localComputed + numExternal;
    demand.applyAdmissionCap = false;
    demand.prefillEnd = prefillEnd;
    const processed = Math.max(0, totalComputed - request.numInFlightTokens);
    this.#coordinator.removeSkippedBlocks(state, processed, request.numPromptTokens);
    const needed = this.#coordinator.getNumBlocksToAllocate(state, demand, hits.blocks);
    const kept = watermark + (admission?.reservedBlocks ?? 0);
    if (needed + kept > this.blockPool.numFreeBlocks) return this.#fail(needed, kept);
    if (hits !== this.emptyKVCacheBlocks) this.onPrefixHit?.(hits);
    if (hits !== this.emptyKVCacheBlocks || numExternal > 0) {
      this.#coordinator.allocateNewComputedBlocks(state, hits.blocks, localComputed, numExternal);
    }
    const newBlocks = this.#coordinator.allocateNewBlocks(state, demand);
    if (admission?.delayCacheBlocks !== true) {
      const numTokensToCache = Math.min(totalComputed + numNewTokens, request.numTokens);
      this.#coordinator.cacheBlocks(request, state, numTokensToCache);
    }
    this.#coordinator.updateLimits(state);
    return this.#createKVCacheBlocks(newBlocks);
  }

  #fail(needed: number, watermark: number): null {
    const shortfall = this.lastShortfall;
    shortfall.needed = needed;
    shortfall.free = this.blockPool.numFreeBlocks;
    shortfall.watermark = watermark;
    return null;
  }

  #stateOf(request: KVCacheRequest): RequestKVState {
    request.kvState ??= this.#spareStates.pop() ?? new RequestKVState(this.#groups.length);
    return request.kvState;
  }

  #createKVCacheBlocks(blocks: readonly (readonly number[])[]): KVCacheBlocks {
    return blocks.some((group) => group.length > 0) ? { blocks } : this.emptyKVCacheBlocks;
  }
}

function isRealBlock(block: number): boolean {
  return block !== NULL_BLOCK;
}
