/**
 * The busy loop around an EngineCore: input in arrival order, one step, outputs; and what to do when idle, when told to
 * stop, and when the engine breaks. It owns waiting and nothing else: decisions are EngineCore's.
 * Source: vllm/v1/engine/core.py EngineCoreProc.run_busy_loop, DPEngineCoreProc.run_busy_loop (0.33.0).
 */
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import { createEngineCoreOutputs, createSchedulerStats } from '../shared/protocol/defaults.ts';
import type { KVCacheEvent } from '../shared/protocol/kv-events.ts';
import type { EngineInput } from '../shared/protocol/request.ts';
import { DPEngineCore, type DpOutcome, type DpVote } from './dp-engine-core.ts';
import type { ClientOutputs, EngineCore } from './engine-core.ts';

/** Where a process's outputs go. */
export interface EngineOutputs {
  send(messages: readonly ClientOutputs[]): void;
  /** Null while there is room. */
  backPressure(): Promise<void> | null;
}

export interface EngineCoreProcOptions {
  readonly core: EngineCore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly outputs: EngineOutputs;
  /** Null where events are off. */
  readonly publishKvEvents: ((events: readonly KVCacheEvent[]) => void) | null;
  /** Tell the coordinator how many requests run and wait (internal and hybrid load balancing). */
  readonly publishesCounts: boolean;
  /** All ranks' agreement; null but for data-parallel mixture-of-experts. */
  readonly agree: ((vote: DpVote) => Promise<DpOutcome>) | null;
}

export class EngineCoreProc {
  readonly #options: EngineCoreProcOptions;
  #inputs: EngineInput[] = [];
  #wake: (() => void) | null = null;
  #lastCounts = { numRunning: 0, numWaiting: 0 };

  constructor(options: EngineCoreProcOptions) {
    this.#options = options;
  }

  /** Takes a message in; aborts count for the step that runs at this moment. */
  push(input: EngineInput): void {
    if (input.type === 'ABORT') this.#options.core.noteAbort(input.requestIds);
    this.#inputs.push(input);
    this.#wakeUp();
  }

  /** SIGTERM or SIGINT: aborts what runs, or lets it drain, then `run` returns. */
  requestShutdown(): void {
    this.#options.core.requestShutdown();
    this.#wakeUp();
  }

  /** Runs until a shutdown is complete. Rejects where the engine breaks. */
  async run(): Promise<void> {
    const { core } = this.#options;
    while (core.handleShutdown()) {
      const wasRunning = core.enginesRunning;
      await this.#processInputs();
      this.#publishCounts();
      const executed = await this.#step();
      this.#publishCounts();
      if (core instanceof DPEngineCore) await this.#synchronize(core, executed, wasRunning);
    }
    this.#flush();
  }

  /** Returns when there is something to step, or a shutdown was requested. */
  async #processInputs(): Promise<void> {
    const { core } = this.#options;
    while (!core.hasWork() && core.isRunning) {
      core.notifyIdle();
      this.#flush();
      if (this.#inputs.length === 0) {
        core.clearNotedAborts();
        // A callback may have given the engine work.
        if (core.hasWork()) break;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      const next = this.#inputs.shift();
      if (next !== undefined) core.handleInput(next);
    }
    if (this.#inputs.length > 0) {
      const inputs = this.#inputs;
      this.#inputs = [];
      for (const input of inputs) core.handleInput(input);
    }
    this.#flush();
  }

  /** Whether the model ran. */
  async #step(): Promise<boolean> {
    const { core, outputs, publishKvEvents } = this.#options;
    const throttlePrefills = core instanceof DPEngineCore && core.shouldThrottlePrefills;
    const waitMs = core.beginStep({ throttlePrefills });
    if (core.awaitedBatch !== null) await pause(waitMs);
    const executed = core.finishStep();
    this.#flush();
    const events = core.takeKvEvents();
    if (events !== null) publishKvEvents?.(events);
    const pressure = outputs.backPressure();
    if (pressure !== null) await pressure;
    return executed;
  }

  /** A data-parallel rank's part after its own step: a dummy batch where it had nothing to run, then the agreement. */
  async #synchronize(core: DPEngineCore, executed: boolean, wasRunning: boolean): Promise<void> {
    if (!executed) {
      if (core.scheduler.numUnfinishedRequests === 0 && !core.enginesRunning) return;
      await pause(core.executeDummyBatch());
    }
    const vote = core.countStep();
    if (vote === null || this.#options.agree === null) {
      core.enginesRunning = true;
      core.reportStart(wasRunning);
    } else {
      core.applyOutcome(await this.#options.agree(vote), wasRunning);
    }
    this.#flush();
  }

  #publishCounts(): void {
    if (!this.#options.publishesCounts) return;
    const { core, outputs, clock } = this.#options;
    const counts = core.getRequestCounts();
    const last = this.#lastCounts;
    if (counts.numRunning === last.numRunning && counts.numWaiting === last.numWaiting) return;
    this.#lastCounts = counts;
    const wave = core instanceof DPEngineCore ? core.currentWave : 0;
    const stepCounter = core instanceof DPEngineCore ? core.stepCounter : 0;
    const schedulerStats = createSchedulerStats({
      numRunningReqs: counts.numRunning,
      numWaitingReqs: counts.numWaiting,
      kvCacheUsage: core.kvCacheUsage,
      stepCounter,
      currentWave: wave,
    });
    const message = createEngineCoreOutputs({
      engineIndex: core.parts.engineIndex,
      schedulerStats,
      timestamp: clock.monotonicMs() / 1000,
    });
    outputs.send([{ clientIndex: -1, outputs: message }]);
  }

  #flush(): void {
    const messages = this.#options.core.takeOutputs();
    if (messages.length > 0) this.#options.outputs.send(messages);
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** Lets sockets and timers have their turn, for at least `ms`. */
function pause(ms: number): Promise<void> {
  return ms >= 1
    ? new Promise((resolve) => setTimeout(resolve, ms))
    : new Promise((resolve) => setImmediate(resolve));
}
