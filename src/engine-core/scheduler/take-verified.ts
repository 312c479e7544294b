/**
 * Takes in what a step made of a request's drafts: rejected ones are as if never computed, accepted ones are output.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler.update_from_output, _update_request_with_output (0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import type { BlockHasher } from '../kv-cache/hash/block-hash.ts';
import type { Request } from './request.ts';
import type { SchedulerState } from './scheduler-state.ts';
import { StepDraftCounter } from './spec-decode-counter.ts';
import { checkStop } from './stop-check.ts';
import { endRejected } from './structured-tokens.ts';

export interface VerifiedDrafts {
  readonly numDrafts: number;
  /** Drafts that were no drafts: a grammar does not allow them. They are not counted as proposed. */
  readonly numInvalid: number;
  /** The drafts that held, and the token after them. */
  readonly tokenIds: readonly number[];
  /** From before a preemption. */
  readonly isStale: boolean;
  readonly wasRunning: boolean;
  readonly hasher: BlockHasher | null;
}

/** Returns the tokens that the client gets, which end where one of them ends the request. */
export function takeVerified(
  state: SchedulerState,
  request: Request,
  verified: VerifiedDrafts,
): { readonly tokenIds: readonly number[]; readonly stopped: boolean } {
  const { tokenIds, isStale } = verified;
  const numAccepted = Math.max(0, tokenIds.length - 1);
  countDrafts(state, request, verified, numAccepted);
  if (!isStale) {
    const numRejected = verified.numDrafts - numAccepted;
    if (request.numComputedTokens > 0) request.numComputedTokens -= numRejected;
    if (request.numOutputPlaceholders > 0) request.numOutputPlaceholders -= numRejected;
  }
  let stopped = false;
  let numTaken = 0;
  while (numTaken < tokenIds.length && !stopped) {
    request.allTokenIds.push(tokenIds[numTaken] as number);
    numTaken += 1;
    stopped = checkStop(request, state.config.maxModelLen);
    stopped = endRejected(request) || stopped;
  }
  verified.hasher?.update(request);
  if (!isStale) {
    request.numComputedTokens -= tokenIds.length - numTaken;
    if (request.numOutputPlaceholders > 0) {
      request.numOutputPlaceholders -= tokenIds.length;
      assert(request.numOutputPlaceholders >= 0, 'more tokens came than were expected');
    }
    if (verified.wasRunning) {
      const processed = request.numComputedTokens - request.numInFlightTokens;
      state.kvCacheManager.cacheBlocks(request, processed);
    }
  }
  return { tokenIds: stopped ? tokenIds.slice(0, numTaken) : tokenIds, stopped };
}

function countDrafts(
  state: SchedulerState,
  request: Request,
  { numDrafts, numInvalid }: VerifiedDrafts,
  numAccepted: number,
): void {
  const numProposed = numDrafts - numInvalid;
  if (state.logStats) {
    state.specDecodingStats ??= new StepDraftCounter(state.config.speculation.numSpecTokens);
    state.specDecodingStats.observe(numProposed, numAccepted);
  }
  request.specDecodeMetrics?.observe(numProposed, numAccepted);
}
