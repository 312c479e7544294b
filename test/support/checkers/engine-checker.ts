/**
 * Watches an engine core from outside, as its clients do, and checks after every step what must always hold:
 * blocks and requests conserved, one finish per request, tokens in order exactly once, usage and hits in bounds.
 */
import type { EngineCore } from '../../../src/engine-core/engine-core.ts';
import { isFinishedStatus } from '../../../src/engine-core/scheduler/request-status.ts';
import type { EngineInput } from '../../../src/shared/protocol/request.ts';
import type { SchedulerStats } from '../../../src/shared/protocol/stats.ts';

interface SeenRequest {
  readonly tokens: number[];
  finished: boolean;
  abortedByClient: boolean;
  readonly maxTokens: number;
}

export class EngineChecker {
  readonly core: EngineCore;
  readonly requests = new Map<string, SeenRequest>();
  readonly log: unknown[] = [];
  totalTokens = 0;
  readonly #keepsLog: boolean;
  readonly #checksBlocksEvery: number;
  #numChecks = 0;

  /** `checksBlocksEvery`: looking at every block is slow in a long run. */
  constructor(core: EngineCore, { keepsLog = false, checksBlocksEvery = 1 } = {}) {
    this.core = core;
    this.#keepsLog = keepsLog;
    this.#checksBlocksEvery = checksBlocksEvery;
  }

  input(input: EngineInput): void {
    if (input.type === 'ADD') {
      this.requests.set(input.request.requestId, {
        tokens: [],
        finished: false,
        abortedByClient: false,
        maxTokens: input.request.samplingParams?.maxTokens ?? 0,
      });
    }
    if (input.type === 'ABORT') this.noteClientAbort(input.requestIds);
    this.core.handleInput(input);
    this.check();
  }

  noteClientAbort(requestIds: readonly string[]): void {
    for (const id of requestIds) {
      const request = this.requests.get(id);
      if (request !== undefined && !request.finished) request.abortedByClient = true;
    }
  }

  /** One turn of the loop, with `during` arriving while the model runs. Returns what came out. */
  step(during: (() => void) | null = null): void {
    this.core.beginStep();
    during?.();
    this.core.finishStep();
    this.check();
  }

  check(): void {
    for (const { outputs } of this.core.takeOutputs()) {
      if (this.#keepsLog) this.log.push(outputs);
      for (const output of outputs.outputs) this.#takeOutput(output);
      if (outputs.schedulerStats !== null) checkStats(outputs.schedulerStats);
    }
    this.core.takeKvEvents();
    this.#checkConservation();
    this.#numChecks += 1;
    if (this.#numChecks % this.#checksBlocksEvery !== 0) return;
    this.core.scheduler.state.kvCacheManager.checkInvariants();
  }

  #takeOutput(output: {
    requestId: string;
    newTokenIds: readonly number[];
    finishReason: number | null;
  }): void {
    const request = this.requests.get(output.requestId);
    if (request === undefined) throw new Error(`output for unknown request ${output.requestId}`);
    if (request.finished) throw new Error(`${output.requestId}: output after its end`);
    request.tokens.push(...output.newTokenIds);
    this.totalTokens += output.newTokenIds.length;
    if (request.tokens.length > request.maxTokens) {
      throw new Error(
        `${output.requestId}: ${request.tokens.length} of ${request.maxTokens} tokens`,
      );
    }
    if (output.finishReason !== null) request.finished = true;
  }

  /** Received = waiting + running + finished (by the engine or by the client's abort). */
  #checkConservation(): void {
    const { state } = this.core.scheduler;
    // A KV connector may keep a finished request's blocks, and with them the request.
    const live = [...state.requests.values()].filter(({ status }) => !isFinishedStatus(status));
    const alive = new Set(live.map(({ requestId }) => requestId));
    const queued = [...state.running, ...state.waitingRequests()];
    if (queued.length !== alive.size) {
      throw new Error(`${alive.size} live requests, but ${queued.length} in the queues`);
    }
    const inQueues = new Set(queued.map(({ requestId }) => requestId));
    if (inQueues.size !== queued.length) throw new Error('a request is queued twice');
    for (const id of alive) if (!inQueues.has(id)) throw new Error(`${id} is in no queue`);
    for (const [id, request] of this.requests) {
      const ended = request.finished || (request.abortedByClient && !alive.has(id));
      if (alive.has(id) === ended) {
        throw new Error(`${id}: ${ended ? 'ended and alive' : 'neither alive nor ended'}`);
      }
      if (ended) this.requests.delete(id);
    }
  }
}

function checkStats(stats: SchedulerStats): void {
  const { kvCacheUsage, prefixCacheStats } = stats;
  if (!(kvCacheUsage >= 0 && kvCacheUsage <= 1)) throw new Error(`usage ${kvCacheUsage}`);
  if (prefixCacheStats.hits > prefixCacheStats.queries) throw new Error('more hits than queries');
  if (prefixCacheStats.preemptedHits > prefixCacheStats.preemptedQueries) {
    throw new Error('more preempted hits than queries');
  }
  const counts = [
    stats.numRunningReqs,
    stats.numWaitingReqs,
    stats.numSkippedWaitingReqs,
    ...Object.values(prefixCacheStats).filter((value) => typeof value === 'number'),
  ];
  if (counts.some((count) => count < 0)) throw new Error(`a count fell below 0: ${counts}`);
}
