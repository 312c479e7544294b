/** Labels in selectors: those that a family has not, and values that none of its series has. */
import type { CatalogueFamily } from '../../shared/metric-catalogue/metric-catalogue.ts';
import type { Edit } from '../finding.ts';
import { type Draft, type RuleContext, versionOf } from './draft.ts';
import type { LabelName, Matcher, Selector } from './expression.ts';
import { CACHE_CONFIG_INFO, labelsOf, type WrongLabel, wrongLabel } from './label-names.ts';
import { type KnownValues, valuesOf, writtenBound } from './label-values.ts';
import { isNegative, matches, matchesAbsence } from './matcher.ts';

export function labelRules(context: RuleContext): readonly Draft[] {
  return context.expressions.flatMap(({ expression }) =>
    expression.kind === 'selector' ? selectorDrafts(expression, context) : [],
  );
}

function selectorDrafts(selector: Selector, context: RuleContext): readonly Draft[] {
  const verdict = context.facts.verdict(selector);
  if (selector.name === null || (verdict?.kind !== 'exposed' && verdict?.kind !== 'needs-feature'))
    return [];
  const { family } = verdict;
  const series = selector.name.text;
  return selector.matchers.flatMap((matcher) => {
    if (matcher.label.isVariable || matcher.label.text === '__name__') return [];
    const isOwn = labelsOf(family, series).includes(matcher.label.text);
    if (isOwn && matcher.isVariable) return [];
    const draft = isOwn
      ? valueDraft(matcher, family, series, context)
      : labelDraft(matcher, family, series, context);
    return draft === null ? [] : [draft];
  });
}

function labelDraft(
  matcher: Matcher,
  family: CatalogueFamily,
  series: string,
  context: RuleContext,
): Draft | null {
  const value = isNegative(matcher) ? null : matcher.value;
  const { catalogue } = context.facts.against;
  const wrong = wrongLabel(matcher.label.text, family, series, catalogue, value);
  if (wrong === null) return null;
  const words = wrongLabelWords(matcher.label, wrong, family, series, context);
  const { from, to } = matcher.label;
  const isRenamed = wrong.instead === 'finished_reason' && matcher.label.text !== 'finished';
  const fix: readonly Edit[] | null = isRenamed ? [{ from, to, insert: 'finished_reason' }] : null;
  if (!matchesAbsence(matcher))
    return { ...words, at: matcher, severity: 'empties', ...(fix === null ? {} : { fix }) };
  // `label=~".*"` and `label=""` choose what is there without it.
  if (matcher.isVariable || !isNegative(matcher) || matches(matcher, 'x') === null) return null;
  return {
    ...words,
    at: matcher,
    severity: 'warning',
    message: `${words.message}, so this keeps every series`,
    ...(fix === null ? {} : { fix }),
  };
}

/** What is said of a label that a family has not, wherever it stands. */
export function wrongLabelWords(
  label: LabelName,
  wrong: WrongLabel,
  family: CatalogueFamily,
  series: string,
  context: RuleContext,
): Pick<Draft, 'rule' | 'message' | 'remedy'> {
  const version = versionOf(context);
  if (family.name === CACHE_CONFIG_INFO && wrong.versions.length > 0)
    return {
      rule: 'cache-config-label',
      message: `${version} has no label ${label.text} on ${series}; of the versions that are known ${wrong.versions.join(', ')} have it (vllm/config/cache.py CacheConfig: each field is a label)`,
      remedy: 'leave it out, or have one of those versions',
    };
  const own = family.labels.length > MOST_SHOWN ? [] : labelsOf(family, series);
  const has = own.length === 0 ? '' : ` (its labels are ${own.join(', ')})`;
  const sibling = wrong.siblings.map((name) => `${name} has it`).join(', ');
  return {
    rule: 'unknown-label',
    message: `${version} puts no label ${label.text} on ${series}${has}`,
    remedy:
      wrong.instead !== null
        ? `write ${wrong.instead}`
        : sibling !== ''
          ? sibling
          : `leave ${label.text} out`,
  };
}

/** More labels than these are no help in a sentence. */
const MOST_SHOWN = 8;

function valueDraft(
  matcher: Matcher,
  family: CatalogueFamily,
  series: string,
  context: RuleContext,
): Draft | null {
  const known = valuesOf(matcher.label.text, family, series, context.facts.against);
  if (known === null) return null;
  const fits = fitting(matcher, known);
  if (fits === 'some') return null;
  const label = matcher.label.text;
  const words = {
    rule: 'label-value',
    at: matcher.valueAt,
    message: `${versionOf(context)} never writes ${label}="${matcher.value}" on ${series}: ${valueWords(label, known)}`,
  } as const;
  if (fits === 'all')
    return {
      ...words,
      severity: 'warning',
      message: `${words.message}, so this keeps every series`,
      remedy: `leave it out, or name a value that there is`,
    };
  const bound = label === 'le' && matcher.op === '=' ? boundInstead(matcher.value, known) : null;
  if (bound === null)
    return { ...words, severity: 'empties', remedy: `name a value that there is` };
  const { from, to } = matcher.valueAt;
  return {
    ...words,
    severity: 'empties',
    message: `${words.message} (vLLM's Python frontend; its Rust one writes bounds as Rust does)`,
    remedy: `write le="${bound}"`,
    fix: [{ from: from + 1, to: to - 1, insert: bound }],
  };
}

/** Which of the values a matcher lets through. `all`: a negative one that excludes nothing. */
function fitting(matcher: Matcher, known: KnownValues): 'none' | 'some' | 'all' {
  if (known.kind === 'form') {
    if (known.isOne(matcher.value)) return 'some';
    return matcher.op === '='
      ? 'none'
      : matcher.op === '!=' && matcher.value !== ''
        ? 'all'
        : 'some';
  }
  const passing = known.values.filter((value) => matches(matcher, value) !== false);
  if (passing.length === 0) return 'none';
  const isIdle = isNegative(matcher) && passing.length === known.values.length;
  return isIdle && matcher.value !== '' ? 'all' : 'some';
}

function valueWords(label: string, known: KnownValues): string {
  if (known.kind === 'form') return `it is ${known.words}`;
  return `${label} is one of ${known.values.join(', ')}`;
}

/** The bound of the same number. */
function boundInstead(value: string, known: KnownValues): string | null {
  const number = value.trim() === '' ? Number.NaN : Number(value.replace(/^\+?Inf$/i, 'Infinity'));
  if (Number.isNaN(number)) return null;
  const written = writtenBound(number);
  const isThere = known.kind === 'closed' ? known.values.includes(written) : known.isOne(written);
  return isThere && written !== value ? written : null;
}
