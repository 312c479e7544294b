/**
 * Decides, step by step, which requests run and for how many tokens, and takes in what they sampled. Pure and
 * synchronous; the passes are in the files beside this one, the blocks in kv-cache/.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler, async_scheduler.py AsyncScheduler (0.33.0). Leaves out: multi-modal
 * inputs, encoder connectors, streaming sessions.
 */
import { assert } from '../../shared/assert.ts';
import type { Clock } from '../../shared/clock.ts';
import type { RequestId } from '../../shared/protocol/ids.ts';
import { EngineCoreEventType } from '../../shared/protocol/outputs.ts';
import type {
  KVCacheEvictionEvent,
  PerfStats,
  SchedulerStats,
} from '../../shared/protocol/stats.ts';
import type { KVCacheManager } from '../kv-cache/kv-cache-manager.ts';
import { numDraftsAfter, placeholderDrafts } from './drafts.ts';
import type { KVTransfer } from './kv-transfer.ts';
import type { MambaSplit } from './mamba-split.ts';
import { preemptRequest, victimIndexOf } from './preempt.ts';
import type { Request } from './request.ts';
import { isFinishedStatus, RequestStatus } from './request-status.ts';
import { scheduleRunning } from './schedule-running.ts';
import { scheduleWaiting } from './schedule-waiting.ts';
import type { SchedulerConfig } from './scheduler-config.ts';
import { NO_SAMPLE, SchedulerOutput } from './scheduler-output.ts';
import { PauseState, SchedulerState, type ScheduleStep } from './scheduler-state.ts';
import { makeSchedulerStats } from './scheduler-stats.ts';
import { SpecDecodeCounter } from './spec-decode-counter.ts';

export interface SchedulerOptions {
  readonly config: SchedulerConfig;
  readonly kvCacheManager: KVCacheManager;
  readonly mambaSplit: MambaSplit | null;
  readonly clock: Clock;
  readonly logStats: boolean;
  readonly includeFinishedSet: boolean;
  /** Steps between two decode steps of one request with async scheduling; pipeline_parallel_size. */
  readonly decodeStagger: number;
  /** Sampled residency of evicted blocks, where it is measured. */
  readonly drainEvictionEvents?: () => KVCacheEvictionEvent[];
  /** Left out without a KV connector. */
  readonly kvTransfer?: KVTransfer | null;
}

export class Scheduler {
  readonly state: SchedulerState;
  readonly #clock: Clock;
  readonly #decodeStagger: number;
  readonly #drainEvictionEvents: (() => KVCacheEvictionEvent[]) | null;
  readonly #spareOutputs: SchedulerOutput[] = [];

  constructor(options: SchedulerOptions) {
    this.state = new SchedulerState({ ...options, kvTransfer: options.kvTransfer ?? null });
    this.#clock = options.clock;
    this.#decodeStagger = options.decodeStagger;
    this.#drainEvictionEvents = options.drainEvictionEvents ?? null;
  }

  /**
   * Plans one step and takes its tokens as computed. `throttlePrefills` holds prefills back while something decodes
   * (set by a data-parallel engine between its prefill steps). Give the output back with `release`.
   */
  schedule(throttlePrefills: boolean): SchedulerOutput {
    const { state } = this;
    state.currentStep += 1;
    const step = this.#beginStep(throttlePrefills);
    const { output } = step;
    state.kvCacheManager.newStepStarts();
    scheduleRunning(state, step);
    step.numRunningScheduled = output.numRequests;
    let prefillAdmitted = false;
    if (step.numPreempted === 0 && state.pauseState !== PauseState.PAUSED_ALL) {
      prefillAdmitted = scheduleWaiting(state, step);
    } else if (state.pauseState === PauseState.PAUSED_ALL) {
      state.observer?.admissionEnded({ why: 'paused', isAll: true });
    } else {
      state.observer?.admissionEnded({ why: 'preemption', numPreempted: step.numPreempted });
    }

    assert(output.totalNumScheduledTokens <= state.maxNumScheduledTokens, 'over the token budget');
    assert(state.running.length <= state.config.maxNumSeqs, 'more running requests than slots');
    if (output.totalNumScheduledTokens > 0) state.numExecutedSteps += 1;
    if (step.prefillScheduled || prefillAdmitted) state.lastPrefillStep = state.numExecutedSteps;

    const copies = state.kvCacheManager.takeKvCacheBlockCopies();
    if (copies !== null) {
      output.blockCopies = copies.copies;
      if (state.kvTransfer === null) state.kvCacheManager.freeBlocks(copies.retainedBlocks);
      else state.kvTransfer.freeRetainedBlocks(copies.retainedBlocks);
    }
    output.preemptedReqIds = state.preemptedReqIds;
    output.finishedReqIds = state.finishedReqIds;
    if (state.preemptedReqIds.length > 0) state.preemptedReqIds = [];
    if (state.finishedReqIds.length > 0) state.finishedReqIds = [];
    state.kvTransfer?.startStep(output);
    this.#advance(output);
    return output;
  }

  /** Gives an output back once its step is processed. */
  release(output: SchedulerOutput): void {
    output.clear();
    this.#spareOutputs.push(output);
  }

  addRequest(request: Request): void {
    const { state } = this;
    assert(!state.requests.has(request.requestId), 'duplicate request id');
    if (request.structuredOutput !== null) {
      request.status = RequestStatus.WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR;
      state.deferred.add(request);
    }
    state.waiting.add(request);
    state.requests.set(request.requestId, request);
    const { perRequestMetrics, numSpecTokens } = state.config.speculation;
    if (perRequestMetrics !== 'none') {
      const isDetailed = perRequestMetrics === 'detailed';
      request.specDecodeMetrics = new SpecDecodeCounter(numSpecTokens, isDetailed);
    }
    state.kvTransfer?.addRequest(request);
    state.recordEvent(request, EngineCoreEventType.QUEUED, this.#clock.monotonicMs() / 1000);
  }

  /**
   * Ends requests from outside: aborts, errors, shutdown. `requestIds` null means all; unknown ids are skipped.
   * Blocks are freed at once, but those that a load still fills. Returns the requests that were ended.
   */
  finishRequests(requestIds: readonly RequestId[] | null, status: RequestStatus): Request[] {
    assert(isFinishedStatus(status), 'not a finished status');
    const { state } = this;
    const fromWaiting = new Set<Request>();
    const ended: Request[] = [];
    const loading = new Set<Request>();
    for (const requestId of new Set(requestIds ?? state.requests.keys())) {
      const request = state.requests.get(requestId);
      if (request === undefined || request.isFinished) continue;
      ended.push(request);
      if (state.kvTransfer?.abandonLoad(request) === true) loading.add(request);
      if (request.status !== RequestStatus.RUNNING) fromWaiting.add(request);
      request.status = status;
    }
    if (ended.length > fromWaiting.size) state.removeFinishedFromRunning();
    state.removeFromWaiting(fromWaiting);
    for (const request of ended) state.freeRequest(request, loading.has(request));
    return ended;
  }

  /**
   * Forgets all cached blocks. Succeeds only if no request holds blocks; `resetRunningRequests` sees to that by
   * preempting them all, last first, so that they keep their order.
   */
  resetPrefixCache(resetRunningRequests: boolean, resetConnector = false): boolean {
    const { state } = this;
    if (resetRunningRequests) {
      const timestamp = this.#clock.monotonicMs() / 1000;
      for (
        let request = state.running.pop();
        request !== undefined;
        request = state.running.pop()
      ) {
        preemptRequest(state, request, { timestamp, dropStaleOutput: true });
      }
    }
    const succeeded = state.kvCacheManager.resetPrefixCache();
    assert(
      succeeded || !resetRunningRequests,
      'Failed to reset KV cache even when all the running requests are preempted and moved to the waiting queue. ' +
        'This is likely due to the presence of running requests waiting for remote KV transfer, which is not supported yet.',
    );
    return resetConnector ? this.resetConnectorCache() && succeeded : succeeded;
  }

  /** Forgets what the KV connector keeps; true without one. */
  resetConnectorCache(): boolean {
    const { kvTransfer } = this.state;
    if (kvTransfer === null) return true;
    if (kvTransfer.connector.resetCache() === false) return false;
    kvTransfer.prefixCacheStats?.noteReset();
    return true;
  }

  /** Between two steps: running requests give way as if blocks had run out. Returns how many did. */
  preemptRunning(count: number): number {
    const { state } = this;
    const timestamp = this.#clock.monotonicMs() / 1000;
    const numPreempted = Math.min(count, state.running.length);
    for (let i = 0; i < numPreempted; i += 1) {
      const [victim] = state.running.splice(victimIndexOf(state), 1);
      assert(victim !== undefined, 'no running request to preempt');
      preemptRequest(state, victim, { timestamp, dropStaleOutput: false });
    }
    return numPreempted;
  }

  get pauseState(): PauseState {
    return this.state.pauseState;
  }

  setPauseState(pauseState: PauseState): void {
    this.state.pauseState = pauseState;
  }

  /** Requests that a step could move on, given the pause state. */
  get numUnfinishedRequests(): number {
    const { running, kvHoldingWaiting, waiting, pauseState } = this.state;
    if (pauseState === PauseState.PAUSED_ALL) return 0;
    const numStarted = running.length + kvHoldingWaiting.length;
    return pauseState === PauseState.PAUSED_NEW ? numStarted : numStarted + waiting.length;
  }

  /** Unfinished requests, or finished ones that the worker has not been told of, or whose blocks are still transferred. */
  hasRequests(): boolean {
    if (this.numUnfinishedRequests > 0 || this.state.finishedReqIds.length > 0) return true;
    const { kvTransfer, requests, running, numWaiting } = this.state;
    if (kvTransfer === null) return false;
    return requests.size > running.length + numWaiting || kvTransfer.connector.hasPendingPushWork();
  }

  getRequestCounts(): { numRunning: number; numWaiting: number } {
    return { numRunning: this.state.running.length, numWaiting: this.state.numWaiting };
  }

  /** Null where statistics are off. Resets the prefix cache counts. */
  makeStats(perfStats: PerfStats | null = null): SchedulerStats | null {
    return makeSchedulerStats(this.state, this.#drainEvictionEvents?.() ?? [], perfStats);
  }

  #beginStep(throttlePrefills: boolean): ScheduleStep {
    const { state } = this;
    const { config } = state;
    const numEligible = state.running.length + state.numWaiting;
    let threshold = numEligible > 1 ? config.longPrefillTokenThreshold : 0;
    if (threshold > 0 && config.longPrefillTokenThresholdAdaptive) {
      threshold = Math.max(threshold, Math.floor(config.maxNumBatchedTokens / numEligible));
    }
    return {
      output: this.#spareOutputs.pop() ?? new SchedulerOutput(config.maxNumSeqs),
      timestamp: this.#clock.monotonicMs() / 1000,
      tokenBudget: state.pauseState === PauseState.PAUSED_ALL ? 0 : state.maxNumScheduledTokens,
      inputBudget: config.maxNumBatchedTokens,
      longPrefillTokenThreshold: threshold,
      deferPrefills: this.#defersPrefills(throttlePrefills),
      numPreempted: 0,
      prefillScheduled: false,
      numRunningScheduled: 0,
    };
  }

  #defersPrefills(throttlePrefills: boolean): boolean {
    const { state } = this;
    const interval = state.config.prefillScheduleInterval;
    if (state.prefillCapacityBound) return false;
    const isHeld =
      throttlePrefills ||
      (interval > 1 && state.numExecutedSteps + 1 - state.lastPrefillStep < interval);
    return isHeld && state.running.some((request) => !request.isPrefillChunk);
  }

  /** Counts the scheduled tokens as computed and notes who samples. Source: _update_after_schedule, both classes. */
  #advance(output: SchedulerOutput): void {
    const { asyncScheduling, speculation } = this.state.config;
    const { kvTransfer } = this.state;
    const speculates = speculation.numSpecTokens > 0;
    output.numSpecTokensToSchedule = speculates
      ? numDraftsAfter(this.state, output.numRequests)
      : 0;
    const placeholders = placeholderDrafts(output.numSpecTokensToSchedule);
    const nextStep = this.state.currentStep + this.#decodeStagger;
    for (let i = 0; i < output.numRequests; i += 1) {
      const request = output.requests[i];
      const numTokens = output.numScheduledTokens[i];
      if (request === undefined || numTokens === undefined) continue;
      const numComputed = request.numComputedTokens + numTokens;
      request.numComputedTokens = numComputed;
      request.numInFlightTokens += numTokens;
      const isChunk = numComputed < request.allTokenIds.length + request.numOutputPlaceholders;
      request.isPrefillChunk = isChunk;
      kvTransfer?.noteScheduled(request);
      output.samplePositions[i] = isChunk ? NO_SAMPLE : numComputed - request.numPromptTokens;
      if (asyncScheduling && !isChunk) {
        output.pendingStructuredOutputTokens ||=
          request.structuredOutput !== null && request.numOutputPlaceholders > 0;
        request.numOutputPlaceholders += 1;
        if (speculates) {
          const drafts = output.scheduledSpecDecodeTokens.get(request.requestId);
          request.numOutputPlaceholders += drafts?.length ?? 0;
          request.specTokenIds = placeholders;
        }
        request.nextDecodeEligibleStep = nextStep;
      }
    }
  }
}
