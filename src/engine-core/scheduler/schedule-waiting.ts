/**
 * The second pass of a schedule call: admits waiting requests from the front of the queue until one does not fit.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler.schedule, the WAITING loop (0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import { EngineCoreEventType } from '../../shared/protocol/outputs.ts';
import type { Request } from './request.ts';
import { RequestStatus } from './request-status.ts';
import type { AdmissionEnd, SkipReason } from './scheduler-observer.ts';
import { ScheduleKind } from './scheduler-output.ts';
import { PauseState, type SchedulerState, type ScheduleStep } from './scheduler-state.ts';

/** Returns whether a request was admitted that has more than one token left to compute. */
export function scheduleWaiting(state: SchedulerState, step: ScheduleStep): boolean {
  const { waiting } = state;
  const scheduledLoras = runningLoras(state);
  const skipped: Request[] = [];
  let prefillAdmitted = false;
  let end: AdmissionEnd | null = null;
  while (
    step.tokenBudget > 0 &&
    step.inputBudget > 0 &&
    waiting.length > 0 &&
    // Requests that hold blocks while they wait do not exist here, so a pause for new ones admits none.
    state.pauseState === PauseState.UNPAUSED &&
    state.running.length < state.maxNumActiveReqs
  ) {
    const request = waiting.peek();
    const skip =
      grammarSkip(state, request) ?? skipReason(request, scheduledLoras, state.config.maxLoras);
    if (skip !== null) {
      skipped.push(waiting.pop());
      state.deferred.add(request);
      state.observer?.skipped(request, skip);
      continue;
    }
    end = tryAdmit(state, step, request);
    if (end !== null) break;
    if (scheduledLoras !== null && request.loraRequest !== null) {
      scheduledLoras.add(request.loraRequest.loraIntId);
    }
    prefillAdmitted ||= request.numComputedTokens < request.numTokens - 1;
  }
  state.observer?.admissionEnded(end ?? endOfPass(state, step));
  waiting.prependAll(skipped.reverse());
  if (!step.deferPrefills) {
    state.prefillCapacityBound = waiting.length > state.deferred.size;
  }
  return prefillAdmitted;
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
  const { waiting, running, pauseState, maxNumActiveReqs, maxNumScheduledTokens } = state;
  if (pauseState !== PauseState.UNPAUSED) return { why: 'paused', isAll: false };
  if (waiting.length === 0) return { why: 'none_left' };
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
  request: Request,
  scheduledLoras: ReadonlySet<number> | null,
  maxLoras: number | null,
): SkipReason | null {
  // Stale output that will be delivered is still in flight: resuming could sample its position again.
  if (request.numStaleOutputTokens > 0 && !request.dropStaleOutput) return 'stale_output';
  if (scheduledLoras === null || request.loraRequest === null) return null;
  const isFull = scheduledLoras.size === maxLoras;
  return isFull && !scheduledLoras.has(request.loraRequest.loraIntId) ? 'max_loras' : null;
}

/** Null where it was admitted; else nothing behind it may overtake it. */
function tryAdmit(
  state: SchedulerState,
  step: ScheduleStep,
  request: Request,
): AdmissionEnd | null {
  const { kvCacheManager } = state;
  const lookup = kvCacheManager.getComputedBlocks(request);
  const hitBlocks = lookup.blocks;
  const numHitTokens = lookup.numComputedTokens;
  request.sharedPrefixBoundary = lookup.sharedPrefixBoundary;
  assert(numHitTokens <= request.numTokens, 'the prefix hit is longer than the request');
  if (request.prefillStatsPending && request.numPreemptions <= 0) {
    request.numCachedPromptTokens = numHitTokens;
  }
  if (step.deferPrefills && numHitTokens < request.numTokens - 1)
    return { why: 'prefill_interval', request };

  const numNewTokens = numTokensToAdmit(state, step, request, numHitTokens);
  if (numNewTokens === 0) return noChunk(state, step, request, numHitTokens);
  const newBlocks = kvCacheManager.allocateSlots(request, numNewTokens, {
    newComputedBlocks: hitBlocks,
    numNewComputedTokens: numHitTokens,
    fullSequenceMustFit: state.config.schedulerReserveFullIsl,
    applyWatermark: state.running.length > 0,
  });
  if (newBlocks === null)
    return { why: 'kv_cache_blocks', request, ...kvCacheManager.lastShortfall };
  kvCacheManager.recordPrefixCacheStats(request, numHitTokens);
  admit(state, step, request, { numHitTokens, numNewTokens });
  return null;
}

/** Why no first chunk of the request can be made. */
function noChunk(
  state: SchedulerState,
  step: ScheduleStep,
  request: Request,
  numHitTokens: number,
): AdmissionEnd {
  const budget = Math.min(step.tokenBudget, step.inputBudget);
  const { enableChunkedPrefill } = state.config;
  const numLeft = request.numTokens - numHitTokens;
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
  const budget = Math.min(step.tokenBudget, step.inputBudget);
  let numNewTokens = request.numTokens - numHitTokens;
  const threshold = step.longPrefillTokenThreshold;
  if (threshold > 0 && threshold < numNewTokens) numNewTokens = threshold;
  if (!state.config.enableChunkedPrefill && numNewTokens > budget) return 0;
  numNewTokens = Math.min(numNewTokens, budget);
  assert(numNewTokens > 0, 'a waiting request has nothing to compute');
  if (state.mambaSplit === null) return numNewTokens;
  return state.mambaSplit.clip(request, numNewTokens, numHitTokens);
}

function admit(
  state: SchedulerState,
  step: ScheduleStep,
  request: Request,
  tokens: { numHitTokens: number; numNewTokens: number },
): void {
  state.waiting.pop();
  state.deferred.delete(request);
  state.running.push(request);
  state.recordEvent(request, EngineCoreEventType.SCHEDULED, step.timestamp);
  const isResumed = request.status === RequestStatus.PREEMPTED;
  assert(isResumed || request.status === RequestStatus.WAITING, 'invalid request status');
  request.status = RequestStatus.RUNNING;
  request.numComputedTokens = tokens.numHitTokens;
  const kind = isResumed ? ScheduleKind.RESUMED : ScheduleKind.NEW;
  step.output.append(request, kind, tokens.numNewTokens, undefined);
  step.tokenBudget -= tokens.numNewTokens;
  step.inputBudget -= tokens.numNewTokens;
}
