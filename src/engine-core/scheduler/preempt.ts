/**
 * Preemption: who has to give up its blocks, and what that does to a request.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler._preempt_request and the victim choice in schedule() (0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import { EngineCoreEventType } from '../../shared/protocol/outputs.ts';

import { NO_DRAFTS, type Request } from './request.ts';
import { RequestStatus } from './request-status.ts';
import type { SchedulerState, ScheduleStep } from './scheduler-state.ts';

/**
 * Frees a request's blocks and puts it at the front of the waiting queue. The caller has taken it off the running
 * list. Output still in flight is delivered later (stale), or dropped if `dropStaleOutput`.
 */
export function preemptRequest(
  state: SchedulerState,
  request: Request,
  options: { timestamp: number; dropStaleOutput: boolean },
): void {
  assert(request.status === RequestStatus.RUNNING, 'only running requests can be preempted');
  const { kvTransfer } = state;
  if (kvTransfer === null) state.kvCacheManager.free(request);
  else {
    kvTransfer.freeRequestBlocks(request);
    kvTransfer.inflightPrefills.delete(request);
  }
  request.status = RequestStatus.PREEMPTED;
  request.numComputedTokens = 0;
  request.specTokenIds = NO_DRAFTS;
  // A share that was to be dropped stays so: its positions have been sampled again already.
  request.dropStaleOutput =
    options.dropStaleOutput || (request.dropStaleOutput && request.numStaleOutputTokens > 0);
  request.numStaleOutputTokens = request.numInFlightTokens;
  request.numOutputPlaceholders = 0;
  request.numPreemptions += 1;
  state.recordEvent(request, EngineCoreEventType.PREEMPTED, options.timestamp);
  state.waiting.prepend(request);
  state.preemptedReqIds.push(request.requestId);
}

/** The running request that gives way first: the last admitted, or by policy the one with the highest (priority, arrival). */
export function victimIndexOf(state: SchedulerState): number {
  const { running, config } = state;
  return config.policy === 'priority' ? lowestPriorityIndex(running) : running.length - 1;
}

/**
 * Preempts one running request to make room. Under fcfs that is the last admitted one; under priority the one with
 * the highest (priority, arrival time), which may have been scheduled in this step already and is then taken back.
 * Returns the victim and how many running requests before `index` it removed (0 or 1).
 */
export function preemptForRoom(
  state: SchedulerState,
  step: ScheduleStep,
  index: number,
): { victim: Request; shift: number } {
  const { running } = state;
  const victimIndex = victimIndexOf(state);
  const victim = running[victimIndex];
  assert(victim !== undefined, 'no running request to preempt');
  running.splice(victimIndex, 1);
  if (state.config.policy === 'priority') {
    const restored = step.output.withdraw(victim);
    step.tokenBudget += restored;
    step.inputBudget += restored > 0 ? restored + state.config.speculation.draftSlots : 0;
  }
  const dropStaleOutput = state.kvTransfer?.connector.requiresKvDelivery ?? false;
  preemptRequest(state, victim, { timestamp: step.timestamp, dropStaleOutput });
  step.numPreempted += 1;
  return { victim, shift: victimIndex < index ? 1 : 0 };
}

/** The first of those with the highest (priority, arrival time). */
function lowestPriorityIndex(running: readonly Request[]): number {
  let worstIndex = 0;
  let worst = running[0];
  for (let i = 1; i < running.length; i += 1) {
    const request = running[i];
    if (request === undefined || worst === undefined) continue;
    const isWorse =
      request.priority > worst.priority ||
      (request.priority === worst.priority && request.arrivalTime > worst.arrivalTime);
    if (isWorse) {
      worst = request;
      worstIndex = i;
    }
  }
  return worstIndex;
}
