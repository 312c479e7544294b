/** What is wrong with a value that somebody wrote: which one, what it is, what it may be. The readers of this room throw it. */
import { DURATION_FORM, describeDuration, readDuration } from '../shared/duration.ts';
import type { ParameterProblem } from '../shared/faults/fault-spec.ts';
import { isJsonObject, type JsonObject } from '../shared/json-object.ts';
import { shown } from '../shared/schema.ts';

export class ProblemError extends Error implements ParameterProblem {
  override readonly name = 'ProblemError';
  readonly param: string;
  readonly allowed: string;

  constructor({ param, allowed, message }: ParameterProblem) {
    super(message);
    this.param = param;
    this.allowed = allowed;
  }
}

export type Attempt<T> =
  | { readonly isOk: true; readonly value: T }
  | ({ readonly isOk: false } & ParameterProblem);

/** What a reader reads, or why it does not. */
export function attempt<T>(read: () => T): Attempt<T> {
  try {
    return { isOk: true, value: read() };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const { param, allowed, message } = error;
    return { isOk: false, param, allowed, message };
  }
}

export function refuse(param: string, value: unknown, allowed: string): never {
  const message =
    value === undefined
      ? `${param} is missing: ${allowed}`
      : `${param} is ${shown(value)}, not ${allowed}`;
  throw new ProblemError({ param, allowed, message });
}

/** Fields of an object that has these and no others. */
export function onlyFields(
  what: string,
  value: unknown,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  const allowed = `an object of ${known.join(', ')}`;
  if (!isJsonObject(value)) return refuse(what, value, allowed);
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const allowedNames = `one of ${known.join(', ')}`;
    const message = `${what} has no ${name}; it has ${known.join(', ')}`;
    throw new ProblemError({ param: name, allowed: allowedNames, message });
  }
  return value as JsonObject;
}

interface NumberBounds {
  readonly min: number;
  readonly max: number;
  readonly isWhole?: boolean;
}

/** A text stands for a number too: a shell has no other. */
export function numberIn(param: string, value: unknown, bounds: NumberBounds): number {
  const { min, max, isWhole = false } = bounds;
  const number =
    typeof value === 'string' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
  const isFine = typeof number === 'number' && number >= min && number <= max;
  if (isFine && (!isWhole || Number.isInteger(number))) return number;
  return refuse(param, value, `${isWhole ? 'a whole number' : 'a number'} from ${min} to ${max}`);
}

/** Milliseconds. */
export function durationIn(
  param: string,
  value: unknown,
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
): number {
  const ms = readDuration(value);
  if (ms !== null && ms >= minMs && ms <= maxMs) return ms;
  const bounds = `from ${describeDuration(minMs)} to ${describeDuration(maxMs)}`;
  return refuse(param, value, `${DURATION_FORM}, ${bounds}`);
}

export function booleanOf(param: string, value: unknown): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  return refuse(param, value, 'true or false');
}
