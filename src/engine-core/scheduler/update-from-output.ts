/**
 * Takes in what a step sampled: appends tokens, finds out who is done, frees their blocks and builds the outputs.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler.update_from_output (0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import { createEngineCoreOutput } from '../../shared/protocol/defaults.ts';
import type {
  EngineCoreOutput,
  LogprobsLists,
  LogprobsTensors,
  NdArray,
  SamplingMaskLists,
} from '../../shared/protocol/outputs.ts';
import type { PrefillStats } from '../../shared/protocol/stats.ts';
import type { BlockHasher } from '../kv-cache/hash/block-hash.ts';
import { joinLogprobs } from './join-logprobs.ts';
import type { Request } from './request.ts';
import { RequestStatus } from './request-status.ts';
import { NO_SAMPLE, POOLED, type SchedulerOutput } from './scheduler-output.ts';
import type { SchedulerState } from './scheduler-state.ts';
import { checkStop } from './stop-check.ts';
import { endRejected } from './structured-tokens.ts';
import { takeVerified } from './take-verified.ts';
import { finishTransfers, takeTransfers, withPrefillHits } from './update-transfers.ts';

const NO_TOKENS: readonly number[] = Object.freeze([]);

/** Log probabilities of what a step sampled, asked for per request. */
export interface LogprobsSource {
  sampleLogprobs(request: Request, tokenId: number, position: number): LogprobsLists | null;
  promptLogprobs(request: Request): LogprobsTensors | null;
}

/** What a step made besides tokens. */
export interface StepResults extends LogprobsSource {
  pooledOutput(request: Request): NdArray;
  /** Whether each token is told with those that could have been sampled in its place. */
  readonly returnsSamplingMask: boolean;
  /** Asked only where it is told; null without tokens. */
  samplingMask(
    request: Request,
    tokenIds: readonly number[],
    position: number,
  ): SamplingMaskLists | null;
}

/** The outputs of one step for one client, in the order of the batch. */
export interface ClientBatch {
  readonly clientIndex: number;
  readonly outputs: EngineCoreOutput[];
}

/**
 * Returns the outputs by client, clients in the order of their first output. Requests that were ended while the step
 * ran are skipped. `hasher` is null where nothing is hashed.
 */
export function updateFromOutput(
  state: SchedulerState,
  output: SchedulerOutput,
  results: StepResults,
  hasher: BlockHasher | null,
): ClientBatch[] {
  const { kvTransfer } = state;
  const transfers = kvTransfer === null ? null : takeTransfers(state, kvTransfer, output);
  const batches: ClientBatch[] = [];
  let batch: ClientBatch | undefined;
  let hasStoppedRunning = false;
  let stoppedWaiting: Set<Request> | null = null;
  const speculates = output.scheduledSpecDecodeTokens.size > 0;
  for (let i = 0; i < output.numRequests; i += 1) {
    const request = output.requests[i];
    if (request === undefined || request.isFinished) continue;
    const isStale = settleInFlight(request, output.numScheduledTokens[i] ?? 0);
    if (transfers?.failed.has(request.requestId) === true) continue;
    if (isStale && request.dropStaleOutput) continue;
    const tokenId = output.sampledTokenIds[i] ?? NO_SAMPLE;
    if (tokenId === NO_SAMPLE) continue;

    const wasRunning = request.status === RequestStatus.RUNNING;
    const drafts = speculates ? output.scheduledSpecDecodeTokens.get(request.requestId) : undefined;
    let tokenIds: readonly number[];
    let stopped: boolean;
    if (drafts !== undefined) {
      const verified = output.verifiedTokenIds.get(request.requestId) ?? NO_TOKENS;
      ({ tokenIds, stopped } = takeVerified(state, request, {
        numDrafts: drafts.length,
        numInvalid: output.numInvalidSpecTokens?.get(request.requestId) ?? 0,
        tokenIds: verified,
        isStale,
        wasRunning,
        hasher,
      }));
    } else if (tokenId === POOLED) {
      tokenIds = NO_TOKENS;
      stopped = endPooled(request);
    } else {
      tokenIds = [tokenId];
      stopped = takeToken(state, request, { tokenId, isStale, wasRunning, hasher });
    }
    if (batch === undefined || batch.clientIndex !== request.clientIndex) {
      batch = findBatch(batches, request.clientIndex);
    }
    const made = makeOutput(
      state,
      request,
      {
        tokenIds,
        position: output.samplePositions[i] ?? 0,
        stopped,
        isPooled: tokenId === POOLED,
      },
      results,
    );
    if (!stopped) {
      batch.outputs.push(made);
      continue;
    }
    const params = withPrefillHits(state.freeRequest(request), made.prefillStats);
    batch.outputs.push(params === null ? made : { ...made, kvTransferParams: params });
    if (wasRunning) {
      hasStoppedRunning = true;
    } else {
      stoppedWaiting ??= new Set();
      stoppedWaiting.add(request);
    }
  }
  if (hasStoppedRunning) state.removeFinishedFromRunning();
  if (stoppedWaiting !== null) state.removeFromWaiting(stoppedWaiting);
  if (kvTransfer !== null && transfers !== null) {
    finishTransfers(state, kvTransfer, transfers, (clientIndex) => findBatch(batches, clientIndex));
  }
  if (state.grammarCompileErrors.size > 0) endUncompiled(state, batches);
  return batches;
}

/** The step is no longer in flight. Returns whether its output is from before a preemption. */
function settleInFlight(request: Request, numTokens: number): boolean {
  request.numInFlightTokens -= numTokens;
  if (request.numStaleOutputTokens === 0) return false;
  request.numStaleOutputTokens -= numTokens;
  assert(request.numStaleOutputTokens >= 0, 'more stale tokens came back than were in flight');
  return true;
}

/** Appends the token; returns whether it ends the request. */
function takeToken(
  state: SchedulerState,
  request: Request,
  sample: { tokenId: number; isStale: boolean; wasRunning: boolean; hasher: BlockHasher | null },
): boolean {
  request.allTokenIds.push(sample.tokenId);
  // Fifteen tokens of sixteen fill no block.
  if (request.allTokenIds.length >= request.blockHashes.nextTokens) sample.hasher?.update(request);
  let stopped = checkStop(request, state.config.maxModelLen);
  // Asked here: a call that nobody makes is not inlined, and leaves room for what every token goes through.
  if (request.structuredOutput !== null) stopped = endRejected(request) || stopped;
  if (sample.isStale) return stopped;
  const hasPlaceholders = request.numOutputPlaceholders > 0;
  if (hasPlaceholders) request.numOutputPlaceholders -= 1;
  if (hasPlaceholders || state.config.speculation.numSpecTokens > 0) {
    if (sample.wasRunning) {
      state.kvCacheManager.cacheBlocks(
        request,
        request.numComputedTokens - request.numInFlightTokens,
      );
    }
  }
  return stopped;
}

/** Requests whose grammar did not compile end with that error. */
function endUncompiled(state: SchedulerState, batches: ClientBatch[]): void {
  const requests = new Set<Request>();
  for (const [request, failure] of state.grammarCompileErrors) {
    // It may have been aborted since.
    if (request.isFinished) continue;
    request.status = RequestStatus.FINISHED_ERROR;
    requests.add(request);
    const { clientIndex, requestId, traceHeaders } = request;
    const message = `Invalid structured outputs: ${failure}`;
    const error = { code: 'validation_error', message, retryable: false };
    const events = request.takeEvents();
    const { finishReason } = request;
    findBatch(batches, clientIndex).outputs.push(
      createEngineCoreOutput({ requestId, finishReason, events, traceHeaders, error }),
    );
  }
  state.grammarCompileErrors.clear();
  state.removeFromWaiting(requests);
  for (const request of requests) state.freeRequest(request);
}

/** Pooling is done as soon as there is a result. */
function endPooled(request: Request): boolean {
  request.status = RequestStatus.FINISHED_STOPPED;
  return true;
}

function findBatch(batches: ClientBatch[], clientIndex: number): ClientBatch {
  for (const batch of batches) if (batch.clientIndex === clientIndex) return batch;
  const batch: ClientBatch = { clientIndex, outputs: [] };
  batches.push(batch);
  return batch;
}

function makeOutput(
  state: SchedulerState,
  request: Request,
  {
    tokenIds,
    position,
    stopped,
    isPooled,
  }: {
    tokenIds: readonly number[];
    position: number;
    stopped: boolean;
    isPooled: boolean;
  },
  results: StepResults,
): EngineCoreOutput {
  const isFirst = request.prefillStatsPending;
  const asksForLogprobs = request.wantsLogprobs;
  return {
    requestId: request.requestId,
    newTokenIds: tokenIds,
    newLogprobs: asksForLogprobs ? sampleLogprobs(results, request, tokenIds, position) : null,
    newPromptLogprobsTensors:
      position === 0 && request.samplingParams.promptLogprobs !== null
        ? results.promptLogprobs(request)
        : null,
    poolingOutput: isPooled ? results.pooledOutput(request) : null,
    finishReason: stopped ? request.finishReason : null,
    stopReason: request.stopReason,
    events: request.takeEvents(),
    kvTransferParams: null,
    ecTransferParams: null,
    traceHeaders: request.traceHeaders,
    prefillStats: isFirst ? takePrefillStats(state, request) : null,
    routedExperts: null,
    numNansInLogits: 0,
    mmCacheMissHashes: null,
    newSamplingMask:
      results.returnsSamplingMask && !isPooled
        ? results.samplingMask(request, tokenIds, position)
        : null,
    specDecodeMetrics: stopped ? request.specDecodeMetrics : null,
    promptTokenIdLogprobs: null,
    error: null,
  };
}

/** Of each token a row, in one array. */
function sampleLogprobs(
  results: StepResults,
  request: Request,
  tokenIds: readonly number[],
  position: number,
): LogprobsLists | null {
  const [first] = tokenIds;
  if (first === undefined) return null;
  if (tokenIds.length === 1) return results.sampleLogprobs(request, first, position);
  return joinLogprobs(
    tokenIds.map((tokenId, i) => results.sampleLogprobs(request, tokenId, position + i)),
  );
}

function takePrefillStats(state: SchedulerState, request: Request): PrefillStats {
  request.prefillStatsPending = false;
  const cached = request.numCachedPromptTokens;
  const external = request.numExternalCachedTokens;
  const written = state.kvCacheManager.estimateCachedTokens(request);
  return {
    numPromptTokens: request.numPromptTokens,
    numComputedTokens: request.numPromptTokens - cached,
    numCachedTokens: cached,
    numLocalCachedTokens: cached - external,
    numExternalCachedTokens: external,
    numCacheCreationTokens: Math.max(0, Math.min(written, request.numPromptTokens) - cached),
  };
}
