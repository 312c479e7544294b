/** The values of a ClockChange, checked alike by whoever hands it on and by the engine that takes it. Pure. */
import type { ClockChange } from './engine-views.ts';
import { MAX_ALLOWED_STEPS, MAX_STEP_FACTOR, MIN_STEP_FACTOR } from './limits.ts';

export const CLOCK_CHANGE_FIELDS: readonly string[] = [
  'state',
  'steps',
  'factor',
] satisfies (keyof ClockChange)[];

/** What is wrong with them, in words; null where nothing is. What is undefined is not to be changed. */
export function clockValuesProblem({
  state,
  steps,
  factor,
}: {
  readonly [K in keyof ClockChange]?: unknown;
}): string | null {
  if (state !== undefined && state !== 'paused' && state !== 'running')
    return `state: expected paused or running, got ${JSON.stringify(state)}`;
  if (steps !== undefined && !(isWithin(steps, 1, MAX_ALLOWED_STEPS) && Number.isInteger(steps)))
    return `steps: expected a whole number from 1 to ${MAX_ALLOWED_STEPS}, got ${JSON.stringify(steps)}`;
  if (steps !== undefined && state === 'running')
    return 'steps: only while paused; leave out state, or set it to paused';
  if (factor !== undefined && !isWithin(factor, MIN_STEP_FACTOR, MAX_STEP_FACTOR))
    return `factor: expected a number from ${MIN_STEP_FACTOR} to ${MAX_STEP_FACTOR}, got ${JSON.stringify(factor)}`;
  return null;
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max;
}
