import type { ParameterProblem } from '../shared/faults/fault-spec.ts';
import type { Load } from './load.ts';
import type { Scenario, StepAction } from './scenario.ts';

/** The first step that names an engine which there is not; null where there is none. Pure. */
export function engineProblem({ steps }: Scenario, numEngines: number): ParameterProblem | null {
  for (const { number, action } of steps) {
    const engine = engineOf(action);
    if (engine === null || engine < numEngines) continue;
    return problemOf(`step ${number}: `, engine, numEngines);
  }
  return null;
}

/** The same of a load by itself. */
export function loadEngineProblem({ engine }: Load, numEngines: number): ParameterProblem | null {
  return engine === null || engine < numEngines ? null : problemOf('load: ', engine, numEngines);
}

function problemOf(where: string, engine: number, numEngines: number): ParameterProblem {
  const allowed = `from 0 to ${numEngines - 1}`;
  const message = `${where}engine is ${engine}, not ${allowed} (--data-parallel-size ${numEngines})`;
  return { param: 'engine', allowed, message };
}

function engineOf(action: StepAction): number | null {
  if (action.kind === 'inject') return action.injection.engine;
  return action.kind === 'load' ? action.load.engine : null;
}
