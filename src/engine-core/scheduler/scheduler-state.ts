/**
 * The scheduler's state, shared by its passes (running, waiting, preempt, update), each of which is a file beside
 * this one. Only they and scheduler.ts touch it.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler.__init__ (0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import type { RequestId } from '../../shared/protocol/ids.ts';
import type { EngineCoreEventType } from '../../shared/protocol/outputs.ts';
import type { KVCacheManager } from '../kv-cache/kv-cache-manager.ts';
import type { KVTransfer } from './kv-transfer.ts';
import type { KVTransferParams } from './kv-transfer-params.ts';
import type { MambaSplit } from './mamba-split.ts';
import type { Request } from './request.ts';
import { createRequestQueue, type RequestQueue } from './request-queue.ts';
import type { SchedulerConfig } from './scheduler-config.ts';
import type { SchedulerObserver } from './scheduler-observer.ts';
import type { SchedulerOutput } from './scheduler-output.ts';
import type { StepDraftCounter } from './spec-decode-counter.ts';

/** Source: vllm/v1/core/sched/interface.py PauseState. */
export const PauseState = { UNPAUSED: 0, PAUSED_NEW: 1, PAUSED_ALL: 2 } as const;
export type PauseState = (typeof PauseState)[keyof typeof PauseState];

export class SchedulerState {
  readonly config: SchedulerConfig;
  readonly kvCacheManager: KVCacheManager;
  readonly mambaSplit: MambaSplit | null;
  readonly logStats: boolean;
  readonly maxNumActiveReqs: number;
  readonly maxNumScheduledTokens: number;

  /** In order of arrival: those that are not finished, and finished ones whose blocks a KV connector still reads or fills. */
  readonly requests = new Map<RequestId, Request>();
  readonly waiting: RequestQueue;
  /** Those that hold blocks while they wait. They come before the others, whose blocks might never become free else. */
  readonly kvHoldingWaiting: RequestQueue;
  /** Null without a KV connector. */
  readonly kvTransfer: KVTransfer | null;
  /** Waiting requests that the last scan set aside. */
  readonly deferred = new Set<Request>();
  /** Waiting requests whose grammar did not compile, and why; the step's update ends them. */
  readonly grammarCompileErrors = new Map<Request, string>();
  /** In order of admission. */
  running: Request[] = [];
  pauseState: PauseState = PauseState.UNPAUSED;
  /** Handed to the worker with the next schedule call. */
  finishedReqIds: RequestId[] = [];
  preemptedReqIds: RequestId[] = [];
  /** Per client; null where the finished set is not sent. */
  readonly finishedReqIdsByClient: Map<number, RequestId[]> | null;

  currentStep = 0;
  /** Steps that scheduled tokens. */
  numExecutedSteps = 0;
  lastPrefillStep: number;
  /** The last step that admitted prefills could not take all that waits. */
  prefillCapacityBound = false;
  /** Of the step that was taken in last; null where it had no drafts. */
  specDecodingStats: StepDraftCounter | null = null;
  /** Set while somebody looks. */
  observer: SchedulerObserver | null = null;

  constructor(options: {
    config: SchedulerConfig;
    kvCacheManager: KVCacheManager;
    mambaSplit: MambaSplit | null;
    logStats: boolean;
    includeFinishedSet: boolean;
    kvTransfer: KVTransfer | null;
  }) {
    this.config = options.config;
    this.kvCacheManager = options.kvCacheManager;
    this.mambaSplit = options.mambaSplit;
    this.logStats = options.logStats;
    this.maxNumActiveReqs = this.config.maxNumActiveSeqs ?? this.config.maxNumSeqs;
    this.maxNumScheduledTokens =
      this.config.maxNumScheduledTokens ?? this.config.maxNumBatchedTokens;
    this.waiting = createRequestQueue(this.config.policy);
    this.kvHoldingWaiting = createRequestQueue(this.config.policy);
    this.kvTransfer = options.kvTransfer;
    this.finishedReqIdsByClient = options.includeFinishedSet ? new Map() : null;
    this.lastPrefillStep = -this.config.prefillScheduleInterval;
  }

  get numWaiting(): number {
    return this.waiting.length + this.kvHoldingWaiting.length;
  }

  /** In the order in which they are looked at. */
  waitingRequests(): Request[] {
    const waiting = this.waiting.toArray();
    return this.kvHoldingWaiting.length === 0
      ? waiting
      : [...this.kvHoldingWaiting.toArray(), ...waiting];
  }

  /** Takes finished requests off the running list, keeping the order. O(running). */
  removeFinishedFromRunning(): void {
    this.running = this.running.filter((request) => !request.isFinished);
  }

  removeFromWaiting(requests: ReadonlySet<Request>): void {
    if (requests.size === 0) return;
    this.waiting.removeAll(requests);
    this.kvHoldingWaiting.removeAll(requests);
    for (const request of requests) this.deferred.delete(request);
  }

  /**
   * Lets go of a finished request: its blocks, its id, and what the worker and the clients are told of it. Blocks that a KV
   * connector still reads or fills stay, and the request with them, until `freeBlocks`. Returns what the connector has to
   * say in the request's last output.
   */
  freeRequest(request: Request, isLoading = false): KVTransferParams | null {
    assert(request.isFinished, 'only finished requests are freed');
    const left = this.kvTransfer?.finish(request) ?? null;
    if (request.structuredOutput !== null) request.structuredOutput.isAbandoned = true;
    this.finishedReqIds.push(request.requestId);
    if (this.finishedReqIdsByClient !== null) {
      const ids = this.finishedReqIdsByClient.get(request.clientIndex);
      if (ids === undefined)
        this.finishedReqIdsByClient.set(request.clientIndex, [request.requestId]);
      else ids.push(request.requestId);
    }
    if (!isLoading && left?.delayFreeBlocks !== true) this.freeBlocks(request);
    return left?.kvTransferParams ?? null;
  }

  /** The end of a finished request. */
  freeBlocks(request: Request): void {
    if (this.kvTransfer === null) this.kvCacheManager.free(request);
    else this.kvTransfer.freeRequestBlocks(request);
    this.requests.delete(request.requestId);
  }

  recordEvent(request: Request, type: EngineCoreEventType, timestamp: number): void {
    if (this.logStats) request.recordEvent(type, timestamp);
  }
}

/** What the passes of one schedule call share. */
export interface ScheduleStep {
  readonly output: SchedulerOutput;
  /** Monotonic seconds at the top of the call. */
  readonly timestamp: number;
  /** Tokens that may still be scheduled. */
  tokenBudget: number;
  /** The same for the model's input buffer; smaller limits win. */
  inputBudget: number;
  /** Tokens of one prefill; 0 is no limit. */
  readonly longPrefillTokenThreshold: number;
  readonly deferPrefills: boolean;
  numPreempted: number;
  prefillScheduled: boolean;
  /** Running requests in the step, once their pass is over. */
  numRunningScheduled: number;
}
