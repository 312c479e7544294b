/**
 * The first pass of a schedule call: gives the running requests their tokens, in list order.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler.schedule, the RUNNING loop (0.33.0).
 */
import type { KVCacheBlocks } from '../kv-cache/kv-cache-blocks.ts';
import { reservePrefillLookahead, scheduleDrafts } from './drafts.ts';
import type { KVTransfer } from './kv-transfer.ts';
import { preemptForRoom, victimIndexOf } from './preempt.ts';
import type { Request } from './request.ts';
import { RequestStatus } from './request-status.ts';
import { ScheduleKind } from './scheduler-output.ts';
import type { SchedulerState, ScheduleStep } from './scheduler-state.ts';

export function scheduleRunning(state: SchedulerState, step: ScheduleStep): void {
  const { config, running, currentStep } = state;
  const { longPrefillTokenThreshold, deferPrefills, output } = step;
  const { draftSlots, numPrefillLookahead } = config.speculation;
  const lastPosition = config.maxModelLen - config.numSampledTokensPerStep;
  let index = 0;
  while (index < running.length && step.tokenBudget > 0 && step.inputBudget > draftSlots) {
    const request = running[index];
    if (request === undefined) break;
    const placeholders = request.numOutputPlaceholders;
    const numComputed = request.numComputedTokens;
    if (
      // Async scheduling: a step in flight reaches max_tokens for sure.
      (placeholders > 0 &&
        numComputed + 2 - placeholders >= request.numPromptTokens + request.maxTokens) ||
      currentStep < request.nextDecodeEligibleStep ||
      (deferPrefills && request.isPrefillChunk)
    ) {
      index += 1;
      continue;
    }

    let numNewTokens =
      request.allTokenIds.length + request.specTokenIds.length + placeholders - numComputed;
    if (numNewTokens > 1) {
      if (longPrefillTokenThreshold > 0 && longPrefillTokenThreshold < numNewTokens) {
        numNewTokens = longPrefillTokenThreshold;
      }
      numNewTokens = Math.min(numNewTokens, step.tokenBudget, step.inputBudget - draftSlots);
    }
    if (numNewTokens > lastPosition - numComputed) numNewTokens = lastPosition - numComputed;
    if (state.mambaSplit !== null) {
      numNewTokens = Math.max(0, state.mambaSplit.clip(request, numNewTokens, 0));
    }
    if (numPrefillLookahead > 1) {
      const chunk = { numComputedTokens: numComputed, numNewTokens };
      numNewTokens = reservePrefillLookahead(state, request, chunk);
    }
    if (numNewTokens <= 0) {
      index += 1;
      continue;
    }

    let newBlocks: KVCacheBlocks | null = state.kvCacheManager.allocateSlots(request, numNewTokens);
    if (newBlocks === null) {
      const room = makeRoom(state, step, { request, index, numNewTokens });
      index = room.index;
      newBlocks = room.newBlocks;
      if (newBlocks === null) {
        // Under priority the request preempted itself, and those behind it may still fit.
        const preemptedItself = request.status === RequestStatus.PREEMPTED;
        if (config.policy === 'priority' && preemptedItself) continue;
        break;
      }
    }
    output.append(request, ScheduleKind.RUNNING, numNewTokens, newBlocks);
    step.tokenBudget -= numNewTokens;
    step.inputBudget -= numNewTokens + draftSlots;
    if (request.specTokenIds.length > 0) scheduleDrafts(output, request, numNewTokens);
    step.prefillScheduled ||= request.isPrefillChunk;
    index += 1;
  }
}

/** Preempts until the request's tokens fit, the request itself is gone, or nobody's blocks would come free by it. */
function makeRoom(
  state: SchedulerState,
  step: ScheduleStep,
  target: { request: Request; index: number; numNewTokens: number },
): { newBlocks: KVCacheBlocks | null; index: number } {
  let { index } = target;
  for (;;) {
    if (state.kvTransfer !== null && mustWaitForBlocks(state, state.kvTransfer)) {
      return { newBlocks: null, index };
    }
    const { victim, shift } = preemptForRoom(state, step, index);
    index -= shift;
    if (victim === target.request) return { newBlocks: null, index };
    const newBlocks = state.kvCacheManager.allocateSlots(target.request, target.numNewTokens);
    if (newBlocks !== null) return { newBlocks, index };
  }
}

/** Blocks come free by themselves, or the victim's are written by a step in flight and would not. */
function mustWaitForBlocks(state: SchedulerState, kvTransfer: KVTransfer): boolean {
  if (kvTransfer.connector.hasPendingBlockFrees()) return true;
  const victim = state.running[victimIndexOf(state)];
  return victim !== undefined && !kvTransfer.canFreeBlocks(victim);
}
