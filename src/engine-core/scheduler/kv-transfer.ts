/**
 * The scheduler's share of KV transfer: who waits for a load, which loads ended or failed, whose blocks are read or written
 * by somebody else and have to stay. There is none without a connector, and nothing here is asked then.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler, "KV Connector Related Methods" and what the passes do with a connector
 * (0.33.0). Leaves out: bounded replay of sliding windows, partial Mamba tails handed over, HiSparse's deferred loads.
 */
import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import { assert } from '../../shared/assert.ts';
import { cdiv } from '../../shared/integers.ts';
import type { RequestId } from '../../shared/protocol/ids.ts';
import type { KVCacheManager } from '../kv-cache/kv-cache-manager.ts';
import { PrefixCacheCounter } from '../kv-cache/prefix-cache-counter.ts';
import type {
  FinishedRequest,
  KVConnector,
  KVConnectorStatsData,
  KVLoadFailurePolicy,
  KVRole,
} from './kv-connector.ts';
import { KVFetchStages } from './kv-fetch-stages.ts';
import type { Request } from './request.ts';
import { isFinishedStatus, RequestStatus } from './request-status.ts';
import type { SchedulerOutput } from './scheduler-output.ts';

export interface KVTransferOptions {
  readonly connector: KVConnector;
  readonly role: KVRole;
  readonly loadFailurePolicy: KVLoadFailurePolicy;
}

export interface KVTransferParts extends KVTransferOptions {
  readonly kvCacheManager: KVCacheManager;
  readonly kvCacheConfig: KVCacheConfig;
  readonly maxConcurrentBatches: number;
  /** Of the scheduler. */
  readonly blockSize: number;
  readonly logStats: boolean;
  /** The most slots that a step with drafts takes of one request; 0 without speculation. */
  readonly numDraftStepTokens: number;
}

export class KVTransfer {
  readonly connector: KVConnector;
  readonly blockSize: number;
  readonly kvCacheConfig: KVCacheConfig;
  /** Loads that failed are computed; else their requests fail. */
  readonly recomputesLoadFailures: boolean;
  /** Loads that ended and that the waiting pass has not seen. */
  readonly finishedRecving = new Set<RequestId>();
  readonly failedRecving = new Set<RequestId>();
  /** Chunked prefills and loads: what they will still need is kept from further loads. */
  readonly inflightPrefills = new Set<Request>();
  /** Null where statistics are off. */
  readonly fetchStages: KVFetchStages | null;
  readonly prefixCacheStats: PrefixCacheCounter | null;
  readonly #kvCacheManager: KVCacheManager;
  /** What the first step with drafts after a load takes. Mamba's managers count their states for drafts themselves. */
  readonly #numDraftStepBlocks: number;
  /** A step in flight may write a freed request's blocks, which a load that is not ordered against it could then fill. */
  readonly #defersFrees: boolean;
  /** Steps with tokens that were planned, and those whose output was taken in. */
  #scheduledSteps = 0;
  #processedSteps = 0;
  #connectorStats: KVConnectorStatsData | null = null;
  readonly #deferredFrees: { readonly fence: number; readonly blocks: readonly number[] }[] = [];

  constructor(parts: KVTransferParts) {
    this.connector = parts.connector;
    this.blockSize = parts.blockSize;
    this.kvCacheConfig = parts.kvCacheConfig;
    this.recomputesLoadFailures = parts.loadFailurePolicy === 'recompute';
    this.fetchStages = parts.logStats ? new KVFetchStages() : null;
    this.prefixCacheStats = parts.logStats ? new PrefixCacheCounter() : null;
    this.#kvCacheManager = parts.kvCacheManager;
    this.#numDraftStepBlocks = parts.kvCacheConfig.groups
      .filter(({ spec }) => spec.kind !== 'mamba')
      .reduce((sum, { spec }) => sum + cdiv(parts.numDraftStepTokens, spec.blockSize), 0);
    this.#defersFrees = parts.maxConcurrentBatches > 1 && parts.role !== 'kv_producer';
  }

  addRequest(request: Request): void {
    this.connector.onNewRequest(request);
    // Counted on arrival: while all slots are taken nobody asks the connector.
    if (request.kvTransferParams?.['do_remote_prefill']) {
      this.fetchStages?.set(request, 'waiting_to_start');
    }
  }

  /** Blocks that other loads and prefills in flight will still need, and the load's own first step with drafts. */
  get numReservedBlocks(): number {
    let count = this.#numDraftStepBlocks;
    for (const request of this.inflightPrefills) {
      count += this.#kvCacheManager.getNumRemainingBlocks(request);
    }
    return count;
  }

  /** A step is planned; its tokens do not count as computed yet. */
  startStep(output: SchedulerOutput): void {
    this.connector.startStep(output);
    if (this.#defersFrees && output.totalNumScheduledTokens > 0) this.#scheduledSteps += 1;
  }

  /** A request's tokens of the planned step count as computed. */
  noteScheduled(request: Request): void {
    if (this.#defersFrees) request.lastScheduledStep = this.#scheduledSteps;
    if (!request.isPrefillChunk) this.inflightPrefills.delete(request);
  }

  /** A step has run: blocks that only it could have written are free. */
  noteProcessed(numTokens: number): void {
    if (!this.#defersFrees || numTokens === 0) return;
    this.#processedSteps += 1;
    const frees = this.#deferredFrees;
    while (frees[0] !== undefined && frees[0].fence <= this.#processedSteps) {
      this.#kvCacheManager.freeBlocks(frees.shift()?.blocks ?? []);
    }
  }

  canFreeBlocks(request: Request): boolean {
    return !this.#defersFrees || request.lastScheduledStep <= this.#processedSteps;
  }

  /** Frees a request's blocks, at once or when the last step that may write them has run. */
  freeRequestBlocks(request: Request): void {
    if (this.canFreeBlocks(request)) {
      this.#kvCacheManager.free(request);
      return;
    }
    const blocks = this.#kvCacheManager.popBlocksForFree(request);
    if (blocks.length > 0) this.#deferredFrees.push({ fence: this.#scheduledSteps, blocks });
  }

  /** The ends of copies that the step about to start makes. */
  freeRetainedBlocks(blocks: readonly number[]): void {
    if (this.#defersFrees) this.#deferredFrees.push({ fence: this.#scheduledSteps + 1, blocks });
    else this.#kvCacheManager.freeBlocks(blocks);
  }

  /** Asks the connector what becomes of a finished request's blocks. */
  finish(request: Request): FinishedRequest {
    this.inflightPrefills.delete(request);
    this.fetchStages?.set(request, null);
    const kvCacheManager = this.#kvCacheManager;
    const processed = Math.max(0, request.numComputedTokens - request.numInFlightTokens);
    kvCacheManager.removeSkippedBlocks(request, processed);
    const { groups } = this.kvCacheConfig;
    const blockIds = kvCacheManager.getBlockIds(request).map((ids, i) => {
      const spec = groups[i]?.spec;
      // Their blocks are not one for so many tokens.
      if (spec === undefined || spec.kind === 'mamba' || spec.kind === 'cross_attention') {
        return ids;
      }
      return ids.slice(0, cdiv(request.numComputedTokens, spec.blockSize));
    });
    return this.connector.requestFinished(request, blockIds);
  }

  /**
   * A load of an ended request reports later, and its blocks stay until then; whether this one does. The request forgets
   * what it knew of it.
   */
  abandonLoad(request: Request): boolean {
    if (request.status !== RequestStatus.WAITING_FOR_REMOTE_KVS) return false;
    this.failedRecving.delete(request.requestId);
    return !this.finishedRecving.delete(request.requestId);
  }

  /** Whether a request that waits for its KV cache has it now; it is then as one that just arrived, or was preempted. */
  takeFinishedLoad(request: Request): boolean {
    const { requestId } = request;
    if (!this.finishedRecving.has(requestId)) return false;
    const hasFailed = this.failedRecving.delete(requestId);
    // A local hit may be found by the lookup that follows.
    if (hasFailed && request.numComputedTokens === 0) this.#kvCacheManager.free(request);
    else this.#kvCacheManager.cacheBlocks(request, request.numComputedTokens);
    // The last token has to be computed for its logits.
    if (request.numComputedTokens === request.numTokens) {
      request.numComputedTokens = request.numTokens - 1;
    }
    this.finishedRecving.delete(requestId);
    request.status = request.numPreemptions > 0 ? RequestStatus.PREEMPTED : RequestStatus.WAITING;
    return true;
  }

  /** A load has ended. Returns whether its request is gone, so that its blocks can go too. */
  noteReceived(request: Request): boolean {
    if (request.status === RequestStatus.WAITING_FOR_REMOTE_KVS) {
      this.finishedRecving.add(request.requestId);
      this.fetchStages?.set(request, 'completed_waiting');
      return false;
    }
    assert(isFinishedStatus(request.status), 'a load ended of a request that does not load');
    return true;
  }

  /** The connector's own statistics of a step, which go with its outputs. */
  noteConnectorStats(worker: KVConnectorStatsData | null): void {
    this.#connectorStats = this.connector.takeStats(worker);
  }

  takeConnectorStats(): KVConnectorStatsData | null {
    const stats = this.#connectorStats;
    this.#connectorStats = null;
    return stats;
  }

  /** An admitted request's lookup, to be counted once it has its blocks. */
  recordLookup(request: Request, numQueries: number, numHits: number): void {
    if (numQueries === 0 || this.prefixCacheStats === null) return;
    const isPreempted = request.numPreemptions > 0;
    this.prefixCacheStats.record({ numTokens: numQueries, numHits, isPreempted });
    if (numHits > 0 && !isPreempted) {
      this.prefixCacheStats.recordSources(
        this.connector.getExternalCacheHitSources(request, numHits),
        numHits,
      );
    }
  }
}
