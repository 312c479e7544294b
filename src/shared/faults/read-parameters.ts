/** Values of a fault's parameters, from a JSON body, a scenario file or a shell's words: checked against its spec. Pure. */
import { DURATION_FORM, describeDuration, readDuration } from '../duration.ts';
import { shown } from '../schema.ts';
import type { FaultSpec, ParameterProblem } from './fault-spec.ts';
import type { FaultParameter, FaultParameters, ParameterValues } from './parameter.ts';

export type ReadParameters<P extends FaultParameters = FaultParameters> =
  | { readonly isOk: true; readonly values: ParameterValues<P> }
  | ({ readonly isOk: false } & ParameterProblem);

/** A text stands for a value of any type, as a shell has no other; a key may have hyphens for underscores. */
export function readFaultParameters<P extends FaultParameters>(
  spec: FaultSpec<P>,
  given: Readonly<Record<string, unknown>>,
): ReadParameters<P> {
  const named = new Map(
    Object.entries(given).map(([key, value]) => [key.replaceAll('-', '_'), value]),
  );
  const names = Object.keys(spec.parameters);
  for (const name of named.keys()) {
    if (Object.hasOwn(spec.parameters, name)) continue;
    const allowed = names.length === 0 ? 'no parameters' : `one of ${names.join(', ')}`;
    return refuse(name, allowed, `${spec.id} has no parameter ${name}; it takes ${allowed}`);
  }
  const values: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries<FaultParameter>(spec.parameters)) {
    const value = named.get(name);
    const allowed = allowedOf(parameter);
    if (value === undefined || value === null) {
      if (parameter.default === undefined)
        return refuse(name, allowed, `${spec.id} needs ${name}: ${allowed}`);
      values[name] = parameter.default;
      continue;
    }
    const read = readValue(parameter, value);
    if (read === undefined)
      return refuse(name, allowed, `${spec.id}: ${name} is ${shown(value)}, not ${allowed}`);
    values[name] = read;
  }
  const checked = values as ParameterValues<P>;
  const problem = spec.check?.(checked) ?? null;
  return problem === null ? { isOk: true, values: checked } : { isOk: false, ...problem };
}

function refuse(param: string, allowed: string, message: string): ReadParameters<never> {
  return { isOk: false, param, allowed, message };
}

/** What a parameter may be, in words. */
export function allowedOf(parameter: FaultParameter): string {
  switch (parameter.type) {
    case 'integer':
    case 'number': {
      const kind = parameter.type === 'integer' ? 'a whole number' : 'a number';
      const unit = parameter.unit === undefined ? '' : ` (${parameter.unit})`;
      return `${kind} from ${parameter.min} to ${parameter.max}${unit}`;
    }
    case 'duration':
      return `${DURATION_FORM}, from ${describeDuration(parameter.minMs)} to ${describeDuration(parameter.maxMs)}`;
    case 'choice':
      return `one of ${parameter.choices.join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'ranks':
      return 'ranks of engines, each once: 1,0';
    case 'text':
      return parameter.form ?? `a text of 1 to ${parameter.maxLength} characters`;
    case 'json':
      return 'a JSON value';
  }
}

/** Undefined for what will not do. */
function readValue(parameter: FaultParameter, value: unknown): unknown {
  switch (parameter.type) {
    case 'integer':
    case 'number': {
      const number = numberOf(value);
      if (number === null || number < parameter.min || number > parameter.max) return undefined;
      return parameter.type === 'number' || Number.isInteger(number) ? number : undefined;
    }
    case 'duration': {
      const ms = readDuration(value);
      return ms === null || ms < parameter.minMs || ms > parameter.maxMs ? undefined : ms;
    }
    case 'choice':
      // A version may be read as a number.
      return typeof value === 'string' || typeof value === 'number'
        ? parameter.choices.find((choice) => choice === String(value))
        : undefined;
    case 'boolean':
      return value === true || value === 'true'
        ? true
        : value === false || value === 'false'
          ? false
          : undefined;
    case 'ranks':
      return ranksOf(value);
    case 'text': {
      const text = typeof value === 'number' ? String(value) : value;
      if (typeof text !== 'string' || text === '' || text.length > parameter.maxLength)
        return undefined;
      return parameter.pattern?.test(text) === false ? undefined : text;
    }
    case 'json':
      return typeof value === 'string' ? jsonOf(value) : value;
  }
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value.trim())) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

function ranksOf(value: unknown): readonly number[] | undefined {
  const list: readonly unknown[] = Array.isArray(value)
    ? value
    : typeof value === 'string' || typeof value === 'number'
      ? String(value).split(',')
      : [];
  const ranks = list.map(numberOf);
  const areRanks = ranks.every((rank) => rank !== null && Number.isInteger(rank) && rank >= 0);
  if (ranks.length === 0 || !areRanks || new Set(ranks).size !== ranks.length) return undefined;
  return ranks as readonly number[];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
