import { anyObject, integer, number, onlyFields, orNull, string } from '../schema.ts';
import type { Injection } from './injection.ts';

/** A fault of an engine's own plan: what a scenario gives it with its start. */
export interface ScheduledFault {
  /** Milliseconds after the engine's READY; null is before its HELLO. */
  readonly atMs: number | null;
  readonly injection: Injection;
}

/** As another process is told of it: checked where it was read. */
export function injectionSchema() {
  return onlyFields({
    fault: string,
    engine: orNull(integer()),
    forMs: orNull(number),
    parameters: anyObject,
  });
}

/** As a process argument carries it: checked where the scenario was read. */
export function scheduledFaultSchema() {
  return onlyFields({
    atMs: orNull(number),
    injection: injectionSchema(),
  });
}
