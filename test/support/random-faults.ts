/** Faults of a running server at random, out of the whole catalogue: which, where, how long, with the parameters of its example. */
import { FAULT_SPECS } from '../../src/shared/faults/catalogue.ts';
import type { FaultSpec } from '../../src/shared/faults/fault-spec.ts';
import type { Prng } from '../../src/shared/prng.ts';

/** A simulation has one API server, and it is the process that holds the others. */
const RUNNING: readonly FaultSpec[] = FAULT_SPECS.filter(
  ({ id, place }) => place !== 'start-up' && !id.startsWith('api-server.'),
);
/** They end the server: not as often as the others. */
const DEADLY = /^(engine\.(kill|exit|dead-message|crash-on-request)|coordinator\.kill)$/;
const MAX_SECONDS = 60;

export interface RandomFault {
  readonly request: Readonly<Record<string, unknown>>;
  readonly spec: FaultSpec;
}

export function randomFault(prng: Prng, numEngines: number): RandomFault {
  const isDeadly = prng.nextFloat() < 0.05;
  const specs = RUNNING.filter(({ id }) => DEADLY.test(id) === isDeadly);
  const spec = specs[prng.nextBelow(specs.length)] as FaultSpec;
  const engine = spec.takesEngine && prng.nextFloat() < 0.8 ? prng.nextBelow(numEngines) : null;
  const request = {
    ...spec.example,
    fault: spec.id,
    ...(engine === null ? {} : { engine }),
    ...(spec.isMomentary ? {} : { for: `${1 + prng.nextBelow(MAX_SECONDS)}s` }),
  };
  return { request, spec };
}
