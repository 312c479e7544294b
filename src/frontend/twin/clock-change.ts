import { CLOCK_CHANGE_FIELDS, clockValuesProblem } from '../../shared/twin-api/clock-change.ts';
import type { ClockChange } from '../../shared/twin-api/engine-views.ts';

/** What is wrong with a change of the clock, in words; null where nothing is. */
export function clockChangeProblem(change: ClockChange): string | null {
  const unknown = Object.keys(change).find((name) => !CLOCK_CHANGE_FIELDS.includes(name));
  if (unknown !== undefined)
    return `${unknown}: no field of a change; there are ${CLOCK_CHANGE_FIELDS.join(', ')}, engine`;
  const { state, steps, factor } = change;
  if (state === undefined && steps === undefined && factor === undefined)
    return 'nothing to change: give state, steps or factor';
  return clockValuesProblem(change);
}
