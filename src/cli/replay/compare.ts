/** Finds where a replay first departs from a recording. */
import type { StepRecord } from './steps.ts';

export interface Difference {
  readonly step: number;
  /** Path of the field within the step, e.g. `schedule.tokens[1][1]`. */
  readonly field: string;
  readonly expected: unknown;
  readonly got: unknown;
}

/** The first difference over all fields of all steps, or null. */
export function firstDifference(
  expected: readonly unknown[],
  got: readonly StepRecord[],
): Difference | null {
  const numSteps = Math.min(expected.length, got.length);
  for (let step = 0; step < numSteps; step += 1) {
    const found = compare(expected[step], got[step], '');
    if (found !== null) return { step, ...found };
  }
  if (expected.length === got.length) return null;
  return { step: numSteps, field: 'number of steps', expected: expected.length, got: got.length };
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
  if (isRecord(expected) && isRecord(got)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
      const inner = path === '' ? key : `${path}.${key}`;
      const found = compare(expected[key], got[key], inner);
      if (found !== null) return found;
    }
    return null;
  }
  return Object.is(expected, got) ? null : { field: path, expected, got };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
