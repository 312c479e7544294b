/**
 * What the DP coordinator knows and decides: the request counts of every engine, the wave, whether engines run, when to
 * publish what. Pure: messages and the time come in, messages to send are returned.
 * Source: vllm/v1/engine/coordinator.py DPCoordinatorProc (0.28.0 to 0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import type {
  CoordinatorUpdate,
  EngineRequestCounts,
  FirstRequest,
} from '../../shared/protocol/coordinator.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreOutputs } from '../../shared/protocol/outputs.ts';
import type { ExcludedEngine } from '../../shared/protocol/request.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';
import type { WaveRules } from '../../shared/protocol/wire-version.ts';

/** Counts that changed are published at most this often. */
export const MIN_STATS_UPDATE_INTERVAL_MS = 100;
/** Counts that did not change are published this often. */
export const IDLE_PUBLISH_INTERVAL_MS = 5_000;
/** With waves: how long no message must have come, so that all engines' counts of a step are in. */
export const STEP_SETTLE_MS = 50;

export interface CoordinatorOptions {
  readonly engineCount: number;
  /** Waves exist only for MoE models, whose engines step together. */
  readonly enableWaveCoordination: boolean;
  readonly waves: WaveRules;
}

export interface StartWave {
  readonly wave: number;
  /** The engine that started the wave, which needs no call. */
  readonly excludeEngineIndex: ExcludedEngine;
}

/** What a message leads to, in the order in which it is to be sent. */
export interface CoordinatorEffects {
  /** To all engines. */
  readonly startWave: StartWave | null;
  /** To all frontends, at once. */
  readonly update: CoordinatorUpdate | null;
  /** For the log. */
  readonly warning: string | null;
}

const NO_COUNTS: EngineRequestCounts = [0, 0, 0];
const NO_EFFECTS: CoordinatorEffects = { startWave: null, update: null, warning: null };

export class CoordinatorState {
  private readonly enableWaveCoordination: boolean;
  private readonly waves: WaveRules;
  private counts: EngineRequestCounts[];
  private currentWave = 0;
  private enginesRunning = false;
  private statsChanged = false;
  private lastStatsStep = -1;
  private lastStatsWave = -1;
  /** The counts at the end of the step before, if they are still to be published. */
  private lastStepCounts: readonly EngineRequestCounts[] | null = null;
  private lastPublishMs = Number.NEGATIVE_INFINITY;

  constructor({ engineCount, enableWaveCoordination, waves }: CoordinatorOptions) {
    this.enableWaveCoordination = enableWaveCoordination;
    this.waves = waves;
    this.counts = new Array<EngineRequestCounts>(engineCount).fill(NO_COUNTS);
  }

  get wave(): number {
    return this.currentWave;
  }

  get engineCount(): number {
    return this.counts.length;
  }

  /** How long to wait for a message before `publish` is due; every message starts the wait anew. */
  timeoutMs(nowMs: number): number {
    const interval = this.statsChanged ? MIN_STATS_UPDATE_INTERVAL_MS : IDLE_PUBLISH_INTERVAL_MS;
    const mustSettle = this.enableWaveCoordination && this.lastStepCounts === null;
    return Math.max(mustSettle ? STEP_SETTLE_MS : 0, interval - (nowMs - this.lastPublishMs));
  }

  /** No message came for `timeoutMs`: what to publish. */
  publish(nowMs: number): CoordinatorUpdate {
    const counts = this.lastStepCounts ?? [...this.counts];
    if (this.lastStepCounts === null) this.statsChanged = false;
    this.lastStepCounts = null;
    this.lastPublishMs = nowMs;
    return { counts, currentWave: this.currentWave, enginesRunning: this.enginesRunning };
  }

  onEngineOutputs(outputs: EngineCoreOutputs): CoordinatorEffects {
    const { engineIndex, schedulerStats, waveComplete, startWave } = outputs;
    if (outputs.outputs.length > 0 || outputs.utilityOutput !== null) {
      return { ...NO_EFFECTS, warning: `engine ${engineIndex} sent request outputs` };
    }
    let warning: string | null = null;
    if (schedulerStats !== null) {
      // With elastic expert parallelism an engine may report while the number of engines changes.
      if (engineIndex >= this.counts.length) return NO_EFFECTS;
      warning = this.onStats(engineIndex, schedulerStats);
    }
    if (!this.enableWaveCoordination) return { ...NO_EFFECTS, warning };
    if (waveComplete !== null) {
      if (this.currentWave > waveComplete) return { ...NO_EFFECTS, warning };
      this.currentWave = waveComplete + 1;
      this.enginesRunning = false;
      return { startWave: null, update: this.waveUpdate(), warning };
    }
    if (startWave === null || !this.isNewWave(startWave)) return { ...NO_EFFECTS, warning };
    this.currentWave = startWave;
    this.enginesRunning = true;
    return {
      startWave: { wave: startWave, excludeEngineIndex: engineIndex },
      update: this.waveUpdate(),
      warning,
    };
  }

  /** A frontend sends a request to engines that it takes to stand still. Only of versions whose frontends start waves. */
  onFirstRequest({ engineIdentity, wave }: FirstRequest): CoordinatorEffects {
    assert(this.waves.startedBy === 'frontend', 'engines tell of first requests');
    if (!this.enableWaveCoordination || this.enginesRunning) return NO_EFFECTS;
    if (!this.waves.isStartReported) this.enginesRunning = true;
    return {
      // One that is behind may have been sent to an engine that counts that wave as over: all are called.
      startWave: {
        wave: this.currentWave,
        excludeEngineIndex: wave < this.currentWave ? null : engineIdentity,
      },
      update: this.enginesRunning ? this.waveUpdate() : null,
      warning: null,
    };
  }

  private isNewWave(wave: number): boolean {
    return wave > this.currentWave || (wave === this.currentWave && !this.enginesRunning);
  }

  private waveUpdate(): CoordinatorUpdate {
    return { counts: null, currentWave: this.currentWave, enginesRunning: this.enginesRunning };
  }

  private onStats(engineIndex: EngineIndex, stats: SchedulerStats): string | null {
    const warning = this.enableWaveCoordination ? this.onStep(engineIndex, stats) : null;
    this.counts[engineIndex] = [stats.numWaitingReqs, stats.numRunningReqs, stats.kvCacheUsage];
    this.statsChanged = true;
    return warning;
  }

  /** Engines of a wave step together: the first counts of a new step complete those of the step before. */
  private onStep(engineIndex: EngineIndex, stats: SchedulerStats): string | null {
    const { stepCounter: step, currentWave: wave } = stats;
    const { lastStatsStep, lastStatsWave } = this;
    if (wave > lastStatsWave || (wave === lastStatsWave && step > lastStatsStep)) {
      if (this.statsChanged) this.lastStepCounts = [...this.counts];
      this.lastStatsStep = step;
      this.lastStatsWave = wave;
      return null;
    }
    if (wave === lastStatsWave && step === lastStatsStep) return null;
    return (
      `Received stats for out-of-order step (${wave}, ${step}) from engine ${engineIndex} ` +
      `(expected > (${lastStatsWave}, ${lastStatsStep}))`
    );
  }

  /** The number of engines changed (elastic expert parallelism): new ones have no requests. */
  scale(newEngineCount: number): void {
    const { counts } = this;
    this.counts = Array.from({ length: newEngineCount }, (_, index) => counts[index] ?? NO_COUNTS);
  }
}
