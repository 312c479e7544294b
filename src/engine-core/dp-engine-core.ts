/**
 * An engine core among data-parallel ranks of one mixture-of-experts model: ranks step together in waves, with dummy
 * batches where one has nothing to do, until all agree that nobody has work. Pure: the agreement comes from the shell.
 * Source: vllm/v1/engine/core.py DPEngineCoreProc (0.28.0 to 0.33.0). Leaves out: elastic EP.
 */
import type { EngineInput } from '../shared/protocol/request.ts';
import { EngineCore } from './engine-core.ts';
import { PendingResult } from './pending-result.ts';
import type { Request } from './scheduler/request.ts';
import { UtilityError } from './utility-error.ts';

/** Steps between two agreements. Source: vllm/config/parallel.py dp_sync_interval. */
export const DP_SYNC_INTERVAL = 16;

/** What one rank tells the others, and what all of them come to. */
export interface DpVote {
  readonly hasUnfinished: boolean;
  readonly pendingPause: boolean;
}

export interface DpOutcome {
  /** Some rank has unfinished requests, or has not asked for a pause. */
  readonly hasUnfinished: boolean;
  /** Every rank asked for a pause. */
  readonly pauseConsensus: boolean;
}

/** All ranks' votes into one. Source: vllm/config/parallel.py ParallelConfig.sync_dp_state. */
export function tallyVotes(votes: readonly DpVote[]): DpOutcome {
  const pauseConsensus = votes.every(({ pendingPause }) => pendingPause);
  const somePausing = votes.some(({ pendingPause }) => pendingPause);
  const hasUnfinished = votes.some((vote) => vote.hasUnfinished);
  return { pauseConsensus, hasUnfinished: hasUnfinished || (somePausing && !pauseConsensus) };
}

export class DPEngineCore extends EngineCore {
  currentWave = 0;
  stepCounter = 0;
  /** A coordinator wakes and counts the ranks. */
  hasCoordinator = true;
  prefillScheduleInterval = 1;
  /** Steps between two agreements. */
  syncInterval = DP_SYNC_INTERVAL;
  #pendingPause = false;
  #ignoreStartDpWave = false;
  /** Answers the resume that waits for the other ranks. */
  #barrier: (() => void) | null = null;

  override handleInput(input: EngineInput): void {
    if (input.type !== 'START_DP_WAVE') {
      super.handleInput(input);
      return;
    }
    const isStale = input.wave < this.currentWave;
    const isMine = input.excludeEngineIndex === this.parts.engineIndex;
    if (this.#ignoreStartDpWave || isStale || isMine) return;
    this.currentWave = input.wave;
    this.enginesRunning = true;
  }

  protected override onRequestAdded(_request: Request, wave: number): void {
    if (!this.hasCoordinator) return;
    const { waves } = this.parts.versionRules;
    // The frontend has the coordinator start the wave that it knows of, but not one that came after it.
    if (waves.startedBy === 'frontend' && wave >= this.currentWave) {
      this.currentWave = wave;
      return;
    }
    this.currentWave = Math.max(this.currentWave, wave);
    const isUnpaused = this.scheduler.state.pauseState === 0;
    if (this.enginesRunning || !isUnpaused) return;
    // The coordinator wakes the others.
    this.enginesRunning = true;
    this.send(-1, { startWave: this.currentWave });
  }

  /** The first of two phases: keep stepping until all ranks want the pause. */
  override pauseComplete(): boolean {
    this.#pendingPause = true;
    this.enginesRunning = true;
    return false;
  }

  /** All ranks resume before one of them steps: the answer waits for `passBarrier`. */
  override resumeScheduler(answer: unknown): unknown {
    if (this.#pendingPause || (this.enginesRunning && this.#ignoreStartDpWave)) {
      throw new UtilityError(
        'resume_scheduler called while pause is still in flight. Wait for the pause future to resolve before resuming.',
      );
    }
    if (this.enginesRunning) return answer;
    super.resumeScheduler(answer);
    this.#ignoreStartDpWave = false;
    const pending = new PendingResult();
    this.#barrier = () => pending.settle(() => answer);
    return pending;
  }

  /** What to tell the others before any further input is handled; null where no resume waits for them. */
  get barrierVote(): DpVote | null {
    if (this.#barrier === null) return null;
    return { hasUnfinished: this.scheduler.numUnfinishedRequests > 0, pendingPause: false };
  }

  /** All ranks have resumed. */
  passBarrier({ hasUnfinished }: DpOutcome): void {
    const pass = this.#barrier;
    this.#barrier = null;
    if (hasUnfinished) this.enginesRunning = true;
    pass?.();
  }

  /** Admit no new prefill in this step: only every n-th common step does. */
  get shouldThrottlePrefills(): boolean {
    return (
      this.prefillScheduleInterval > 1 && this.stepCounter % this.prefillScheduleInterval !== 0
    );
  }

  /** Counts a step. All ranks take it together, and agree on how to go on in every `syncInterval`-th. */
  countStep(): { readonly vote: DpVote; readonly isAgreement: boolean } {
    this.stepCounter += 1;
    return {
      vote: {
        hasUnfinished: this.scheduler.numUnfinishedRequests > 0,
        pendingPause: this.#pendingPause,
      },
      // The first step agrees too: an idle pause needs one dummy batch, not a whole interval.
      isAgreement: this.stepCounter === 1 || this.stepCounter % this.syncInterval === 0,
    };
  }

  /** Takes the agreement in: the wave goes on, or ends and rank 0 says so. */
  applyOutcome({ hasUnfinished, pauseConsensus }: DpOutcome, wasRunning: boolean): void {
    if (pauseConsensus) {
      this.#ignoreStartDpWave = true;
      this.#pendingPause = false;
    }
    this.enginesRunning = hasUnfinished;
    const reports = this.parts.engineIndex === 0 || !this.hasCoordinator;
    if (!hasUnfinished) {
      if (reports) this.send(this.hasCoordinator ? -1 : 0, { waveComplete: this.currentWave });
      this.currentWave += 1;
      this.stepCounter = 0;
      return;
    }
    this.#reportStart(wasRunning);
  }

  /** Between two agreements the wave goes on. */
  goOn(wasRunning: boolean): void {
    this.enginesRunning = true;
    this.#reportStart(wasRunning);
  }

  /** Rank 0 tells the coordinator that the ranks run, since a paused one discards START_DP_WAVE. */
  #reportStart(wasRunning: boolean): void {
    const { engineIndex, versionRules } = this.parts;
    const isReporter =
      versionRules.waves.isStartReported && this.hasCoordinator && engineIndex === 0;
    if (!wasRunning && isReporter && !this.#pendingPause)
      this.send(-1, { startWave: this.currentWave });
  }
}
