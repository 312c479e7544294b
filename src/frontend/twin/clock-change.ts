import type { ClockChange } from '../../shared/twin-api/engine-views.ts';
import {
  MAX_ALLOWED_STEPS,
  MAX_STEP_FACTOR,
  MIN_STEP_FACTOR,
} from '../../shared/twin-api/limits.ts';

const FIELDS = ['state', 'steps', 'factor'];

/** What is wrong with a change of the clock, in words; null where nothing is. */
export function clockChangeProblem(change: ClockChange): string | null {
  const unknown = Object.keys(change).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined)
    return `${unknown}: no field of a change; there are ${FIELDS.join(', ')}, engine`;
  const { state, steps, factor } = change;
  if (state === undefined && steps === undefined && factor === undefined)
    return 'nothing to change: give state, steps or factor';
  if (state !== undefined && state !== 'paused' && state !== 'running')
    return `state: expected paused or running, got ${JSON.stringify(state)}`;
  if (steps !== undefined && !isWithin(steps, 1, MAX_ALLOWED_STEPS, true))
    return `steps: expected a whole number from 1 to ${MAX_ALLOWED_STEPS}, got ${JSON.stringify(steps)}`;
  if (steps !== undefined && state === 'running')
    return 'steps: only while paused; leave out state, or set it to paused';
  if (factor !== undefined && !isWithin(factor, MIN_STEP_FACTOR, MAX_STEP_FACTOR, false))
    return `factor: expected a number from ${MIN_STEP_FACTOR} to ${MAX_STEP_FACTOR}, got ${JSON.stringify(factor)}`;
  return null;
}

function isWithin(value: unknown, min: number, max: number, isWhole: boolean): boolean {
  return (
    typeof value === 'number' &&
    value >= min &&
    value <= max &&
    (!isWhole || Number.isInteger(value))
  );
}
