/**
 * The second pass of a schedule call: admits waiting requests from the front of the queue until one does not fit.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler.schedule, the WAITING loop (0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import { EngineCoreEventType } from '../../shared/protocol/outputs.ts';
import { paddedTokens, placeholderDrafts, reservePrefillLookahead } from './drafts.ts';
import { lookUp, noteAllocated, waitForRemote } from './look-up.ts';
import type { Request } from './request.ts';
import type { RequestQueue } from './request-queue.ts';
import { RequestStatus } from './request-status.ts';
import type { AdmissionEnd, SkipReason } from './scheduler-observer.ts';
import { ScheduleKind } from './scheduler-output.ts';
import { PauseState, type SchedulerState, type ScheduleStep } from './scheduler-state.ts';

/** Returns whether a request was admitted that has more than one token left to compute. */
export function scheduleWaiting(state: SchedulerState, step: ScheduleStep): boolean {
  const scheduledLoras = runningLoras(state);
  const skipped = new SkippedRequests(state);
  let prefillAdmitted = false;
  let end: AdmissionEnd | null = null;
  while (
    step.tokenBudget > 0 &&
    step.inputBudget > state.config.speculation.draftSlots &&
    state.running.length < state.maxNumActiveReqs
  ) {
    const queue = nextQueue(state);
    if (queue === null) break;
    const request = queue.peek();
    const outcome =
      grammarSkip(state, request) ??
      skipReason(state, request, scheduledLoras) ??
      tryAdmit(state, step, request, queue);
    if (typeof outcome === 'string') {
      skipped.takeFrom(queue, outcome);
      continue;
    }
    end = outcome;
    if (end !== null) break;
    if (scheduledLoras !== null && request.loraRequest !== null) {
      scheduledLoras.add(request.loraRequest.loraIntId);
    }
    prefillAdmitted ||= request.numComputedTokens < request.numTokens - 1;
  }
  state.observer?.admissionEnded(end ?? endOfPass(state, step));
  skipped.putBack();
  if (!step.deferPrefills) {
    state.prefillCapacityBound = state.numWaiting > state.deferred.size;
  }
  return prefillAdmitted;
}

/** Where the next request comes from; null where none may. A pause for new requests lets those go on that hold blocks. */
function nextQueue(state: SchedulerState): RequestQueue | null {
  if (state.kvHoldingWaiting.length > 0) return state.kvHoldingWaiting;
  const isOpen = state.pauseState === PauseState.UNPAUSED && state.waiting.length > 0;
  return isOpen ? state.waiting : null;
}

/** Requests that this pass passed over; they go back in front, in their order. */
class SkippedRequests {
  readonly #state: SchedulerState;
  readonly #waiting: Request[] = [];
  readonly #kvHolding: Request[] = [];

  constructor(state: SchedulerState) {
    this.#state = state;
  }

  takeFrom(queue: RequestQueue, why: SkipReason): void {
    const request = queue.pop();
    this.#state.deferred.add(request);
    this.#state.observer?.skipped(request, why);
    (holdsBlocks(request) ? this.#kvHolding : this.#waiting).push(request);
  }

  putBack(): void {
    this.#state.kvHoldingWaiting.prependAll(this.#kvHolding.reverse());
    this.#state.waiting.prependAll(this.#waiting.reverse());
  }
}

/** A load that failed has no computed tokens, but its blocks. */
function holdsBlocks(request: Request): boolean {
  return request.numComputedTokens > 0 || request.status === RequestStatus.WAITING_FOR_REMOTE_KVS;
}

function runningLoras(state: SchedulerState): Set<number> | null {
  if (state.config.maxLoras === null) return null;
  const loras = new Set<number>();
  for (const { loraRequest } of state.running) {
    if (loraRequest !== null && loraRequest.loraIntId > 0) loras.add(loraRequest.loraIntId);
  }
  assert(loras.size <= state.config.maxLoras, 'more adapters are running than max_loras');
  return loras;
}

/** Why the pass ended before it looked at the next request; what outlasts the step comes first. */
function endOfPass(state: SchedulerState, step: ScheduleStep): AdmissionEnd {
  const { running, pauseState, maxNumActiveReqs, maxNumScheduledTokens } = state;
  if (pauseState !== PauseState.UNPAUSED) return { why: 'paused', isAll: false };
  if (state.numWaiting === 0) return { why: 'none_left' };
  if (running.length >= maxNumActiveReqs)
    return { why: 'max_num_seqs', numRunning: running.length, limit: maxNumActiveReqs };
  const limit = step.tokenBudget <= 0 ? maxNumScheduledTokens : state.config.maxNumBatchedTokens;
  return { why: 'token_budget', limit };
}

/**
 * Null where the request has its grammar, or needs none. One that failed to compile is noted: the step's end tells the
 * client. Source: Scheduler._handle_blocked_waiting_request.
 */
function grammarSkip(state: SchedulerState, request: Request): SkipReason | null {
  if (request.status !== RequestStatus.WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR) return null;
  const { structuredOutput } = request;
  assert(structuredOutput !== null, 'a request waits for a grammar that it has not');
  if (!structuredOutput.isDone) return 'grammar';
  if (structuredOutput.failure !== null) {
    state.grammarCompileErrors.set(request, structuredOutput.failure);
    return 'grammar';
  }
  request.status = RequestStatus.WAITING;
  return null;
}

/** Null where the request may be admitted if it fits. */
function skipReason(
  state: SchedulerState,
  request: Request,
  scheduledLoras: ReadonlySet<number> | null,
): SkipReason | null {
  if (
    request.status === RequestStatus.WAITING_FOR_REMOTE_KVS &&
    state.kvTransfer?.takeFinishedLoad(request) !== true
  ) {
    return 'remote_kvs';
  }
  // Stale output that will be delivered is still in flight: resuming could sample its position again.
  if (request.numStaleOutputTokens > 0 && !request.dropStaleOutput) return 'stale_output';
  if (scheduledLoras === null || request.loraRequest === null) return null;
  const isFull = scheduledLoras.size === state.config.maxLoras;
  return isFull && !scheduledLoras.has(request.loraRequest.loraIntId) ? 'max_loras' : null;
}

/** Null where it was admitted; with an end, nothing behind it may overtake it; with a reason, it is passed over. */
function tryAdmit(
  state: SchedulerState,
  step: ScheduleStep,
  request: Request,
  queue: RequestQueue,
): AdmissionEnd | SkipReason | null {
  const { kvCacheManager } = state;
  const found = lookUp(state, request);
  if (found === null) return 'kv_connector';
  const numComputed = found.numComputedTokens;
  assert(numComputed <= request.numTokens, 'the prefix hit is longer than the request');
  if (!found.loadAsync && step.deferPrefills && numComputed < request.numTokens - 1)
    return { why: 'prefill_interval', request };

  const chunk = found.loadAsync ? 0 : numTokensToAdmit(state, step, request, numComputed);
  if (chunk === 0 && !found.loadAsync) return noChunk(state, step, request, numComputed);
  const numNewTokens = reservePrefillLookahead(state, request, {
    numComputedTokens: numComputed,
    numNewTokens: chunk,
  });
  if (numNewTokens === 0 && !found.loadAsync) return 'prefill_lookahead';
  const padding = numNewTokens - (request.numTokens - numComputed);
  const newBlocks = kvCacheManager.allocateSlots(request, numNewTokens, {
    newComputedBlocks: found.blocks,
    numNewComputedTokens: found.numLocalTokens,
    fullSequenceMustFit: state.config.schedulerReserveFullIsl,
    applyWatermark: state.running.length > 0,
    numExternalComputedTokens: found.numExternalTokens,
    delayCacheBlocks: found.loadAsync,
    reservedBlocks: found.loadAsync ? (state.kvTransfer?.numReservedBlocks ?? 0) : 0,
  });
  if (newBlocks === null)
    return { why: 'kv_cache_blocks', request, ...kvCacheManager.lastShortfall };
  if (state.kvTransfer !== null) {
    noteAllocated(state.kvTransfer, kvCacheManager, request, found);
  }
  if (found.wasLookedUp) kvCacheManager.recordPrefixCacheStats(request, found.numLocalTokens);
  if (found.loadAsync) {
    waitForRemote(state, request, numComputed);
    return 'remote_kvs';
  }
  queue.pop();
  admit(state, step, request, { numComputed, numNewTokens });
  if (padding > 0) step.output.setDrafts(request, placeholderDrafts(padding));
  return null;
}

/** Why no first chunk of the request can be made. */
function noChunk(
  state: SchedulerState,
  step: ScheduleStep,
  request: Request,
  numHitTokens: number,
): AdmissionEnd {
  const budget = chunkBudget(state, step);
  const { enableChunkedPrefill } = state.config;
  const numLeft = request.numTokens - numHitTokens;
  // A single token is padded by drafts, or not scheduled.
  if (numLeft === 1) return { why: 'token_budget', limit: budget };
  const threshold = step.longPrefillTokenThreshold;
  const numNewTokens = threshold > 0 ? Math.min(threshold, numLeft) : numLeft;
  return !enableChunkedPrefill && numNewTokens > budget
    ? { why: 'no_chunks', request, numNewTokens, budget }
    : { why: 'mamba_chunk', request, budget };
}

/** The length of the first chunk; 0 stops the pass. */
function numTokensToAdmit(
  state: SchedulerState,
  step: ScheduleStep,
  request: Request,
  numHitTokens: number,
): number {
  const budget = chunkBudget(state, step);
  let numNewTokens = request.numTokens - numHitTokens;
  const padded = numNewTokens === 1 ? paddedTokens(state, step, numHitTokens) : 0;
  if (padded > budget) return 0;
  if (padded > 0) numNewTokens = padded;
  const threshold = step.longPrefillTokenThreshold;
  if (threshold > 0 && threshold < numNewTokens) numNewTokens = threshold;
  if (!state.config.enableChunkedPrefill && numNewTokens > budget) return 0;
  numNewTokens = Math.min(numNewTokens, budget);
  assert(numNewTokens > 0, 'a waiting request has nothing to compute');
  if (state.mambaSplit === null) return numNewTokens;
  const clipped = state.mambaSplit.clip(
    request,
    numNewTokens,
    numHitTokens - request.numComputedTokens,
  );
  return padded > 0 && clipped > 0 && clipped !== padded ? 1 : clipped;
}

/** The tokens that one more chunk may have. */
function chunkBudget(state: SchedulerState, step: ScheduleStep): number {
  return Math.min(step.tokenBudget, step.inputBudget - state.config.speculation.draftSlots);
}

function admit(
  state: SchedulerState,
  step: ScheduleStep,
  request: Request,
  tokens: { numComputed: number; numNewTokens: number },
): void {
  state.deferred.delete(request);
  state.running.push(request);
  state.recordEvent(request, EngineCoreEventType.SCHEDULED, step.timestamp);
  const isResumed = request.status === RequestStatus.PREEMPTED;
  assert(isResumed || request.status === RequestStatus.WAITING, 'invalid request status');
  request.status = RequestStatus.RUNNING;
  request.numComputedTokens = tokens.numComputed;
  const { kvTransfer } = state;
  if (kvTransfer !== null) {
    kvTransfer.fetchStages?.set(request, null);
    if (tokens.numComputed + tokens.numNewTokens < request.numTokens) {
      kvTransfer.inflightPrefills.add(request);
    }
  }
  const kind = isResumed ? ScheduleKind.RESUMED : ScheduleKind.NEW;
  step.output.append(request, kind, tokens.numNewTokens, undefined);
  step.tokenBudget -= tokens.numNewTokens;
  step.inputBudget -= tokens.numNewTokens + state.config.speculation.draftSlots;
}
