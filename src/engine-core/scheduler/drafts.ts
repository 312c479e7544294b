/**
 * How drafts go through a schedule call: taken from a running request, padded for an admitted one, drawn up again after
 * the step. Source: vllm/v1/core/sched/scheduler.py Scheduler.schedule, update_draft_token_ids,
 * _reserve_prefill_lookahead; async_scheduler.py AsyncScheduler._update_after_schedule (0.33.0).
 */
import { NO_DRAFTS, type Request } from './request.ts';
import type { SchedulerOutput } from './scheduler-output.ts';
import type { SchedulerState, ScheduleStep } from './scheduler-state.ts';

/** A draft that the scheduler does not know: the worker has the real one. */
const PLACEHOLDER = -1;

/** So many unknown drafts. */
export function placeholderDrafts(count: number): readonly number[] {
  return count > 0 ? new Array<number>(count).fill(PLACEHOLDER) : NO_DRAFTS;
}

/** The drafts of a running request that fit into its `numNewTokens` go with the step; none is left for another. */
export function scheduleDrafts(
  output: SchedulerOutput,
  request: Request,
  numNewTokens: number,
): void {
  const drafts = request.specTokenIds;
  const count =
    numNewTokens + request.numComputedTokens - request.numTokens - request.numOutputPlaceholders;
  if (count > 0) {
    output.setDrafts(request, drafts.length > count ? drafts.slice(0, count) : drafts);
  }
  request.specTokenIds = NO_DRAFTS;
}

/**
 * The tokens of a waiting request with one token left, padded by unknown drafts so that a batch of decodes stays uniform;
 * 0 where it is not to be padded.
 */
export function paddedTokens(
  state: SchedulerState,
  step: ScheduleStep,
  numComputedTokens: number,
): number {
  const { speculation, numSampledTokensPerStep, maxModelLen } = state.config;
  const { numSpecTokens, dynamicLookup } = speculation;
  if (numSpecTokens === 0 || dynamicLookup !== null || numSampledTokensPerStep === 0) return 0;
  if (step.prefillScheduled || !(step.numRunningScheduled > 0 || numComputedTokens > 0)) return 0;
  const padded = 1 + numSpecTokens;
  return numComputedTokens + padded + numSampledTokensPerStep <= maxModelLen ? padded : 0;
}

/** A chunk never ends so close to the end of the prefill that the drafter would miss tokens it reads ahead. */
export function reservePrefillLookahead(
  state: SchedulerState,
  request: Request,
  chunk: { numComputedTokens: number; numNewTokens: number },
): number {
  const { numPrefillLookahead } = state.config.speculation;
  const remaining = request.numTokens - chunk.numComputedTokens - chunk.numNewTokens;
  if (remaining <= 0 || remaining >= numPrefillLookahead) return chunk.numNewTokens;
  return Math.max(0, chunk.numNewTokens - (numPrefillLookahead - remaining));
}

/** How many drafts a request may get after a step of so many requests. */
export function numDraftsAfter(state: SchedulerState, numRequests: number): number {
  const { numSpecTokens, dynamicLookup } = state.config.speculation;
  if (dynamicLookup === null || numRequests === 0) return numSpecTokens;
  return dynamicLookup[numRequests] ?? numSpecTokens;
}

/** The drafts, from the left, that the request's grammar takes. Source: StructuredOutputManager.validate_tokens. */
export function allowedDrafts(request: Request, drafts: readonly number[]): readonly number[] {
  const { structuredOutput } = request;
  if (structuredOutput === null) return drafts;
  return drafts.slice(0, structuredOutput.countAcceptedDrafts(request.numOutputTokens, drafts));
}

/** Without async scheduling: what the worker drafted in a step is what its requests are scheduled with next. */
export function updateDraftTokenIds(output: SchedulerOutput): void {
  for (let i = 0; i < output.numRequests; i += 1) {
    const request = output.requests[i];
    if (request === undefined || request.isFinished) continue;
    request.specTokenIds = request.isPrefillChunk
      ? NO_DRAFTS
      : allowedDrafts(request, request.draftTokenIds);
  }
}
