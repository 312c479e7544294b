/** Names: those that no version has, that one had once, that want a flag, that lack or have a suffix. */
import type { CatalogueFamily } from '../../shared/metric-catalogue/metric-catalogue.ts';
import type { Edit } from '../finding.ts';
import { type Draft, type Placed, type RuleContext, versionOf } from './draft.ts';
import { type LabelName, type Selector, walk } from './expression.ts';
import { featuresOf } from './features.ts';
import { type NameVerdict, verdictOf } from './name-verdict.ts';

const LOGGERS = 'vllm/v1/metrics/loggers.py';

export function nameRules(context: RuleContext): readonly Draft[] {
  return context.expressions.flatMap((placed) => {
    const { expression } = placed;
    if (expression.kind !== 'selector') return [];
    const verdict = context.facts.verdict(expression);
    if (verdict === null || expression.name === null) return patternDraft(expression, context);
    const draft = nameDraft(expression.name, verdict, context, placed);
    if (draft === null) return [];
    const fallback = fallbackOf(placed, context);
    if (fallback === 'vllm') return [];
    return [
      fallback === 'other' && draft.severity === 'empties'
        ? { ...draft, message: `${draft.message}; what is behind or stands in for it` }
        : draft,
    ];
  });
}

/**
 * What an `or` around it shows instead: another name of vLLM's, for other versions or flags, which is as it is meant, or
 * something else, which hides that nothing comes. Null: nothing stands in.
 */
function fallbackOf(
  { expression, around }: Placed,
  { facts }: RuleContext,
): 'vllm' | 'other' | null {
  const chain = [...around, expression];
  for (const [index, outer] of around.entries()) {
    if (outer.kind !== 'binary' || outer.op !== 'or') continue;
    const other = chain[index + 1] === outer.left ? outer.right : outer.left;
    if (facts.of(other).isEmpty) continue;
    const isOwn = [...walk(other)].some((inner) => facts.of(inner).family !== null);
    return isOwn ? 'vllm' : 'other';
  }
  return null;
}

/** Of one name, wherever it stands; null: nothing is wrong with it. */
export function nameDraft(
  name: LabelName,
  verdict: NameVerdict,
  context: RuleContext,
  placed: Placed | null,
): Draft | null {
  const { catalogue } = context.facts.against;
  const version = versionOf(context);
  const empties = { at: { from: name.from, to: name.to }, severity: 'empties' } as const;
  switch (verdict.kind) {
    case 'exposed':
    case 'foreign':
      return null;
    case 'needs-feature':
      return { ...empties, ...featureWords(name.text, verdict.family, version) };
    case 'counter-without-total': {
      const exposed = `${name.text}_total`;
      return {
        ...empties,
        rule: 'counter-without-total',
        message: `${version} has no series ${name.text}: it is a counter's name in ${LOGGERS}, and prometheus_client writes counters with _total`,
        remedy: `write ${exposed}`,
        fix: replaced(name, exposed),
      };
    }
    case 'histogram-without-suffix':
      return { ...empties, ...histogramWords(name, verdict.family, version, placed) };
    case 'no-such-suffix':
      return { ...empties, ...suffixWords(name, verdict.family, verdict.suffix, version) };
    case 'removed': {
      const { rename, suffix } = verdict;
      const words = {
        rule: 'metric-removed',
        message: `${version} has no ${name.text}: ${rename.lastVersionWithOld} is the last version that was read with it, and ${rename.goneIn} has it no more (${rename.note}; ${rename.source})`,
      } as const;
      const exposed = seriesInstead(rename.new[0] ?? '', suffix, catalogue.families);
      const isSame = /^(?:renamed|duplicate|Info)/.test(rename.note);
      if (isSame && exposed !== null)
        return { ...empties, ...words, remedy: `write ${exposed}`, fix: replaced(name, exposed) };
      return { ...empties, ...words, remedy: insteadWords(rename.new, catalogue.families) };
    }
    case 'not-yet':
      return {
        ...empties,
        rule: 'metric-not-yet',
        message: `${version} has no ${name.text} yet: ${verdict.since} is the first version that is known with it`,
        remedy: `have at least vLLM ${verdict.since}, or leave it out`,
      };
    case 'underscore':
      return { ...empties, ...underscoreWords(name, verdict.name, context, placed) };
    case 'other-exporter':
      return {
        ...empties,
        severity: 'warning',
        rule: 'other-exporter',
        message: `${name.text} is of ${verdict.exporter.program}, not of vLLM (${verdict.exporter.source})`,
        remedy: 'scrape that program too; where it does not run, the query returns nothing',
      };
    case 'not-recorded':
      return {
        ...empties,
        severity: 'warning',
        rule: 'not-recorded',
        message: `${name.text} is no name of ${version}: it has the form of what a recording rule makes, and no file that was read has that rule`,
        remedy:
          'lint the file of the rule too; where Prometheus has no such rule, the query returns nothing',
      };
    case 'recorded-from-nothing':
      return {
        ...empties,
        rule: 'recorded-from-nothing',
        message: `the rule that records ${name.text} returns nothing from ${version}, so nothing is recorded`,
        remedy: 'mend the rule that records it',
      };
    case 'unknown':
      return {
        ...empties,
        rule: 'unknown-metric',
        message: `${name.text} is no name of ${version}, nor of any version of vLLM or program around it that is known`,
        remedy:
          verdict.nearest === null
            ? 'see docs/reference/metrics.md for the names'
            : `did you mean ${verdict.nearest}?`,
      };
  }
}

function replaced({ from, to }: LabelName, insert: string): readonly Edit[] {
  return [{ from, to, insert }];
}

/** With the colon it may still be an older name, or lack its suffix: then that is mended with it. */
function underscoreWords(
  name: LabelName,
  colon: string,
  context: RuleContext,
  placed: Placed | null,
): Pick<Draft, 'rule' | 'message' | 'remedy' | 'fix'> {
  const { catalogue, features } = context.facts.against;
  const next = nameDraft(
    { ...name, text: colon },
    verdictOf(colon, catalogue, features),
    context,
    placed,
  );
  const message = `${versionOf(context)} has no ${name.text}: its names begin with vllm: and Prometheus keeps the colon`;
  const words = { rule: 'underscore-for-colon', message } as const;
  if (next === null) return { ...words, remedy: `write ${colon}`, fix: replaced(name, colon) };
  return {
    ...words,
    message: `${message}; and ${next.message}`,
    remedy: next.remedy,
    fix: next.fix ?? replaced(name, colon),
  };
}

function featureWords(
  name: string,
  { needs, type }: CatalogueFamily,
  version: string,
): Pick<Draft, 'rule' | 'message' | 'remedy'> {
  const features = [...new Set(needs.map((need) => featuresOf(need).join(',')))];
  return {
    rule: 'needs-feature',
    message: `${version} has the ${type} ${name} only with ${needs.join(', or ')}`,
    remedy: `where that is on, say so: --with ${features.join(' or ')}`,
  };
}

function histogramWords(
  name: LabelName,
  family: CatalogueFamily,
  version: string,
  placed: Placed | null,
): Pick<Draft, 'rule' | 'message' | 'remedy' | 'fix'> {
  const series = family.samples.filter((sample) => !sample.endsWith('_created'));
  const words = {
    rule: 'histogram-without-suffix',
    message: `${version} has no series ${name.text}: a ${family.type} is written as ${series.join(', ')}`,
  } as const;
  const isQuantile = placed?.around.some(
    (outer) => outer.kind === 'call' && outer.function === 'histogram_quantile',
  );
  const bucket = `${name.text}_bucket`;
  return isQuantile === true && series.includes(bucket)
    ? { ...words, remedy: `write ${bucket}`, fix: replaced(name, bucket) }
    : { ...words, remedy: `write one of ${series.join(', ')}` };
}

function suffixWords(
  name: LabelName,
  family: CatalogueFamily,
  suffix: string,
  version: string,
): Pick<Draft, 'rule' | 'message' | 'remedy' | 'fix'> {
  const series = family.samples.filter((sample) => !sample.endsWith('_created'));
  const words = {
    rule: 'no-such-suffix',
    message: `${version} has no series ${name.text}: ${family.name} is a ${family.type}, which has no ${suffix}`,
  } as const;
  const [only] = series;
  const isDoubled = only !== undefined && name.text === `${only}${suffix}`;
  return series.length === 1 && only !== undefined && (suffix === '_total' || isDoubled)
    ? { ...words, remedy: `write ${only}`, fix: replaced(name, only) }
    : { ...words, remedy: `write ${series.join(' or ')}` };
}

/** The series of a family with the suffix that the old one had; null: it has none such. */
function seriesInstead(
  name: string,
  suffix: string,
  families: readonly CatalogueFamily[],
): string | null {
  const family = families.find((candidate) => candidate.name === name);
  if (family === undefined) return null;
  const wanted = family.type === 'counter' && suffix === '' ? '_total' : suffix;
  return family.samples.find((sample) => sample === `${name}${wanted}`) ?? null;
}

function insteadWords(names: readonly string[], families: readonly CatalogueFamily[]): string {
  if (names.length === 0) return 'leave it out: nothing tells it any more';
  const series = names.map((name) => {
    const family = families.find((candidate) => candidate.name === name);
    return family?.type === 'counter' ? `rate(${name}_total[5m])` : name;
  });
  return `see ${series.join(', ')}: none says just the same, so the query has to be written anew`;
}

/** A pattern for names that fits none. */
function patternDraft(selector: Selector, context: RuleContext): readonly Draft[] {
  const named = selector.matchers.find(({ label }) => label.text === '__name__');
  if (named === undefined || !context.facts.of(selector).isEmpty) return [];
  return [
    {
      rule: 'unknown-metric',
      at: named.valueAt,
      severity: 'empties',
      message: `no name of ${versionOf(context)} fits ${named.value}`,
      remedy: 'see docs/reference/metrics.md for the names',
    },
  ];
}
