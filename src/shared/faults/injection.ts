/** An injection as all ways of injecting have it: a fault, whose it is, how long, and its parameters, flat beside them. Pure. */
import { DURATION_FORM, describeDuration, readDuration } from '../duration.ts';
import { isJsonObject } from '../json-object.ts';
import { shown } from '../schema.ts';
import { FAULT_SPECS, findFault } from './catalogue.ts';
import type { FaultSpec, ParameterProblem } from './fault-spec.ts';
import type { FaultParameters } from './parameter.ts';
import { readFaultParameters } from './read-parameters.ts';

/** Longer ones are ended by hand. */
export const MAX_FAULT_MS = 7 * 24 * 3_600_000;

/** Checked, and plain data. */
export interface Injection {
  readonly fault: string;
  /** Null is every engine, or none where the fault is no engine's. */
  readonly engine: number | null;
  /** Milliseconds; null until it is ended, or momentary. */
  readonly forMs: number | null;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** An injection as it is asked for: what `readInjection` reads. */
export function injectionRequest({
  fault,
  engine,
  forMs,
  parameters,
}: Injection): Readonly<Record<string, unknown>> {
  return { ...parameters, fault, engine, for: forMs };
}

export type ReadInjection =
  | { readonly isOk: true; readonly injection: Injection; readonly spec: FaultSpec }
  | ({ readonly isOk: false } & ParameterProblem);

/** `{fault, engine?, for?, …parameters}`; texts for any value, as from a shell. */
export function readInjection(given: unknown): ReadInjection {
  if (!isJsonObject(given)) return refuse('fault', 'an object', 'an injection must be an object');
  const { fault, engine, for: duration, ...parameters } = given;
  const spec = typeof fault === 'string' ? findFault(fault) : null;
  if (spec === null) {
    const known = FAULT_SPECS.map(({ id }) => id).join(', ');
    const message =
      fault === undefined
        ? `fault is missing: one of ${known}`
        : `there is no fault ${shown(fault)}; known are ${known}`;
    return refuse('fault', `one of ${known}`, message);
  }
  return readEngine(spec, engine) ?? readRest(spec, rankOf(engine), duration, parameters);
}

function readRest(
  spec: FaultSpec,
  engine: number | null,
  duration: unknown,
  given: Readonly<Record<string, unknown>>,
): ReadInjection {
  let forMs: number | null = null;
  if (duration !== undefined && duration !== null) {
    if (spec.isMomentary)
      return refuse('for', 'nothing', `${spec.id} is over at once: it takes no \`for\``);
    forMs = readDuration(duration);
    if (forMs === null || forMs <= 0 || forMs > MAX_FAULT_MS) {
      const allowed = `${DURATION_FORM}, more than 0 and at most ${describeDuration(MAX_FAULT_MS)}`;
      return refuse('for', allowed, `${spec.id}: for is ${shown(duration)}, not ${allowed}`);
    }
  }
  const read = readFaultParameters<FaultParameters>(spec, given);
  if (!read.isOk) return read;
  return {
    isOk: true,
    spec,
    injection: { fault: spec.id, engine, forMs, parameters: read.values },
  };
}

/** Null where the engine will do. */
function readEngine(spec: FaultSpec, engine: unknown): ReadInjection | null {
  if (engine === undefined || engine === null) return null;
  if (!spec.takesEngine)
    return refuse('engine', 'nothing', `${spec.id} is no engine's: leave engine out`);
  if (rankOf(engine) !== null) return null;
  const allowed = 'the rank of an engine';
  return refuse('engine', allowed, `${spec.id}: engine is ${shown(engine)}, not ${allowed}`);
}

function rankOf(engine: unknown): number | null {
  if (typeof engine === 'number') return Number.isInteger(engine) && engine >= 0 ? engine : null;
  return typeof engine === 'string' && /^\d{1,6}$/.test(engine) ? Number(engine) : null;
}

function refuse(param: string, allowed: string, message: string): ReadInjection {
  return { isOk: false, param, allowed, message };
}
