/**
 * The pace of an engine's simulated steps: as fast as the latency model says, faster or slower by a factor, or standing
 * still but for a number of steps. It changes when a step runs, never what it does.
 */
import { isJsonObject } from '../shared/json-object.ts';
import type { ClockState } from '../shared/twin-api/engine-views.ts';
import { MAX_ALLOWED_STEPS, MAX_STEP_FACTOR, MIN_STEP_FACTOR } from '../shared/twin-api/limits.ts';
import { UtilityError } from './utility-error.ts';

const FIELDS: ReadonlySet<string> = new Set(['state', 'steps', 'factor']);

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
    const unknown = Object.keys(change).find((key) => !FIELDS.has(key));
    if (unknown !== undefined)
      throw new UtilityError(`${unknown}: unknown; one of ${[...FIELDS].join(', ')}`);
    const state = stateOf(change['state']);
    const steps = numberOf('steps', change['steps'], {
      min: 1,
      max: MAX_ALLOWED_STEPS,
      isWhole: true,
    });
    const factor = numberOf('factor', change['factor'], {
      min: MIN_STEP_FACTOR,
      max: MAX_STEP_FACTOR,
      isWhole: false,
    });
    if (state === 'running' && steps !== null)
      throw new UtilityError('steps: only while paused; leave out state, or set it to paused');
    if (factor !== null) this.#factor = factor;
    if (state !== null) {
      this.#isPaused = state === 'paused';
      this.#stepsLeft = 0;
    }
    if (steps !== null) {
      this.#isPaused = true;
      this.#stepsLeft = Math.min(this.#stepsLeft + steps, MAX_ALLOWED_STEPS);
    }
    return this.state;
  }
}

function stateOf(value: unknown): 'paused' | 'running' | null {
  if (value === undefined || value === null) return null;
  if (value === 'paused' || value === 'running') return value;
  throw new UtilityError(`state: expected paused or running, got ${JSON.stringify(value)}`);
}

function numberOf(
  name: string,
  value: unknown,
  { min, max, isWhole }: { min: number; max: number; isWhole: boolean },
): number | null {
  if (value === undefined || value === null) return null;
  const isFit =
    typeof value === 'number' &&
    value >= min &&
    value <= max &&
    (!isWhole || Number.isInteger(value));
  if (isFit) return value;
  const kind = isWhole ? 'a whole number' : 'a number';
  throw new UtilityError(
    `${name}: expected ${kind} from ${min} to ${max}, got ${JSON.stringify(value)}`,
  );
}
