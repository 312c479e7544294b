/** Labels in selectors: those that a family has not, and values that none of its series has. */
import type { CatalogueFamily } from '../../shared/metric-catalogue/metric-catalogue.ts';
import type { Edit } from '../finding.ts';
import { type Draft, type RuleContext, versionOf } from './draft.ts';
import type { LabelName, Matcher, Selector } from './expression.ts';
import { CACHE_CONFIG_INFO, labelsOf, type WrongLabel, wrongLabel } from './label-names.ts';
import { isNegative, matches, matchesAbsence } from './matcher.ts';
import { valueDraft } from './value-rules.ts';

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
  const isRenamed = wrong.instead === 'finished_reason';
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
  const where = series.startsWith('http_') ? INSTRUMENTATOR : LOGGERS;
  const has = own.length === 0 ? where : `its labels are ${own.join(', ')}: ${where}`;
  const sibling = wrong.siblings.map((name) => `${name} has it`).join(', ');
  return {
    rule: 'unknown-label',
    message: `${version} puts no label ${label.text} on ${series} (${has})`,
    remedy:
      wrong.instead !== null
        ? `write ${wrong.instead}`
        : sibling !== ''
          ? sibling
          : `leave ${label.text} out`,
  };
}

const LOGGERS = 'vllm/v1/metrics/loggers.py';
const INSTRUMENTATOR = 'vllm/entrypoints/serve/instrumentator/metrics.py';

/** More labels than these are no help in a sentence. */
const MOST_SHOWN = 8;
