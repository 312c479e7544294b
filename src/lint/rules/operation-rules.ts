/** Operations whose sides never meet, comparisons that never hold, quantiles of what are no buckets. */
import { lacksBuckets } from './call-facts.ts';
import { type Draft, type RuleContext, versionOf } from './draft.ts';
import type { Binary, Expression, FunctionCall, Place } from './expression.ts';
import { walk } from './expression.ts';
import type { Facts } from './facts.ts';
import { compared, type Interval, isZero } from './interval.ts';
import { type Ambiguity, isComparison, isKeyOf, isSetOperation } from './query-facts.ts';

export function operationRules(context: RuleContext): readonly Draft[] {
  return context.expressions.flatMap(({ expression, around }) => {
    // Of other programs' metrics there is nothing that vLLM decides.
    if (!isOfVllm(expression, context)) return [];
    if (expression.kind === 'binary')
      return [
        ...matchingDrafts(expression, context),
        ...comparisonDrafts(expression, context, around),
      ];
    if (expression.kind === 'call' && expression.function === 'histogram_quantile')
      return quantileDrafts(expression, context);
    return [];
  });
}

function isOfVllm(expression: Expression, { facts }: RuleContext): boolean {
  return [...walk(expression)].some((inner) => facts.of(inner).family !== null);
}

function matchingDrafts(binary: Binary, context: RuleContext): readonly Draft[] {
  const left = context.facts.of(binary.left);
  const right = context.facts.of(binary.right);
  if (left.isScalar || right.isScalar) return [];
  const mismatch = context.facts.mismatch(binary);
  // What is empty already has its own finding; that `le` is on one side alone stays, however its value is mended.
  if ((left.isEmpty || right.isEmpty) && mismatch?.label !== 'le') return [];
  if (mismatch !== null) {
    const { label, only } = mismatch;
    const why =
      only === null
        ? `${label} is "${left.labels.present.get(label)}" on the left and "${right.labels.present.get(label)}" on the right`
        : `series on the ${only} have the label ${label}, and those on the other side have not`;
    const isHarmless = binary.op === 'unless';
    return [
      {
        rule: 'never-matches',
        at: binary.opAt,
        severity: isHarmless ? 'warning' : 'empties',
        message: `no series of the two sides of ${binary.op} match: ${why}`,
        remedy: matchingRemedy(binary, label),
      },
    ];
  }
  const ambiguity = context.facts.ambiguity(binary);
  if (ambiguity !== null) return [ambiguityDraft(binary, ambiguity)];
  return enginesDrafts(binary, context);
}

function matchingRemedy({ matching }: Binary, label: string): string {
  if (matching?.isOn === true) return `leave ${label} out of on()`;
  return `aggregate both sides by the same labels, or say on (…) or ignoring (${label}) with labels that both have`;
}

function ambiguityDraft(binary: Binary, { side, label }: Ambiguity): Draft {
  return {
    rule: 'ambiguous-join',
    at: binary.opAt,
    severity: 'empties',
    message: `the ${side} side of ${binary.op} has a series for each ${label}, and the operation takes one of them: Prometheus answers with an error`,
    remedy: `aggregate that side over ${label} first`,
  };
}

/** With a second engine a side has several series for what the operation takes for one. */
function enginesDrafts(binary: Binary, context: RuleContext): readonly Draft[] {
  const { matching, op } = binary;
  if (matching === null || isSetOperation(op) || isKeyOf(binary)('engine')) return [];
  const side = (['right', 'left'] as const).find((candidate) => {
    const { present } = context.facts.of(binary[candidate]).labels;
    return matching.many !== candidate && present.get('engine') === null;
  });
  if (side === undefined) return [];
  return [
    {
      rule: 'join-over-engines',
      at: binary.opAt,
      severity: 'warning',
      message: `with --data-parallel-size above 1 the ${side} side of ${op} has a series for each engine, and the operation takes one of them: Prometheus then answers with an error (${versionOf(context)} labels every engine's series with engine)`,
      remedy:
        matching.many === null
          ? 'match on engine too'
          : 'match on engine too, or aggregate that side over engine first',
    },
  ];
}

function comparisonDrafts(
  binary: Binary,
  context: RuleContext,
  around: readonly Expression[],
): readonly Draft[] {
  if (!isComparison(binary.op) || binary.isBool) return [];
  const left = context.facts.of(binary.left);
  const right = context.facts.of(binary.right);
  if (left.isEmpty || right.isEmpty) return [];
  const outcome = compared(binary.op, left.values, right.values);
  const place: Place = { from: binary.from, to: binary.to };
  const [shown, bound] = left.isScalar ? [right, left] : [left, right];
  if (outcome === 'never')
    return [
      {
        rule: 'never-true',
        at: place,
        severity: 'empties',
        message: `this never holds: ${valueReason(shown, binary, context)}`,
        remedy: [binary.left, binary.right].some(isCount)
          ? 'ask absent(…), or give what stands for nothing: count(…) or vector(0)'
          : comparisonRemedy(shown.values, bound.values),
      },
    ];
  // A threshold beyond what there can be: of nothing, that is said of 0 alone, which many queries compare with for show.
  const isAlert = context.kind === 'alert' && around.length === 0;
  const isBeyond = Number.isFinite(shown.values.high) && bound.values.low > shown.values.high;
  if (outcome !== 'always' || !isAlert || !isBeyond) return [];
  return [
    {
      rule: 'always-true',
      at: place,
      severity: 'warning',
      message: `this always holds: ${valueReason(shown, binary, context)}`,
      remedy: comparisonRemedy(shown.values, bound.values),
    },
  ];
}

function valueReason({ values, family }: Facts, binary: Binary, context: RuleContext): string {
  const name = family?.name ?? 'the left side';
  if (isZero(values) && family?.note !== null && family?.note !== undefined)
    return `${name} stays 0 in ${versionOf(context)} (${family.note})`;
  const counted = [binary.left, binary.right].find(isCount);
  if (counted !== undefined) return 'count() of nothing is nothing, never 0';
  const isQuantile = [...walk(binary)].some(
    (inner) => inner.kind === 'call' && inner.function === 'histogram_quantile',
  );
  if (isQuantile)
    return `a quantile is never above the last bound of ${name}, which is ${values.high} (vllm/v1/metrics/buckets.py)`;
  const fraction =
    family?.name.endsWith('_perc') === true ? ', a fraction of 1 by its help text' : '';
  return `${name} comes to ${wordsOf(values)} here${fraction}`;
}

function isCount(expression: Expression): boolean {
  return expression.kind === 'aggregation' && expression.op === 'count';
}

function wordsOf({ low, high }: Interval): string {
  if (low === high) return String(low);
  if (high === Infinity) return `${low} or more`;
  if (low === -Infinity) return `${high} or less`;
  return `between ${low} and ${high}`;
}

function comparisonRemedy(values: Interval, bound: Interval): string {
  const hundredth = bound.low / 100;
  if (values.high === 1 && hundredth > 0 && hundredth <= 1)
    return `write ${hundredth} for ${bound.low}`;
  if (isZero(values)) return 'start vLLM with --enable-mfu-metrics, and say --with mfu-metrics';
  return 'compare with a value that there can be';
}

function quantileDrafts(call: FunctionCall, context: RuleContext): readonly Draft[] {
  const of = call.args[1];
  if (of === undefined) return [];
  const facts = context.facts.of(of);
  if (facts.isEmpty || facts.isScalar || !lacksBuckets(facts)) return [];
  const { family } = facts;
  const aggregation = [...walk(of)].find(({ kind }) => kind === 'aggregation');
  const isGrouping = family?.type === 'histogram' && aggregation !== undefined;
  return [
    {
      rule: 'quantile-without-le',
      at: { from: of.from, to: of.to },
      severity: 'empties',
      message:
        family !== null && family.type !== 'histogram'
          ? `${family.name} is a ${family.type}: it has no buckets, and histogram_quantile leaves out what has no le`
          : 'histogram_quantile leaves out what has no label le, and nothing here has one',
      remedy: isGrouping
        ? 'keep le: sum by (le) (rate(…_bucket[…]))'
        : family?.type === 'histogram'
          ? `take the rate of ${family.name}_bucket`
          : 'histogram_quantile is for histograms; quantile_over_time() is for gauges',
    },
  ];
}
