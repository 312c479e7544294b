/** What a scenario expects to see: read, checked, and said in words. Pure. */
import { type Comparison, describeComparison, NONE } from '../shared/comparison.ts';
import { describeDuration } from '../shared/duration.ts';
import { describeSample } from '../shared/exposition.ts';
import { isJsonObject } from '../shared/json-object.ts';
import { durationIn, numberIn, onlyFields, ProblemError, refuse } from './problem.ts';

/** What is looked at. */
export type ExpectedValue =
  | {
      readonly kind: 'sample';
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'rate';
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly overMs: number;
    }
  | { readonly kind: 'status'; readonly path: string };

export interface Expectation {
  readonly value: ExpectedValue;
  readonly comparison: Comparison;
  /** It may take so long to become so; null has it so at once. */
  readonly withinMs: number | null;
  /** It stays so for so long; null is a single look. */
  readonly forMs: number | null;
}

const WINDOW = { minMs: 1, maxMs: 7 * 24 * 3_600_000 };
const ANY_NUMBER = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE };
const NAME = /^[A-Za-z_:][\w:]*$/;
const FIELDS = [
  'sample',
  'rate',
  'labels',
  'over',
  'path',
  'status',
  'above',
  'below',
  'equals',
  'within',
  'for',
] as const;

/** Throws ProblemError. */
export function expectationOf(given: unknown): Expectation {
  const fields = onlyFields('expect', given, FIELDS);
  const kinds = (['sample', 'rate', 'path'] as const).filter((name) => fields[name] !== undefined);
  const [kind, second] = kinds;
  const three = 'one of sample (a value on /metrics), rate (of a counter there), path (a status)';
  if (kind === undefined) return refuse('expect', given, three);
  if (second !== undefined) return refuse(second, fields[second], `given beside ${kind}: ${three}`);
  const value = kind === 'path' ? statusValueOf(fields) : seriesValueOf(kind, fields);
  const duration = (name: 'within' | 'for'): number | null =>
    fields[name] === undefined ? null : durationIn(name, fields[name], WINDOW);
  return {
    value,
    comparison: comparisonOf(value, fields),
    withinMs: duration('within'),
    forMs: duration('for'),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function statusValueOf(fields: Fields): ExpectedValue {
  forbid(fields, ['labels', 'over'], 'path');
  const { path } = fields;
  if (typeof path !== 'string' || !path.startsWith('/'))
    return refuse('path', path, 'a path: /health');
  return { kind: 'status', path };
}

function seriesValueOf(kind: 'sample' | 'rate', fields: Fields): ExpectedValue {
  forbid(fields, kind === 'sample' ? ['status', 'over'] : ['status'], kind);
  const name = fields[kind];
  if (typeof name !== 'string' || !NAME.test(name))
    return refuse(kind, name, "a sample's name on /metrics: vllm:kv_cache_usage_perc");
  const labels = labelsOf(fields['labels']);
  if (kind === 'sample') return { kind, name, labels };
  const overMs = durationIn('over', fields['over'], { minMs: 100, maxMs: WINDOW.maxMs });
  return { kind, name, labels, overMs };
}

function forbid(fields: Fields, names: readonly string[], kind: string): void {
  for (const name of names) {
    if (fields[name] !== undefined)
      throw new ProblemError({
        param: name,
        allowed: 'nothing',
        message: `${name} has no meaning beside ${kind}: leave it out`,
      });
  }
}

function labelsOf(given: unknown): Readonly<Record<string, string>> {
  if (given === undefined) return {};
  if (!isJsonObject(given)) return refuse('labels', given, 'an object of texts: {engine: "1"}');
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string' && typeof value !== 'number')
      return refuse(`labels.${name}`, value, 'a text');
    labels[name] = String(value);
  }
  return labels;
}

function comparisonOf({ kind }: ExpectedValue, fields: Fields): Comparison {
  const equals = kind === 'status' ? (fields['status'] ?? fields['equals']) : fields['equals'];
  const bound = (name: 'above' | 'below'): number | null =>
    fields[name] === undefined ? null : numberIn(name, fields[name], ANY_NUMBER);
  const comparison = {
    above: bound('above'),
    below: bound('below'),
    equals: equals === undefined ? null : equalOf(kind, equals),
  };
  const isGiven = Object.values(comparison).some((side) => side !== null);
  const forms = kind === 'status' ? 'status: 503 (or none), above, below' : 'above, below, equals';
  if (!isGiven) return refuse('expect', fields, `compared with something: ${forms}`);
  return comparison;
}

function equalOf(kind: ExpectedValue['kind'], value: unknown): number | typeof NONE {
  if (value === NONE && kind !== 'rate') return NONE;
  if (kind !== 'status') return numberIn('equals', value, ANY_NUMBER);
  const status = typeof value === 'string' ? Number(value) : value;
  if (typeof status === 'number' && Number.isInteger(status) && status >= 100 && status <= 599)
    return status;
  return refuse('status', value, 'a status from 100 to 599, or none where nobody answers');
}

/** `vllm:kv_cache_usage_perc{engine="1"} above 0.9 within 5 s`. */
export function describeExpectation({ value, comparison, withinMs, forMs }: Expectation): string {
  const what =
    value.kind === 'status'
      ? `status of ${value.path}`
      : value.kind === 'rate'
        ? `rate of ${describeSample(value)} over ${describeDuration(value.overMs)}`
        : describeSample(value);
  return [
    `${what} ${describeComparison(comparison)}`,
    ...(withinMs === null ? [] : [`within ${describeDuration(withinMs)}`]),
    ...(forMs === null ? [] : [`for ${describeDuration(forMs)}`]),
  ].join(' ');
}
