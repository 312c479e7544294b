/** What is certain of a function's result. */
import type { Expression, FunctionCall } from './expression.ts';
import { walk } from './expression.ts';
import { type Against, type Facts, UNKNOWN } from './facts.ts';
import { ANY, type Interval, isZero, NOT_NEGATIVE, ZERO } from './interval.ts';
import { addedLabels, droppedLabels, type LabelSet, NO_LABELS } from './label-set.ts';

const SCALARS: ReadonlySet<string> = new Set([
  'scalar',
  'time',
  'pi',
  'start',
  'end',
  'range',
  'step',
]);
const ABSENT: ReadonlySet<string> = new Set(['absent', 'absent_over_time']);
const QUANTILES: ReadonlySet<string> = new Set(['histogram_quantile', 'histogram_quantiles']);
/** Of the growth in a range; a fall counts as a new beginning, so it is never negative. */
export const GROWTH: ReadonlySet<string> = new Set(['rate', 'increase', 'irate']);
/** Of what was in a range, or of the sample itself. */
const KEEPING: ReadonlySet<string> = new Set([
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'last_over_time',
  'first_over_time',
  'quantile_over_time',
  'sort',
  'sort_desc',
  'sort_by_label',
  'sort_by_label_desc',
  'label_replace',
  'label_join',
]);

export function callFacts(
  call: FunctionCall,
  factsOf: (argument: Expression) => Facts,
  against: Against,
): Facts {
  const { function: name, args } = call;
  if (SCALARS.has(name)) return { ...UNKNOWN, isScalar: true, labels: NO_LABELS };
  if (name === 'vector') return { ...UNKNOWN, labels: NO_LABELS, values: scalarOf(args, factsOf) };
  const vector = args.find((argument) => isVector(argument, factsOf));
  if (vector === undefined) return { ...UNKNOWN, labels: NO_LABELS };
  const inner = factsOf(vector);
  // Of series that are there it is the other way round, and of others it has the labels that were asked for.
  if (ABSENT.has(name)) return { ...UNKNOWN, values: { low: 1, high: 1 } };
  const isQuantile = QUANTILES.has(name);
  const labels = isQuantile ? droppedLabels(inner.labels, ['le']) : relabelled(call, inner.labels);
  return {
    isEmpty: inner.isEmpty || (isQuantile && lacksBuckets(inner)),
    isScalar: false,
    labels,
    values: isQuantile ? quantileValues(call, against, inner) : functionValues(name, inner.values),
    family: inner.family,
  };
}

/** Series without `le` are no buckets, and left out. Source: prometheus/prometheus promql/functions.go */
export function lacksBuckets({ labels }: Facts): boolean {
  return labels.isClosed
    ? !labels.present.has('le') && !labels.maybe.has('le')
    : labels.absent.has('le');
}

function isVector(argument: Expression, factsOf: (argument: Expression) => Facts): boolean {
  return argument.kind !== 'number' && argument.kind !== 'string' && !factsOf(argument).isScalar;
}

function scalarOf(args: readonly Expression[], factsOf: (argument: Expression) => Facts): Interval {
  const [first] = args;
  return first === undefined ? ANY : factsOf(first).values;
}

function relabelled({ function: name, args }: FunctionCall, labels: LabelSet): LabelSet {
  if (name !== 'label_replace' && name !== 'label_join') return labels;
  const target = args[1];
  return target?.kind === 'string' ? addedLabels(labels, [target.value], false) : labels;
}

function functionValues(name: string, values: Interval): Interval {
  if (GROWTH.has(name)) return isZero(values) ? ZERO : NOT_NEGATIVE;
  if (KEEPING.has(name)) return values;
  if (name === 'sum_over_time') return values.low >= 0 ? NOT_NEGATIVE : ANY;
  if (name === 'count_over_time') return { low: 1, high: Infinity };
  if (name === 'changes' || name === 'resets' || name === 'abs') return NOT_NEGATIVE;
  return ANY;
}

/** A quantile beyond the last bound is that bound. */
function quantileValues(
  { args }: FunctionCall,
  { features }: Against,
  { family }: Facts,
): Interval {
  const [quantile, of] = args;
  if (quantile?.kind !== 'number' || quantile.value === null || of === undefined) return ANY;
  if (quantile.value < 0 || quantile.value > 1) return ANY;
  if (family?.buckets === null || family?.buckets === undefined) return ANY;
  if (family.bucketsDependOn !== null || features.has('custom-buckets')) return ANY;
  const selectors = [...walk(of)].filter(({ kind }) => kind === 'selector');
  return selectors.length === 1 ? { low: 0, high: Math.max(...family.buckets) } : ANY;
}
