/**
 * The pace of an engine's simulated steps: as fast as the latency model says, faster or slower by a factor, or standing
 * still but for a number of steps. It changes when a step runs, never what it does.
 */
import { isJsonObject } from '../shared/json-object.ts';
import { CLOCK_CHANGE_FIELDS, clockValuesProblem } from '../shared/twin-api/clock-change.ts';
import type { ClockChange, ClockState } from '../shared/twin-api/engine-views.ts';
import { MAX_ALLOWED_STEPS } from '../shared/twin-api/limits.ts';
import { UtilityError } from './utility-error.ts';

export class StepClock {
  /** Of a fault that slows steps down, beside the pace that was asked for. */
  faultFactor = 1;
  #isPaused = false;
  #factor = 1;
  #stepsLeft = 0;

  /** No step may run now. */
  get isHeld(): boolean {
    return this.#isPaused && this.#stepsLeft === 0;
  }

  get state(): ClockState {
    return {
      state: this.#isPaused ? 'paused' : 'running',
      factor: this.#factor,
      steps_left: this.#stepsLeft,
    };
  }

  /** Simulated milliseconds as they are to pass. */
  scale(ms: number): number {
    return ms * this.#factor * this.faultFactor;
  }

  /** A step has given its outputs. */
  countStep(): void {
    if (this.#stepsLeft > 0) this.#stepsLeft -= 1;
  }

  /**
   * Takes a ClockChange and gives the state after it. Steps pause a running engine behind them. Throws UtilityError for what
   * is none, and changes nothing then.
   */
  change(change: unknown): ClockState {
    if (!isJsonObject(change))
      throw new UtilityError('expected an object with state, steps, factor');
    const unknown = Object.keys(change).find((key) => !CLOCK_CHANGE_FIELDS.includes(key));
    if (unknown !== undefined)
      throw new UtilityError(`${unknown}: unknown; one of ${CLOCK_CHANGE_FIELDS.join(', ')}`);
    // What is null is left as it is, too.
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null));
    const problem = clockValuesProblem(given);
    if (problem !== null) throw new UtilityError(problem);
    const { state, steps, factor } = given as ClockChange;
    if (factor !== undefined) this.#factor = factor;
    if (state !== undefined) {
      this.#isPaused = state === 'paused';
      this.#stepsLeft = 0;
    }
    if (steps !== undefined) {
      this.#isPaused = true;
      this.#stepsLeft = Math.min(this.#stepsLeft + steps, MAX_ALLOWED_STEPS);
    }
    return this.state;
  }
}
