/**
 * The busy loop around an EngineCore: input in arrival order, one step, outputs; and what to do when idle, when told to
 * stop, and when the engine breaks. It owns waiting and nothing else: decisions are EngineCore's. What seldom waits gives
 * a promise only where it does: the loop turns several times for a request, and an await of nothing is not free.
 * Source: vllm/v1/engine/core.py EngineCoreProc.run_busy_loop, DPEngineCoreProc.run_busy_loop (0.33.0).
 */
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import type { KVCacheEvent } from '../shared/protocol/kv-events.ts';
import type { EngineInput } from '../shared/protocol/request.ts';
import { systemTimers, type Timers } from '../shared/timers.ts';
import type { ClientOutputs } from './client-outputs.ts';
import { countsMessage } from './counts-message.ts';
import { DPEngineCore, type DpOutcome, type DpVote, tallyVotes } from './dp-engine-core.ts';
import type { EngineCore } from './engine-core.ts';
import type { GrammarCompiler } from './structured-output/grammar-compiler.ts';
import { GrammarLane } from './structured-output/grammar-lane.ts';
import { isViewCall } from './utilities.ts';

/** Between two looks at requests that cannot run. Source: EngineCoreProc._process_engine_step. */
const IDLE_STEP_MS = 1;

/** Inputs that are taken in before what they led to is sent. */
const FLUSH_EVERY_INPUTS = 1_000;

/** Signals to several processes do not arrive at the same time. */
const SHUTDOWN_SPREAD_MS = 500;

/** Where a process's outputs go. */
export interface EngineOutputs {
  send(messages: readonly ClientOutputs[]): void;
  /** Null while there is room. */
  backPressure(): Promise<void> | null;
}

export interface EngineCoreProcOptions {
  /** Made with the first grammar that is to be compiled; left out, such requests fail. */
  readonly createGrammarCompiler?: () => Promise<GrammarCompiler>;
  readonly core: EngineCore;
  readonly clock: Clock;
  /** Default: the event loop's. */
  readonly timers?: Timers;
  readonly logger: Logger;
  readonly outputs: EngineOutputs;
  /** Null where events are off. */
  readonly publishKvEvents: ((events: readonly KVCacheEvent[]) => void) | null;
  /** Tell the coordinator how many requests run and wait (internal and hybrid load balancing). */
  readonly publishesCounts: boolean;
  /** All ranks' agreement; null but for data-parallel mixture-of-experts. */
  readonly agree: ((vote: DpVote) => Promise<DpOutcome>) | null;
  /** Tells the other ranks that this one stands still on purpose, until what it gives is called; null as `agree`. */
  readonly holdOthers: (() => () => void) | null;
}

export class EngineCoreProc {
  readonly #options: EngineCoreProcOptions;
  readonly #timers: Timers;
  readonly #grammars: GrammarLane;
  /** Ends the wait for a slow frontend. */
  #letGo: (() => void) | null = null;
  #hasBegunShutdown = false;
  #hasExecutorFailed = false;
  #inputs: EngineInput[] = [];
  #wake: (() => void) | null = null;
  /** Whether what has arrived since the last step, or during a wait for it, has been read from the sockets. */
  #hasRead = true;
  #lastCounts = { numRunning: 0, numWaiting: 0 };

  constructor(options: EngineCoreProcOptions) {
    this.#options = options;
    options.core.parts.faults.onChange = (what) => this.#onFaultChange(what);
    this.#timers = options.timers ?? systemTimers;
    this.#grammars = new GrammarLane(options.core.parts.structuredOutput, {
      create: options.createGrammarCompiler ?? null,
      logger: options.logger,
      onDone: () => this.#wakeUp(),
    });
  }

  /** Takes a message in; aborts count for the step that runs at this moment. */
  push(input: EngineInput): void {
    const { core, outputs } = this.#options;
    if (input.type === 'UTILITY' && isViewCall(input.call.method) && !outputs.backPressure()) {
      // Not in line: a rank that waits for one that stands still must be able to say so, and to be let go.
      core.handleInput(input);
      this.sendAnswers();
      this.#wakeUp();
      return;
    }
    if (input.type === 'ABORT') core.noteAbort(input.requestIds);
    this.#inputs.push(input);
    this.#wakeUp();
  }

  /** Sends what no step and no turn of the loop brings. */
  sendAnswers(): void {
    this.#flush();
  }

  /** SIGTERM or SIGINT: aborts what runs, or lets it drain, then `run` returns. */
  requestShutdown(): void {
    this.#options.core.requestShutdown();
    this.#letGo?.();
    this.#wakeUp();
  }

  /** A worker is lost: `run` rejects. */
  failExecutor(): void {
    this.#hasExecutorFailed = true;
    this.#wakeUp();
  }

  /** Runs until a shutdown is complete. Rejects where the engine breaks. */
  async run(): Promise<void> {
    const { core } = this.#options;
    while (this.#handleShutdown()) {
      const wasRunning = core.enginesRunning;
      if (!core.hasWork() && core.isRunning) await this.#waitForWork();
      if (this.#hasExecutorFailed) throw new Error('Executor failed.');
      if (!this.#hasRead) await this.#readAll();
      if (this.#inputs.length > 0) await this.#handleInputs();
      const held = this.#flushAndHold();
      if (held !== null) await held;
      if (core.isHeld) await this.#hold();
      this.#publishCounts();
      if (core.parts.faults.isHung) await this.#hang();
      const waitMs = this.#beginStep();
      if (waitMs > 0) await this.#timers.pause(waitMs);
      const executed = this.#finishStep();
      const heldAfter = this.#flushAndHold();
      if (heldAfter !== null) await heldAfter;
      // Nothing to run, yet requests are there: a pause holds them.
      if (!executed && core.scheduler.hasRequests()) await this.#idle();
      this.#publishCounts();
      if (core instanceof DPEngineCore) await this.#synchronize(core, executed, wasRunning);
    }
    this.#flush();
    await this.#grammars.close();
  }

  /** False once a shutdown is complete. */
  #handleShutdown(): boolean {
    const { core, logger } = this.#options;
    if (!core.isRunning && !this.#hasBegunShutdown) this.#logShutdown();
    const goesOn = core.handleShutdown();
    if (!goesOn)
      logger.debug(
        '[shutdown] EngineCore: request processing complete; starting resource teardown',
      );
    return goesOn;
  }

  #logShutdown(): void {
    const { core, logger } = this.#options;
    this.#hasBegunShutdown = true;
    const seconds = core.parts.shutdownTimeoutS;
    const mode = seconds === 0 ? 'abort' : 'drain';
    // What an engine does at a stop is told by its frontend, in one line for all of them.
    logger.debug(`[shutdown] EngineCore: start mode=${mode} timeout=${seconds}s`);
    const count = core.scheduler.numUnfinishedRequests;
    if (count === 0) return;
    if (seconds === 0)
      logger.debug(`[shutdown] EngineCore: aborting in-flight requests count=${count}`);
    else
      logger.debug(
        `[shutdown] EngineCore: draining in-flight requests count=${count} timeout=${seconds}s`,
      );
  }

  /** Returns when there is something to step, or a shutdown was requested. */
  async #waitForWork(): Promise<void> {
    const { core, logger } = this.#options;
    let hasWaited = false;
    while (!core.hasWork() && core.isRunning) {
      core.notifyIdle();
      const held = this.#flushAndHold();
      if (held !== null) await held;
      if (this.#inputs.length === 0) {
        core.clearNotedAborts();
        // A callback may have given the engine work, or a shutdown may have come meanwhile.
        if (core.hasWork() || !core.isRunning) break;
        logger.debug('EngineCore waiting for work.');
        hasWaited = true;
        await this.#nextInput();
        this.#hasRead = false;
        if (this.#hasExecutorFailed) return;
      }
      const next = this.#inputs.shift();
      const handled = next === undefined ? null : this.#handle(next);
      if (handled !== null) await handled;
    }
    if (hasWaited) logger.debug('EngineCore loop active.');
  }

  /** Lets the sockets be read, so that one step, and one message, serves all that arrived together. */
  #readAll(): Promise<void> {
    this.#hasRead = true;
    return this.#timers.pause(0);
  }

  /** All that have arrived. */
  async #handleInputs(): Promise<void> {
    while (this.#inputs.length > 0) {
      const inputs = this.#inputs;
      this.#inputs = [];
      for (const [index, input] of inputs.entries()) {
        const handled = this.#handle(input);
        if (handled !== null) await handled;
        // Utility calls are answered one by one: a flood of them must not outrun a frontend that reads slowly.
        if (index % FLUSH_EVERY_INPUTS === FLUSH_EVERY_INPUTS - 1) {
          const held = this.#flushAndHold();
          if (held !== null) await held;
        }
      }
    }
  }

  #onFaultChange(what: 'hang' | 'blocks'): void {
    const { core } = this.#options;
    if (what === 'blocks' && !core.hasWork()) {
      // No step would tell of it.
      core.tellStats();
      this.#flush();
    }
    this.#wakeUp();
  }

  /** A fault: stands still and takes nothing in, until it ends or a shutdown is requested. */
  async #hang(): Promise<void> {
    const { core } = this.#options;
    while (core.parts.faults.isHung && core.isRunning) await this.#nextInput();
  }

  /** The step clock stands: takes inputs in, and steps not, until it goes on or a shutdown is requested. */
  async #hold(): Promise<void> {
    const { core, holdOthers } = this.#options;
    const letOthersGo = holdOthers?.();
    while (core.isHeld) {
      this.#publishCounts();
      if (this.#inputs.length === 0) await this.#nextInput();
      await this.#handleInputs();
      const held = this.#flushAndHold();
      if (held !== null) await held;
    }
    letOthersGo?.();
  }

  /** Something has arrived, or changed. */
  #nextInput(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #handle(input: EngineInput): Promise<void> | null {
    const { isHung } = this.#options.core.parts.faults;
    return isHung ? this.#takeInAfterHang(input) : this.#takeIn(input);
  }

  async #takeInAfterHang(input: EngineInput): Promise<void> {
    await this.#hang();
    await this.#takeIn(input);
  }

  /** Null but where a resume waits for the other ranks. */
  #takeIn(input: EngineInput): Promise<void> | null {
    const { core, logger } = this.#options;
    const { duplicateRequests, rejectedRequests } = core.counters;
    const wasRunning = core.enginesRunning;
    core.handleInput(input);
    if (input.type === 'START_DP_WAVE' && core.enginesRunning && !wasRunning)
      logger.debug(`EngineCore starting idle loop for wave ${input.wave}.`);
    if (input.type === 'ADD') {
      const id = input.request.requestId;
      // Counted always, said once per kind: a client that does it once may do it often.
      if (duplicateRequests === 0 && core.counters.duplicateRequests > 0)
        logger.warn(`Dropped an ADD of request ${id}: a request of that id is running`);
      if (rejectedRequests === 0 && core.counters.rejectedRequests > 0)
        logger.warn(`Answered an ADD of request ${id} with an error: it cannot be run`);
    }
    if (input.type === 'ADD') this.#grammars.takeJobs();
    const vote = core instanceof DPEngineCore ? core.barrierVote : null;
    return vote === null ? null : this.#passBarrier(core as DPEngineCore, vote);
  }

  async #passBarrier(core: DPEngineCore, vote: DpVote): Promise<void> {
    core.passBarrier(await this.#agree(vote));
  }

  /** Milliseconds until `#finishStep`. */
  #beginStep(): number {
    const { core } = this.#options;
    const throttlePrefills = core instanceof DPEngineCore && core.shouldThrottlePrefills;
    const waitMs = core.beginStep({ throttlePrefills });
    const taken = core.awaitedBatch;
    // After an empty batch nothing new is worth a turn of the event loop: a completion alone takes 6.5 of them, before 8.4.
    this.#hasRead = waitMs > 0 || taken === null || taken.totalNumScheduledTokens === 0;
    return waitMs;
  }

  /** Whether the model ran. */
  #finishStep(): boolean {
    const { core, publishKvEvents } = this.#options;
    const isTakingIn = core.awaitedBatch !== null;
    const executed = core.finishStep();
    if (isTakingIn && !(core instanceof DPEngineCore)) core.parts.stepClock.countStep();
    const events = core.takeKvEvents();
    if (events !== null) publishKvEvents?.(events);
    return executed;
  }

  /** Meanwhile the sockets are read. */
  async #idle(): Promise<void> {
    await this.#timers.pause(IDLE_STEP_MS);
    this.#hasRead = true;
  }

  /**
   * A data-parallel rank's part after its own step: a dummy batch where it had nothing to run, and the others, whose
   * experts it needs: no rank is ahead of the slowest by more than a step.
   */
  async #synchronize(core: DPEngineCore, executed: boolean, wasRunning: boolean): Promise<void> {
    if (!executed) {
      if (core.scheduler.numUnfinishedRequests === 0 && !core.enginesRunning) return;
      await this.#timers.pause(core.parts.executor.isSleeping ? 0 : core.executeDummyBatch());
    }
    // A step of all ranks, whatever each of them ran in it: those that count alike stand still together.
    core.parts.stepClock.countStep();
    const { vote, isAgreement } = core.countStep();
    const outcome = await this.#agree(vote);
    if (isAgreement) this.#applyOutcome(core, outcome, wasRunning);
    else core.goOn(wasRunning);
    const held = this.#flushAndHold();
    if (held !== null) await held;
  }

  #applyOutcome(core: DPEngineCore, outcome: DpOutcome, wasRunning: boolean): void {
    const { logger } = this.#options;
    const wave = core.currentWave;
    if (outcome.pauseConsensus) logger.debug('DP pause consensus reached, ignoring START_DP_WAVE.');
    core.applyOutcome(outcome, wasRunning);
    const isReporter = core.parts.engineIndex === 0 || !core.hasCoordinator;
    if (!core.enginesRunning && isReporter)
      logger.debug(`Wave ${wave} finished, pausing engine loop.`);
  }

  async #agree(vote: DpVote): Promise<DpOutcome> {
    const { agree, core } = this.#options;
    if (agree === null) return tallyVotes([vote]);
    try {
      return await agree(vote);
    } catch (error) {
      // Where all are told to stop, one is the first to go, and may be gone before this one is told.
      if (core.isRunning) await this.#timers.pause(SHUTDOWN_SPREAD_MS);
      if (core.isRunning) throw error;
      return tallyVotes([vote]);
    }
  }

  #publishCounts(): void {
    if (!this.#options.publishesCounts) return;
    const { core, outputs, clock } = this.#options;
    const counts = core.getRequestCounts();
    const last = this.#lastCounts;
    if (counts.numRunning === last.numRunning && counts.numWaiting === last.numWaiting) return;
    this.#lastCounts = counts;
    const message = countsMessage(core, counts, clock);
    outputs.send([{ clientIndex: -1, outputs: message }]);
  }

  #flush(): void {
    const messages = this.#options.core.takeOutputs();
    if (messages.length > 0) this.#options.outputs.send(messages);
  }

  /** Sends. Null, but where a frontend reads too slowly: the engine stops until that has ended, or for a shutdown. */
  #flushAndHold(): Promise<void> | null {
    this.#flush();
    const { core, outputs } = this.#options;
    const pressure = outputs.backPressure();
    return pressure === null || !core.isRunning ? null : this.#waitOut(pressure);
  }

  async #waitOut(pressure: Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#letGo = resolve;
      void pressure.then(resolve);
    });
    this.#letGo = null;
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
