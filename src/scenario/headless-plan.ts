/** What of a scenario engines without a server can play, each its own share. Pure. */
import { findFault } from '../shared/faults/catalogue.ts';
import type { FaultPlace, ParameterProblem } from '../shared/faults/fault-spec.ts';
import type { ScheduledFault } from '../shared/faults/scheduled-fault.ts';
import { engineProblem } from './engine-problem.ts';
import type { Scenario } from './scenario.ts';

/** Where an engine by itself can have a fault. */
const PLACES: readonly FaultPlace[] = ['start-up', 'engine', 'wire'];

/** What they cannot play; null where they can play all of it. */
export function headlessProblem(scenario: Scenario, numEngines: number): ParameterProblem | null {
  for (const { number, action } of scenario.steps) {
    if (action.kind !== 'inject') {
      const message = `step ${number}: ${action.kind} needs a server, and headless engines have none: they play faults of engines, of the wire and of the start-up`;
      return { param: action.kind, allowed: 'inject', message };
    }
    const { fault } = action.injection;
    const place = findFault(fault)?.place;
    if (place === undefined || !PLACES.includes(place)) {
      const message = `step ${number}: ${fault} is a fault of a server, and headless engines have none: they play faults of engines, of the wire and of the start-up`;
      return { param: 'inject', allowed: 'a fault of an engine', message };
    }
  }
  return engineProblem(scenario, numEngines);
}

/** An engine's own share: what names no engine is every one's. Times are since its READY. */
export function faultPlanOf({ steps }: Scenario, rank: number): readonly ScheduledFault[] {
  return steps.flatMap(({ atMs, action }) => {
    if (action.kind !== 'inject') return [];
    const { injection } = action;
    return injection.engine === null || injection.engine === rank ? [{ atMs, injection }] : [];
  });
}
