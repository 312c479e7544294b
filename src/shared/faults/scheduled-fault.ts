import { anyObject, integer, number, onlyFields, orNull, string } from '../schema.ts';
import type { Injection } from './injection.ts';
import { HANDSHAKE_ORDER } from './specs/handshake-order.ts';

/** A fault of an engine's own plan: what a scenario gives it with its start. */
export interface ScheduledFault {
  /** Milliseconds after the engine's READY; null is before its HELLO. */
  readonly atMs: number | null;
  readonly injection: Injection;
}

/** An engine's own share of what happens before HELLO: what names no engine is every one's. */
export function startPlanOf(
  injections: readonly Injection[],
  rank: number,
): readonly ScheduledFault[] {
  return injections
    .filter(({ engine }) => engine === null || engine === rank)
    .map((injection) => ({ atMs: null, injection }));
}

/** The order in which engines report is asked for, not chance. */
export function ordersReports(injections: readonly Injection[]): boolean {
  return injections.some(({ fault }) => fault === HANDSHAKE_ORDER.id);
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
