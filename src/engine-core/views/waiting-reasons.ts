/**
 * Why each waiting request was not admitted, derived after a schedule call from what the waiting pass looks at, in its
 * order: schedule-waiting.ts decides, this file tells.
 */
import type { WaitingView } from '../../shared/twin-api/engine-views.ts';
import type { Request } from '../scheduler/request.ts';
import { PauseState, type SchedulerState } from '../scheduler/scheduler-state.ts';

/** Requests whose reason is told; those further back wait behind them. */
export const MAX_REASONS = 100;

/** What of the schedule call is not in the state any more. */
export interface ScheduleFacts {
  readonly totalTokens: number;
  readonly numPreempted: number;
  /** The data-parallel group, or the prefill interval, holds prefills back. */
  readonly defersPrefills: boolean;
}

type Reason = Pick<WaitingView, 'why' | 'text'>;

/** In the order in which they would be admitted. `facts` null: no step has run since they came. */
export function waitingReasons(
  state: SchedulerState,
  facts: ScheduleFacts | null,
  isClockPaused: boolean,
): WaitingView[] {
  const requests = state.waiting.toArray().slice(0, MAX_REASONS);
  const forAll = reasonForAll(state, facts, isClockPaused);
  let first: Request | null = null;
  return requests.map((request) => {
    const reason = forAll ?? reasonOf(state, request, first, facts);
    if (!state.deferred.has(request)) first ??= request;
    return { request_id: request.requestId, ...reason };
  });
}

/** What keeps every waiting request out. */
function reasonForAll(
  state: SchedulerState,
  facts: ScheduleFacts | null,
  isClockPaused: boolean,
): Reason | null {
  const { pauseState, running, maxNumActiveReqs, maxNumScheduledTokens } = state;
  if (pauseState === PauseState.PAUSED_ALL)
    return { why: 'paused', text: 'the scheduler is paused: nothing is scheduled' };
  if (pauseState === PauseState.PAUSED_NEW)
    return {
      why: 'paused',
      text: 'the scheduler is paused: running requests go on, none is admitted',
    };
  if (facts === null || facts.totalTokens === 0) {
    if (isClockPaused)
      return {
        why: 'clock_paused',
        text: "the engine's clock is paused: no step has run since it came",
      };
    if (facts === null) return { why: 'next_step', text: 'no step has run since it came' };
  }
  if (facts.numPreempted > 0) {
    return {
      why: 'preemption',
      text: `${facts.numPreempted} running requests were preempted in this step, so none was admitted`,
    };
  }
  if (running.length >= maxNumActiveReqs) {
    return {
      why: 'max_num_seqs',
      text: `${running.length} requests run, and max_num_seqs is ${maxNumActiveReqs}`,
    };
  }
  if (facts.totalTokens >= maxNumScheduledTokens) {
    return {
      why: 'token_budget',
      text: `the step's ${maxNumScheduledTokens} tokens (max_num_batched_tokens) are used up`,
    };
  }
  return null;
}

function reasonOf(
  state: SchedulerState,
  request: Request,
  first: Request | null,
  facts: ScheduleFacts | null,
): Reason {
  if (state.deferred.has(request)) return deferredReason(state, request);
  if (first !== null) {
    return {
      why: 'behind_another',
      text: `request ${first.requestId} is in front of it and does not fit; none overtakes it`,
    };
  }
  return misfit(state, request, facts);
}

function deferredReason({ config }: SchedulerState, request: Request): Reason {
  if (request.numStaleOutputTokens > 0 && !request.dropStaleOutput) {
    return {
      why: 'stale_output',
      text: 'a step from before its preemption still runs; it resumes once that output is there',
    };
  }
  return {
    why: 'max_loras',
    text: `${config.maxLoras ?? 0} other adapters run, and max_loras is ${config.maxLoras ?? 0}`,
  };
}

/** The one in front: what it lacks. */
function misfit(state: SchedulerState, request: Request, facts: ScheduleFacts | null): Reason {
  const { kvCacheManager, config, maxNumScheduledTokens } = state;
  if (facts?.defersPrefills === true)
    return {
      why: 'prefill_interval',
      text: 'prefills are held back in this step while others decode',
    };
  const budget = maxNumScheduledTokens - (facts?.totalTokens ?? 0);
  if (!config.enableChunkedPrefill && request.numTokens > budget) {
    return {
      why: 'token_budget',
      text: `its ${request.numTokens} tokens do not fit into the ${budget} that the step has left, and chunked prefill is off`,
    };
  }
  const needed = kvCacheManager.blocksToAdmit(request, {
    numNewTokens: Math.min(request.numTokens, Math.max(1, budget)),
    fullSequenceMustFit: config.schedulerReserveFullIsl,
  });
  const watermark = state.running.length > 0 ? kvCacheManager.watermarkBlocks : 0;
  const kept = watermark > 0 ? `, of which ${watermark} are kept free (watermark)` : '';
  if (needed + watermark > kvCacheManager.numFreeBlocks) {
    return {
      why: 'kv_cache_blocks',
      text: `it needs ${needed} more blocks and ${kvCacheManager.numFreeBlocks} are free${kept}`,
    };
  }
  return {
    why: 'next_step',
    text: 'it came, or its blocks became free, after this step was planned',
  };
}
