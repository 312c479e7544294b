/**
 * The engine core: requests and calls in, outputs out, one step at a time. Pure and synchronous: the shell around it
 * (engine-core-proc.ts) owns the sockets and the waiting, and calls it in the order of vLLM's busy loop:
 *
 *   handleShutdown → notifyIdle while there is no work → handleInput for all that arrived → beginStep → wait → finishStep
 *
 * Source: vllm/v1/engine/core.py EngineCore, EngineCoreProc (0.33.0). Leaves out: processes, sockets, elastic EP.
 */

import { createEngineCoreOutput, createEngineCoreOutputs } from '../shared/protocol/defaults.ts';
import type { RequestId } from '../shared/protocol/ids.ts';
import type { KVCacheEvent } from '../shared/protocol/kv-events.ts';
import {
  type EngineCoreOutput,
  type EngineCoreOutputs,
  FinishReason,
  type RequestError,
} from '../shared/protocol/outputs.ts';
import type { EngineCoreRequest, EngineInput } from '../shared/protocol/request.ts';
import type { SchedulerStats } from '../shared/protocol/stats.ts';
import { answerUtility } from './answer-utility.ts';
import type { ClientOutputs } from './client-outputs.ts';
import type { EngineCoreParts } from './engine-core-parts.ts';
import { admitCarriedFaults } from './faults/request-faults.ts';
import { ENGINE_PAUSED, isRunnable, refusalOf } from './refusal.ts';
import { updateDraftTokenIds } from './scheduler/drafts.ts';
import { Request } from './scheduler/request.ts';
import { RequestStatus } from './scheduler/request-status.ts';
import type { Scheduler } from './scheduler/scheduler.ts';
import type { SchedulerOutput } from './scheduler/scheduler-output.ts';
import { updateFromOutput } from './scheduler/update-from-output.ts';
import type { UtilityHost } from './utilities.ts';
import type { EngineViews } from './views/engine-views.ts';

interface Batch {
  readonly output: SchedulerOutput;
  readonly endMs: number;
}

const ShutdownState = { RUNNING: 0, REQUESTED: 1, SHUTTING_DOWN: 2 } as const;
type ShutdownState = (typeof ShutdownState)[keyof typeof ShutdownState];

export class EngineCore {
  readonly parts: EngineCoreParts;
  /** Data-parallel engines of one model step in lockstep; set while a wave runs. */
  enginesRunning = false;
  /** ADD and ABORT are refused or accepted as before; only new work under a user's pause is turned away. */
  rejectNewRequests = false;
  weightVersion = 'default';
  /** Inputs that were dropped, by reason. */
  readonly counters = { duplicateRequests: 0, rejectedRequests: 0 };
  /** What the engine shows of its inside; null shows nothing. */
  views: EngineViews | null = null;

  #outputs: ClientOutputs[] = [];
  #kvEvents: KVCacheEvent[] | null = null;
  #notedAborts: RequestId[] = [];
  readonly #batches: Batch[] = [];
  #busyUntilMs = 0;
  /** The oldest batch is to be finished by finishStep. */
  #awaitsBatch = false;
  #modelExecuted = false;
  #shutdownState: ShutdownState = ShutdownState.RUNNING;
  /** The scheduler knows drafts before it schedules them. */
  readonly #draftsAhead: boolean;
  readonly #idleCallbacks: (() => void)[] = [];
  readonly #utilityHost: UtilityHost;

  constructor(parts: EngineCoreParts) {
    this.parts = parts;
    const { speculation, asyncScheduling } = parts.scheduler.state.config;
    this.#draftsAhead = speculation.numSpecTokens > 0 && !asyncScheduling;
    this.#utilityHost = {
      core: this,
      ...parts,
      abortAll: () => this.#abortAll(),
      hasBatches: () => this.#batches.length > 0,
      whenIdle: (callback) => this.#idleCallbacks.push(callback),
    };
  }

  get scheduler(): Scheduler {
    return this.parts.scheduler;
  }

  get isRunning(): boolean {
    return this.#shutdownState === ShutdownState.RUNNING;
  }

  get kvCacheUsage(): number {
    return this.scheduler.state.kvCacheManager.usage;
  }

  getRequestCounts(): { numRunning: number; numWaiting: number } {
    return this.scheduler.getRequestCounts();
  }

  /** Whether the engine should be stepped. */
  hasWork(): boolean {
    return this.enginesRunning || this.scheduler.hasRequests() || this.#batches.length > 0;
  }

  /** The step clock stands, and there is something that only a step could move on. */
  get isHeld(): boolean {
    if (!this.parts.stepClock.isHeld || !this.isRunning) return false;
    const hasUnfinished = this.scheduler.numUnfinishedRequests > 0;
    return this.enginesRunning || hasUnfinished || this.#batches.length > 0;
  }

  /** Takes one message in, between steps. */
  handleInput(input: EngineInput): void {
    switch (input.type) {
      case 'ADD':
        this.#add(input.request);
        break;
      case 'ABORT':
        this.abortRequests(input.requestIds);
        break;
      case 'UTILITY':
        answerUtility(this.#utilityHost, input.call, {
          isRunning: this.isRunning,
          send: (utilityOutput) => this.send(input.call.clientIndex, { utilityOutput }),
        });
        break;
      case 'START_DP_WAVE':
        break;
    }
  }

  /** An ABORT has arrived: it counts for the step that runs now. The message itself goes to handleInput as well. */
  noteAbort(requestIds: readonly RequestId[]): void {
    this.#notedAborts.push(...requestIds);
  }

  clearNotedAborts(): void {
    this.#notedAborts = [];
  }

  /** Whether a reply is due as soon as there is no work: the next notifyIdle makes it. */
  get awaitsIdle(): boolean {
    return this.#idleCallbacks.length > 0;
  }

  /** Completes what waits for an engine without work. Call it each time before blocking on input. */
  notifyIdle(): void {
    for (let next = this.#idleCallbacks.pop(); next; next = this.#idleCallbacks.pop()) next();
  }

  /** Schedules a batch and starts it. Returns the milliseconds until `finishStep`'s batch is done, 0 where there is none. */
  beginStep({ throttlePrefills = false }: { throttlePrefills?: boolean } = {}): number {
    const { scheduler, executor, clock, stepClock, faults, maxConcurrentBatches } = this.parts;
    this.#awaitsBatch = false;
    this.#modelExecuted = false;
    faults.fillReservation();
    if (scheduler.hasRequests()) {
      const output = scheduler.schedule(throttlePrefills);
      const nowMs = clock.monotonicMs();
      const startMs = Math.max(nowMs, this.#busyUntilMs);
      const endMs = startMs + stepClock.scale(executor.stepMs(output));
      this.#busyUntilMs = endMs;
      this.#batches.push({ output, endMs });
      scheduler.state.observer?.stepScheduled(output, startMs, endMs);
      this.#modelExecuted = output.totalNumScheduledTokens > 0;
      const hasRoom =
        this.#batches.length < maxConcurrentBatches && !output.pendingStructuredOutputTokens;
      if (hasRoom && (this.#modelExecuted || scheduler.hasRequests())) return 0;
    }
    const oldest = this.#batches[0];
    if (oldest === undefined) return 0;
    this.#awaitsBatch = true;
    return Math.max(0, oldest.endMs - clock.monotonicMs());
  }

  /** The batch that the next finishStep takes in, or null; for observers. */
  get awaitedBatch(): SchedulerOutput | null {
    return this.#awaitsBatch ? (this.#batches[0]?.output ?? null) : null;
  }

  /** The batch that beginStep has scheduled, or null; for observers. */
  get scheduledBatch(): SchedulerOutput | null {
    return this.#batches[this.#batches.length - 1]?.output ?? null;
  }

  /**
   * Takes the awaited batch in: aborts that came meanwhile, then its tokens. Returns whether the step ran the model.
   * Throws where a request's fault breaks the engine; it is then lost.
   */
  finishStep(): boolean {
    if (!this.#awaitsBatch) return this.#modelExecuted;
    const batch = this.#batches.shift();
    this.#awaitsBatch = false;
    if (batch === undefined) return this.#modelExecuted;
    this.parts.faults.checkSampling(batch.output.requests, batch.output.numRequests);
    this.parts.executor.sampleTokens(batch.output);
    const { state } = this.scheduler;
    const numFinished = state.finishedReqIds.length;
    if (this.#notedAborts.length > 0) {
      this.abortRequests(this.#notedAborts);
      this.#notedAborts = [];
    }
    this.#update(batch.output);
    if (this.#draftsAhead) updateDraftTokenIds(batch.output);
    state.observer?.stepFinished(batch.output, state.finishedReqIds.slice(numFinished));
    this.scheduler.release(batch.output);
    return this.#modelExecuted;
  }

  /** Queues a message of statistics alone, for what changes while no step runs. */
  tellStats(): void {
    const stats = this.scheduler.makeStats();
    if (stats !== null) this.#sendStep(0, { outputs: [], finishedRequests: null, stats });
  }

  /** Everything to be sent since the last call, in order. */
  takeOutputs(): ClientOutputs[] {
    const outputs = this.#outputs;
    if (outputs.length > 0) this.#outputs = [];
    return outputs;
  }

  /** The KV cache events of the last update as one batch, or null. */
  takeKvEvents(): KVCacheEvent[] | null {
    const events = this.#kvEvents;
    this.#kvEvents = null;
    return events;
  }

  /** Milliseconds of a step without requests. */
  executeDummyBatch(): number {
    return this.parts.stepClock.scale(this.parts.executor.dummyStepMs());
  }

  /** From here on new requests are aborted and utilities refused. */
  requestShutdown(): void {
    if (this.isRunning) this.#shutdownState = ShutdownState.REQUESTED;
  }

  /** At the top of every turn of the loop; false means that the engine is done and may exit. */
  handleShutdown(): boolean {
    if (this.isRunning) return true;
    if (this.#shutdownState === ShutdownState.REQUESTED) {
      if (this.parts.shutdownTimeoutS === 0) this.#abortAll();
      this.#shutdownState = ShutdownState.SHUTTING_DOWN;
    }
    return this.hasWork();
  }

  /** Ends requests without an output: the client that aborts makes its own. */
  abortRequests(requestIds: readonly RequestId[]): void {
    this.scheduler.finishRequests(requestIds, RequestStatus.FINISHED_ABORTED);
  }

  /** Overridden by a data-parallel engine, which has to agree with its peers first. */
  pauseComplete(): boolean {
    return !this.hasWork();
  }

  /** Returns `answer`, or a PendingResult of it from a data-parallel engine, which resumes together with its peers. */
  resumeScheduler(answer: unknown): unknown {
    this.rejectNewRequests = false;
    this.scheduler.setPauseState(0);
    return answer;
  }

  /** For a data-parallel engine: a request was queued that its client believed to belong to `wave`. */
  protected onRequestAdded(_request: Request, _wave: number): void {}

  /** Queues a message for a client; -1 is the coordinator. */
  send(clientIndex: number, fields: Partial<Omit<EngineCoreOutputs, 'engineIndex'>>): void {
    const { engineIndex, clock } = this.parts;
    const timestamp = clock.monotonicMs() / 1000;
    const outputs = createEngineCoreOutputs({ ...fields, engineIndex, timestamp });
    this.#outputs.push({ clientIndex, outputs });
  }

  #add(coreRequest: EngineCoreRequest): void {
    const { requestId, clientIndex } = coreRequest;
    const { scheduler, executor, blockHasher, faults, enableFaults, structuredOutput } = this.parts;
    const { maxModelLen } = this.parts;
    if (!isRunnable(coreRequest, { maxModelLen, supportedTasks: executor.supportedTasks })) {
      this.counters.rejectedRequests += 1;
      this.#sendFinished(clientIndex, [requestId], FinishReason.ERROR, null);
      return;
    }
    if (!this.isRunning) {
      this.#sendFinished(clientIndex, [requestId], FinishReason.ABORT, null);
      return;
    }
    if (scheduler.state.requests.has(requestId)) {
      this.counters.duplicateRequests += 1;
      return;
    }
    if (this.rejectNewRequests && !coreRequest.abortImmediately) {
      this.#sendFinished(clientIndex, [requestId], FinishReason.ERROR, ENGINE_PAUSED);
      return;
    }
    const request = new Request(coreRequest);
    try {
      if (enableFaults && request.hasExtraArgs) admitCarriedFaults(request, faults);
      structuredOutput.grammarInit(request, coreRequest);
      executor.prepareRequest(request);
    } catch (error) {
      const refusal = refusalOf(error);
      this.counters.rejectedRequests += 1;
      this.#sendFinished(clientIndex, [requestId], FinishReason.ERROR, refusal);
      return;
    }
    blockHasher?.update(request);
    scheduler.addRequest(request);
    faults.requestTaken(request);
    if (coreRequest.abortImmediately) this.abortRequests([requestId]);
    this.onRequestAdded(request, coreRequest.currentWave);
  }

  #update(output: SchedulerOutput): void {
    const { scheduler, executor, blockHasher, faults } = this.parts;
    const batches = updateFromOutput(scheduler.state, output, executor, blockHasher);
    faults.fillReservation();
    const kvEvents = scheduler.state.kvCacheManager.takeEvents();
    if (kvEvents.length > 0) this.#kvEvents = kvEvents;
    const finishedByClient = scheduler.state.finishedReqIdsByClient;
    let stats: SchedulerStats | null = scheduler.makeStats(executor.perfStats(output));
    for (const { clientIndex, outputs } of batches) {
      const finishedRequests = finishedByClient?.get(clientIndex) ?? null;
      finishedByClient?.delete(clientIndex);
      this.#sendStep(clientIndex, { outputs, finishedRequests, stats });
      stats = null;
    }
    if (finishedByClient !== null) {
      for (const [clientIndex, finishedRequests] of finishedByClient) {
        this.#sendStep(clientIndex, { outputs: [], finishedRequests, stats });
        stats = null;
      }
      finishedByClient.clear();
    }
    if (stats !== null) this.#sendStep(0, { outputs: [], finishedRequests: null, stats });
  }

  #sendStep(
    clientIndex: number,
    step: {
      outputs: readonly EngineCoreOutput[];
      finishedRequests: readonly RequestId[] | null;
      stats: SchedulerStats | null;
    },
  ): void {
    const { engineIndex, clock } = this.parts;
    // Written out: there is one a step.
    const outputs: EngineCoreOutputs = {
      engineIndex,
      outputs: step.outputs,
      schedulerStats: step.stats,
      timestamp: clock.monotonicMs() / 1000,
      utilityOutput: null,
      finishedRequests: step.finishedRequests,
      waveComplete: null,
      startWave: null,
      weightVersion: this.weightVersion,
    };
    this.#outputs.push({ clientIndex, outputs });
  }

  /** Aborts every request and tells its client. */
  #abortAll(): void {
    const aborted = this.scheduler.finishRequests(null, RequestStatus.FINISHED_ABORTED);
    const byClient = new Map<number, RequestId[]>();
    for (const { clientIndex, requestId } of aborted) {
      const requestIds = byClient.get(clientIndex);
      if (requestIds === undefined) byClient.set(clientIndex, [requestId]);
      else requestIds.push(requestId);
    }
    for (const [clientIndex, requestIds] of byClient) {
      this.#sendFinished(clientIndex, requestIds, FinishReason.ABORT, null);
    }
  }

  #sendFinished(
    clientIndex: number,
    requestIds: readonly RequestId[],
    finishReason: FinishReason,
    error: RequestError | null,
  ): void {
    const outputs = requestIds.map((requestId) =>
      createEngineCoreOutput({ requestId, finishReason, error }),
    );
    this.send(clientIndex, { outputs, finishedRequests: requestIds });
  }
}
