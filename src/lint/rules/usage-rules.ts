/** Functions that mislead over what they are given: rates of gauges, counters without a rate, averages of two selections. */
import type { CatalogueFamily } from '../../shared/metric-catalogue/metric-catalogue.ts';
import { GROWTH } from './call-facts.ts';
import type { Draft, Placed, RuleContext } from './draft.ts';
import type { Aggregation, Binary, Expression, FunctionCall, Selector } from './expression.ts';
import { walk } from './expression.ts';
import { isComparison } from './query-facts.ts';

export function usageRules(context: RuleContext): readonly Draft[] {
  return context.expressions.flatMap((placed) => {
    const { expression } = placed;
    switch (expression.kind) {
      case 'call':
        return callDrafts(expression, context);
      case 'binary':
        return [...averageDrafts(expression, context), ...shareDrafts(expression, context)];
      case 'aggregation':
        return aggregationDrafts(expression, context);
      case 'selector':
        return growingDrafts(expression, placed, context);
      default:
        return [];
    }
  });
}

/** Two samples have to lie in a range, and Prometheus' own example scrapes each 15 s. */
const SHORTEST_RANGE_SECONDS = 15;

function callDrafts(call: FunctionCall, context: RuleContext): readonly Draft[] {
  const [argument] = call.args;
  if (!GROWTH.has(call.function) || argument?.kind !== 'range') return [];
  const { of, seconds, duration, isSubquery } = argument;
  const found = of.kind === 'selector' ? familyOf(of, context) : null;
  const drafts: Draft[] = [];
  if (found !== null && isLevel(found)) {
    const { family, series } = found;
    const isCreated = series.endsWith('_created');
    drafts.push({
      rule: 'rate-of-gauge',
      at: { from: call.from, to: call.to },
      severity: 'warning',
      message: isCreated
        ? `${series} is the time at which ${family.name} began, which does not grow`
        : `${series} is a gauge: ${call.function}() takes each fall for a restart of the counter, and counts what was before it again`,
      remedy: isCreated
        ? `take ${call.function}() of ${family.samples[0]}`
        : `take ${series} itself, avg_over_time() or max_over_time() of it, or delta() for its change`,
    });
  }
  if (found !== null && !isSubquery && seconds !== null && seconds < SHORTEST_RANGE_SECONDS)
    drafts.push({
      rule: 'short-range',
      at: duration,
      severity: 'warning',
      message: `${call.function}() wants two samples in its range, and ${seconds} s hold as many only where scrapes are ${seconds / 2} s apart or less`,
      remedy: 'take four times the scrape interval: [1m], or $__rate_interval in Grafana',
    });
  return drafts;
}

interface Found {
  readonly family: CatalogueFamily;
  readonly series: string;
}

function familyOf(selector: Selector, { facts }: RuleContext): Found | null {
  const verdict = facts.verdict(selector);
  if (verdict?.kind !== 'exposed' && verdict?.kind !== 'needs-feature') return null;
  return { family: verdict.family, series: selector.name?.text ?? '' };
}

/** It goes up and down, or stays where it was set. */
function isLevel({ family, series }: Found): boolean {
  return family.type === 'gauge' || series.endsWith('_created');
}

/** A counter itself: it grows until vLLM starts again. */
function growingDrafts(
  selector: Selector,
  { around }: Placed,
  context: RuleContext,
): readonly Draft[] {
  const found = familyOf(selector, context);
  if (found === null || isLevel(found)) return [];
  if (around.some(({ kind }) => kind === 'range')) return [];
  if (around.some((outer) => outer.kind === 'call' && TIMELESS.has(outer.function))) return [];
  if (around.some((outer) => outer.kind === 'aggregation' && COUNTING.has(outer.op))) return [];
  const { series } = found;
  const isQuantile = around.some(
    (outer) => outer.kind === 'call' && outer.function === 'histogram_quantile',
  );
  const isAverage = series.endsWith('_sum') && around.some((outer) => isAverageOf(outer, found));
  const isCompared =
    context.kind === 'alert' &&
    around.some((outer) => outer.kind === 'binary' && isThreshold(outer));
  const isScaled = context.kind === 'scaledobject';
  if (!isQuantile && !isAverage && !isCompared && !isScaled) return [];
  const what = isQuantile ? 'the quantile' : isAverage ? 'the average' : 'the value';
  return [
    {
      rule: 'counter-without-rate',
      at: selector,
      severity: 'warning',
      message: `${series} grows for as long as vLLM runs, so ${what} is of all that was since its start, not of the last minutes`,
      remedy: `take rate(${series}[5m]), or increase() for a count`,
    },
  ];
}

/** They ask whether there are series, or when they were. */
const TIMELESS: ReadonlySet<string> = new Set(['absent', 'timestamp']);
const COUNTING: ReadonlySet<string> = new Set(['count', 'group']);

const isThreshold = ({ op, left, right }: Binary): boolean =>
  isComparison(op) && (left.kind === 'number' || right.kind === 'number');

/** `x_sum / x_count` of one histogram. */
function isAverageOf(outer: Expression, { family }: Found): boolean {
  return (
    outer.kind === 'binary' &&
    outer.op === '/' &&
    [...walk(outer.right)].some(
      (inner) => inner.kind === 'selector' && inner.name?.text === `${family.name}_count`,
    )
  );
}

/** The sum of some requests by the number of others. */
function averageDrafts(binary: Binary, context: RuleContext): readonly Draft[] {
  if (binary.op !== '/') return [];
  const sum = onlySelector(binary.left);
  const count = onlySelector(binary.right);
  if (sum === null || count === null) return [];
  const found = familyOf(sum.selector, context);
  if (found === null || found.series !== `${found.family.name}_sum`) return [];
  if (count.selector.name?.text !== `${found.family.name}_count`) return [];
  const isOtherRange = sum.range !== count.range;
  // Without an aggregation, series that one side lacks match none of the other.
  const isAggregated = binary.left.kind === 'aggregation' || binary.right.kind === 'aggregation';
  const isOtherSelection =
    isAggregated && selectionOf(sum.selector) !== selectionOf(count.selector);
  if (!isOtherRange && !isOtherSelection) return [];
  return [
    {
      rule: 'mismatched-average',
      at: { from: binary.from, to: binary.to },
      severity: 'warning',
      message: `this is no average: the sum and the count of ${found.family.name} are taken over other ${isOtherSelection ? 'series' : 'times'}`,
      remedy: `give both the same ${isOtherSelection ? 'matchers' : 'range'}`,
    },
  ];
}

/** Some series by all of them, where each finds itself alone on the other side. */
function shareDrafts(binary: Binary, context: RuleContext): readonly Draft[] {
  const { op, matching, left, right, from, to } = binary;
  if (op !== '/' || matching !== null) return [];
  const part = bareSelection(left);
  const whole = bareSelection(right);
  if (part === null || whole === null || part.called !== whole.called) return [];
  const found = familyOf(part.selector, context);
  if (found === null || whole.selector.name?.text !== found.series) return [];
  const kept = selectionOf(part.selector).split(',');
  const isPart = whole.selector.matchers.every((matcher) =>
    kept.includes(selectionOf({ matchers: [matcher] })),
  );
  if (!isPart || context.facts.of(left).isEmpty) return [];
  return [
    {
      rule: 'share-of-itself',
      at: { from, to },
      severity: 'warning',
      message: `this is always 1: each series of ${found.series} on the left is divided by the one with the same labels, itself`,
      remedy: 'aggregate both sides: sum(…) / sum(…)',
    },
  ];
}

/** A selector, or what a function makes of its range. */
function bareSelection(
  expression: Expression,
): { readonly selector: Selector; readonly called: string } | null {
  if (expression.kind === 'selector') return { selector: expression, called: '' };
  if (expression.kind !== 'call') return null;
  const [argument] = expression.args;
  if (argument?.kind !== 'range' || argument.of.kind !== 'selector') return null;
  return { selector: argument.of, called: `${expression.function} ${argument.seconds}` };
}

interface Selection {
  readonly selector: Selector;
  readonly range: number | null;
}

/** Null: there is none, or several. */
function onlySelector(expression: Expression): Selection | null {
  const inside = [...walk(expression)];
  const selectors = inside.filter((inner) => inner.kind === 'selector');
  const ranges = inside.filter((inner) => inner.kind === 'range');
  const [selector] = selectors;
  if (selector === undefined || selectors.length > 1 || ranges.length > 1) return null;
  return { selector, range: ranges[0]?.seconds ?? null };
}

function selectionOf({ matchers }: Pick<Selector, 'matchers'>): string {
  return matchers
    .map(({ label, op, value }) => `${label.text}${op}${value}`)
    .sort()
    .join();
}

function aggregationDrafts(aggregation: Aggregation, context: RuleContext): readonly Draft[] {
  if (aggregation.op !== 'quantile') return [];
  const selection = onlySelector(aggregation.of);
  const found = selection === null ? null : familyOf(selection.selector, context);
  if (found === null || found.family.type !== 'histogram') return [];
  const { family } = found;
  return [
    {
      rule: 'quantile-over-series',
      at: { from: aggregation.from, to: aggregation.to },
      severity: 'warning',
      message: `quantile() is over the engines' series of ${found.series}, not over requests`,
      remedy: `histogram_quantile(…, sum by (le) (rate(${family.name}_bucket[5m])))`,
    },
  ];
}
