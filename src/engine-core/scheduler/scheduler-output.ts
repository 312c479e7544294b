/**
 * What one step runs, in parallel arrays over the scheduled requests: the running ones first, then those admitted in
 * this step. Objects are reused from step to step; a reader keeps nothing of them beyond `finishStep`.
 * Source: vllm/v1/core/sched/output.py SchedulerOutput (0.33.0). Leaves out: what only a real worker needs.
 */
import type { RequestId } from '../../shared/protocol/ids.ts';
import type { KVCacheBlocks } from '../kv-cache/kv-cache-blocks.ts';
import type { Request } from './request.ts';

/** How a request came to be in a step. */
export const ScheduleKind = { RUNNING: 0, NEW: 1, RESUMED: 2 } as const;
export type ScheduleKind = (typeof ScheduleKind)[keyof typeof ScheduleKind];

export interface BlockCopy {
  readonly srcBlockId: number;
  readonly dstBlockId: number;
}

/** The place of a request that samples nothing in a step. */
export const NO_SAMPLE = -1;
/** Stands for a sampled token where a prompt was pooled. */
export const POOLED = -2;

const NO_DRAFTS: ReadonlyMap<RequestId, readonly number[]> = new Map();

export class SchedulerOutput {
  /** How many of the entries below belong to this step. */
  numRequests = 0;
  readonly requests: (Request | undefined)[];
  readonly kinds: Uint8Array;
  readonly numScheduledTokens: Int32Array;
  /** Before this step; the prefix hit for an admitted request. */
  readonly numComputedTokens: Int32Array;
  /** Blocks that this step added to a running request's tables; undefined for an admitted request. */
  readonly newBlocks: (KVCacheBlocks | undefined)[];
  /** Which output token (0-based) a request samples in this step, or NO_SAMPLE. */
  readonly samplePositions: Int32Array;
  /** Written by the executor: the sampled token, POOLED, or NO_SAMPLE. */
  readonly sampledTokenIds: Int32Array;
  totalNumScheduledTokens = 0;
  /** A request in it is held to a grammar that has not seen the tokens of an earlier step: sampling waits for those. */
  pendingStructuredOutputTokens = false;
  /** The drafts that a request's step checks; the empty map without any. */
  scheduledSpecDecodeTokens: ReadonlyMap<RequestId, readonly number[]> = NO_DRAFTS;
  /** How many drafts each request may get after the step. */
  numSpecTokensToSchedule = 0;
  /** Written by the executor for requests with drafts: the accepted ones and the token after them. */
  readonly verifiedTokenIds = new Map<RequestId, readonly number[]>();
  /** Written by the executor: of those drafts, how many a request's grammar did not take. Null: none. */
  numInvalidSpecTokens: Map<RequestId, number> | null = null;
  #drafts: Map<RequestId, readonly number[]> | null = null;
  /** Since the previous schedule call, in the order of preemption. */
  preemptedReqIds: readonly RequestId[] = [];
  /** Finished since the previous schedule call. */
  finishedReqIds: readonly RequestId[] = [];
  /** Copies of partly filled Mamba states to make before the step. */
  blockCopies: readonly BlockCopy[] | null = null;

  /** `capacity`: the most requests that one step can hold. */
  constructor(capacity: number) {
    this.requests = new Array<Request | undefined>(capacity).fill(undefined);
    this.newBlocks = new Array<KVCacheBlocks | undefined>(capacity).fill(undefined);
    this.kinds = new Uint8Array(capacity);
    this.numScheduledTokens = new Int32Array(capacity);
    this.numComputedTokens = new Int32Array(capacity);
    this.samplePositions = new Int32Array(capacity);
    this.sampledTokenIds = new Int32Array(capacity);
  }

  append(
    request: Request,
    kind: ScheduleKind,
    numTokens: number,
    newBlocks: KVCacheBlocks | undefined,
  ): void {
    const index = this.numRequests;
    this.requests[index] = request;
    this.kinds[index] = kind;
    this.numScheduledTokens[index] = numTokens;
    this.numComputedTokens[index] = request.numComputedTokens;
    this.newBlocks[index] = newBlocks;
    this.numRequests = index + 1;
    this.totalNumScheduledTokens += numTokens;
  }

  setDrafts(request: Request, drafts: readonly number[]): void {
    this.#drafts ??= new Map();
    this.#drafts.set(request.requestId, drafts);
    this.scheduledSpecDecodeTokens = this.#drafts;
  }

  /** Takes a request back out; returns its tokens, or 0 if it is not in. O(requests). */
  withdraw(request: Request): number {
    const index = this.requests.indexOf(request);
    if (index < 0 || index >= this.numRequests) return 0;
    const numTokens = this.numScheduledTokens[index] ?? 0;
    const end = this.numRequests;
    this.requests.copyWithin(index, index + 1, end);
    this.newBlocks.copyWithin(index, index + 1, end);
    this.kinds.copyWithin(index, index + 1, end);
    this.numScheduledTokens.copyWithin(index, index + 1, end);
    this.numComputedTokens.copyWithin(index, index + 1, end);
    this.numRequests = end - 1;
    this.requests[end - 1] = undefined;
    this.totalNumScheduledTokens -= numTokens;
    this.#drafts?.delete(request.requestId);
    return numTokens;
  }

  /** Makes the object ready for another step; entries past the end let go of their requests. */
  clear(): void {
    this.requests.fill(undefined, 0, this.numRequests);
    this.newBlocks.fill(undefined, 0, this.numRequests);
    this.numRequests = 0;
    this.totalNumScheduledTokens = 0;
    this.preemptedReqIds = [];
    this.finishedReqIds = [];
    this.blockCopies = null;
    this.pendingStructuredOutputTokens = false;
    if (this.#drafts === null) return;
    this.#drafts.clear();
    this.verifiedTokenIds.clear();
    this.numInvalidSpecTokens = null;
    this.scheduledSpecDecodeTokens = NO_DRAFTS;
  }
}
