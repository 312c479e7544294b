/** What more than one engine makes wrong, and labels that an aggregation or a join names in vain. */
import { type Draft, type Placed, type RuleContext, versionOf } from './draft.ts';
import type { Aggregation, Binary, Expression, LabelName } from './expression.ts';
import { walk } from './expression.ts';
import type { Facts } from './facts.ts';
import { CACHE_CONFIG_INFO, wrongLabel } from './label-names.ts';
import { wrongLabelWords } from './label-rules.ts';
import { type LabelSet, mayHave } from './label-set.ts';
import { groupedLabels, isComparison } from './query-facts.ts';

export function engineRules(context: RuleContext): readonly Draft[] {
  return [
    ...wholeQueryDrafts(context),
    ...context.expressions.flatMap(({ expression, around }) => {
      if (expression.kind === 'aggregation')
        return [
          ...aggregationDrafts(expression, context, around),
          ...groupingDrafts(expression, context),
        ];
      return expression.kind === 'binary' ? joinDrafts(expression, context) : [];
    }),
    ...capacityDrafts(context),
  ];
}

/** Gauges that say how many: of several engines they add up. */
const COUNTS: ReadonlySet<string> = new Set([
  'vllm:num_requests_running',
  'vllm:num_requests_waiting',
  'vllm:num_requests_waiting_by_reason',
  'vllm:num_requests_kv_fetch_by_stage',
]);

const AGGREGATED = 'aggregate: sum(…) of counts and rates, max(…) or avg(…) of fractions';

/** `{engine="$engine"}`: who looks says which. */
const choosesEngine = (root: Expression): boolean =>
  [...walk(root)].some(
    (inner) =>
      inner.kind === 'selector' && inner.matchers.some(({ label }) => label.text === 'engine'),
  );

const isPerEngine = ({ present }: LabelSet): boolean =>
  present.has('engine') && present.get('engine') === null;

function wholeQueryDrafts(context: RuleContext): readonly Draft[] {
  const { root, kind, wantsOneValue } = context;
  const facts = context.facts.of(root);
  const at = { from: root.from, to: root.to };
  if (facts.isEmpty || facts.isScalar || !isPerEngine(facts.labels)) return [];
  if (kind === 'scaledobject')
    return [
      {
        rule: 'per-engine-value',
        at,
        severity: 'warning',
        message: `KEDA takes one value, and this has a series for each engine and each pod: with more than one, its scaler ends with "multiple elements" (kedacore/keda pkg/scalers/prometheus_scaler.go)`,
        remedy: AGGREGATED,
      },
    ];
  // What says what a server is, and not how much there is, is read by its labels.
  const isInfo = facts.family?.name.endsWith('_info') === true;
  if (wantsOneValue && !isInfo && !choosesEngine(root))
    return [
      {
        rule: 'per-engine-value',
        at,
        severity: 'warning',
        message:
          "the panel shows one figure, and this has a series for each engine and each pod: with more than one it shows each one's part, not what the server has",
        remedy: AGGREGATED,
      },
    ];
  if (kind !== 'alert' || root.kind !== 'binary' || !isComparison(root.op)) return [];
  const { left } = root;
  if (left.kind !== 'selector' || !COUNTS.has(left.name?.text ?? '')) return [];
  return [
    {
      rule: 'per-engine-value',
      at,
      severity: 'warning',
      message: `with --data-parallel-size above 1 this compares each engine's part of ${left.name?.text}, not what its server has`,
      remedy: `sum without (engine) (…) for the server's, or give a threshold that is meant for one engine`,
    },
  ];
}

function aggregationDrafts(
  { op, grouping, of, from, to }: Aggregation,
  context: RuleContext,
  around: readonly Expression[],
): readonly Draft[] {
  if (of.kind !== 'selector') return [];
  const facts = context.facts.of(of);
  const { family } = facts;
  if (family === null || facts.isEmpty || !isPerEngine(facts.labels)) return [];
  if (mayHave(groupedLabels(facts.labels, grouping), 'engine')) return [];
  if (op === 'avg' && COUNTS.has(family.name))
    return [
      {
        rule: 'average-over-engines',
        at: { from, to },
        severity: 'warning',
        message: `${family.name} is each engine's own: with --data-parallel-size 2 the average is half of what its server has`,
        remedy: 'take sum, or avg of sum without (engine) (…) for an average over servers',
      },
    ];
  if (op !== 'sum' || !family.name.endsWith('_perc') || isDivided(around)) return [];
  return [
    {
      rule: 'sum-of-fractions',
      at: { from, to },
      severity: 'warning',
      message: `${family.name} is a fraction of each engine's own cache: with two engines the sum goes up to 2`,
      remedy: 'take avg or max',
    },
  ];
}

const isDivided = (around: readonly Expression[]): boolean =>
  around.some((outer) => outer.kind === 'binary' && outer.op === '/');

/** `by (engine_id)`: all series fall into one. */
function groupingDrafts({ grouping, of }: Aggregation, context: RuleContext): readonly Draft[] {
  if (grouping === null || !grouping.isBy) return [];
  return grouping.labels.flatMap((label) => namedDraft(label, of, context));
}

function joinDrafts({ matching, left, right }: Binary, context: RuleContext): readonly Draft[] {
  if (matching === null) return [];
  const one = matching.many === 'left' ? right : left;
  const included = matching.included.flatMap((label) => namedDraft(label, one, context));
  if (!matching.isOn) return included;
  // What one side alone lacks keeps the sides apart, which is said where they are compared.
  const on = matching.labels.flatMap((label) => {
    const isLacking = [left, right].every(
      (side) => !mayHave(context.facts.of(side).labels, label.text),
    );
    return isLacking ? namedDraft(label, left, context) : [];
  });
  return [...included, ...on];
}

/** A label that an operation names, and what it is applied to has not. */
function namedDraft(label: LabelName, of: Expression, context: RuleContext): readonly Draft[] {
  const facts = context.facts.of(of);
  if (label.isVariable || facts.isEmpty || facts.isScalar) return [];
  if (mayHave(facts.labels, label.text)) return [];
  const named = seriesIn(of, context);
  if (named === null) return [];
  const { family, series } = named;
  const wrong = wrongLabel(label.text, family, series, context.facts.against.catalogue, null);
  if (wrong === null) return [];
  const words = wrongLabelWords(label, wrong, family, series, context);
  const isInfo = words.rule === 'cache-config-label';
  return [
    {
      ...words,
      rule: isInfo ? words.rule : 'unknown-grouping-label',
      at: { from: label.from, to: label.to },
      severity: 'warning',
      message: `${words.message}, so nothing is told apart by it`,
    },
  ];
}

/** The one family of an expression. */
function seriesIn(
  of: Expression,
  { facts }: RuleContext,
): { readonly family: NonNullable<Facts['family']>; readonly series: string } | null {
  for (const inner of walk(of)) {
    if (inner.kind !== 'selector' || inner.name === null) continue;
    const { family } = facts.of(inner);
    if (family !== null) return { family, series: inner.name.text };
  }
  return null;
}

const BLOCK_LABELS = ['num_gpu_blocks', 'block_size'] as const;

/** Blocks times their size as tokens, of the labels of vllm:cache_config_info. */
function capacityDrafts(context: RuleContext): readonly Draft[] {
  const info = context.expressions.find(
    ({ expression }) =>
      expression.kind === 'selector' && expression.name?.text === CACHE_CONFIG_INFO,
  );
  if (info === undefined) return [];
  const used = new Set(context.expressions.flatMap(labelsUsed));
  if (!BLOCK_LABELS.every((label) => used.has(label))) return [];
  const { catalogue } = context.facts.against;
  const hasTokens = catalogue.cacheConfigInfoLabels.includes('kv_cache_size_tokens');
  return [
    {
      rule: 'capacity-from-blocks',
      at: info.expression,
      severity: 'warning',
      message: `num_gpu_blocks times block_size is not what the KV cache of ${versionOf(context)} holds where a model has layers of several kinds, whose blocks share the pool (vllm/v1/core/kv_cache_utils.py get_max_concurrency_for_kv_cache_config)`,
      remedy: hasTokens
        ? 'take the label kv_cache_size_tokens'
        : 'have vLLM 0.24.0 or later, whose label kv_cache_size_tokens says it',
    },
  ];
}

/** Labels whose values a query wants, where it wants any. */
function labelsUsed({ expression }: Placed): readonly string[] {
  if (expression.kind === 'aggregation' && expression.grouping?.isBy === true)
    return expression.grouping.labels.map(({ text }) => text);
  if (expression.kind === 'binary')
    return expression.matching?.included.map(({ text }) => text) ?? [];
  if (expression.kind === 'call' && expression.function.startsWith('label_'))
    return expression.args.flatMap((arg) => (arg.kind === 'string' ? [arg.value] : []));
  return [];
}
