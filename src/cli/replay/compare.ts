/** Finds where a replay first departs from a recording. */
import { isJsonObject } from '../../shared/json-object.ts';
import { ComputedTokens, type StepRecord } from './steps.ts';

export interface Difference {
  readonly step: number;
  /** Path of the field within the step, e.g. `schedule.tokens[1][1]`. */
  readonly field: string;
  readonly expected: unknown;
  readonly got: unknown;
}

/** The first difference over all fields of all steps, or null. Takes no more steps than it needs. */
export function firstDifference(
  expected: readonly unknown[],
  got: Iterable<StepRecord>,
): Difference | null {
  let numSteps = 0;
  for (const step of got) {
    if (numSteps < expected.length) {
      const found = compare(expected[numSteps], step, '');
      if (found !== null) return { step: numSteps, ...found };
    }
    numSteps += 1;
  }
  if (expected.length === numSteps) return null;
  return {
    step: Math.min(expected.length, numSteps),
    field: 'number of steps',
    expected: expected.length,
    got: numSteps,
  };
}

export function describeDifference(id: string, difference: Difference): string {
  const { step, field, expected, got } = difference;
  return `${id}, step ${step}, ${field}: expected ${show(expected)}, got ${show(got)}`;
}

function compare(expected: unknown, got: unknown, path: string): Omit<Difference, 'step'> | null {
  if (Array.isArray(expected) && Array.isArray(got)) {
    if (expected.length !== got.length) return { field: path, expected, got };
    for (let i = 0; i < expected.length; i += 1) {
      const found = compare(expected[i], got[i], `${path}[${i}]`);
      if (found !== null) return found;
    }
    return null;
  }
  if (got instanceof ComputedTokens) return compare(expected, got.toJSON(), path);
  if (isJsonObject(expected) && isJsonObject(got)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
      const inner = path === '' ? key : `${path}.${key}`;
      const found = compare(expected[key], got[key], inner);
      if (found !== null) return found;
    }
    return null;
  }
  return Object.is(expected, got) ? null : { field: path, expected, got };
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
