/** A replay as records: every step of a scripted engine in the golden format. */
import type { ReplayOptions } from './create-replay-core.ts';
import { ScriptedEngine } from './scripted-engine.ts';
import { recordsExtras } from './stats-extra.ts';
import { StepRecorder } from './step-recorder.ts';
import type { StepRecord } from './steps.ts';
import type { ReplaySummary } from './summary.ts';

export class Replay {
  readonly #engine: ScriptedEngine;
  readonly #recorder: StepRecorder;

  constructor(options: ReplayOptions) {
    this.#engine = new ScriptedEngine(options);
    this.#recorder = new StepRecorder(
      this.#engine.core,
      options.resolved,
      recordsExtras(options.trace),
    );
  }

  /** All steps. */
  run(): StepRecord[] {
    return [...this.steps()];
  }

  /** The steps one by one, each made when it is asked for and counted in `summary` before. Throws as `turns` does. */
  *steps(
    untilStep = Number.POSITIVE_INFINITY,
    summary: ReplaySummary | null = null,
  ): Generator<StepRecord> {
    const recorder = this.#recorder;
    const turns = this.#engine.turns(untilStep, (output, preempted) =>
      recorder.schedule(output, preempted),
    );
    for (const turn of turns) {
      summary?.add(turn);
      yield recorder.record(turn);
    }
  }
}
