/** What is certain of the series that a selector chooses. */
import type { CatalogueFamily } from '../../shared/metric-catalogue/metric-catalogue.ts';
import type { Matcher, Selector } from './expression.ts';
import { type Against, type Facts, UNKNOWN } from './facts.ts';
import { isMet } from './features.ts';
import { exactly, FRACTION, type Interval, NOT_NEGATIVE, ZERO } from './interval.ts';
import { absentLabels, labelsOf, SCRAPE_LABELS, wrongLabel } from './label-names.ts';
import { ANY_LABELS, droppedLabels, type LabelSet } from './label-set.ts';
import { valuesOf } from './label-values.ts';
import { isNegative, matchesAbsence, matching } from './matcher.ts';
import type { NameVerdict } from './name-verdict.ts';
import { mayFitOthers } from './other-exporters.ts';

const EMPTY_NAMES: ReadonlySet<string> = new Set([
  'needs-feature',
  'counter-without-total',
  'histogram-without-suffix',
  'no-such-suffix',
  'removed',
  'not-yet',
  'underscore',
  'unknown',
  'recorded-from-nothing',
]);

/** A name that the version has no series of; one of another program may have some. */
export function isEmptyName(verdict: NameVerdict): boolean {
  return EMPTY_NAMES.has(verdict.kind);
}

export function selectorFacts(
  selector: Selector,
  verdict: NameVerdict | null,
  against: Against,
): Facts {
  const { name, matchers } = selector;
  if (verdict === null || name === null)
    return { ...UNKNOWN, isEmpty: isEmptyPattern(selector, against) };
  const isEmpty = isEmptyName(verdict);
  if (verdict.kind !== 'exposed' && verdict.kind !== 'needs-feature')
    return { ...UNKNOWN, isEmpty, labels: fixed(ANY_LABELS, matchers) };
  const { family } = verdict;
  return {
    isEmpty: isEmpty || matchers.some((matcher) => isDead(matcher, family, name.text, against)),
    isScalar: false,
    labels: seriesLabels(family, name.text, matchers),
    values: valuesOfSeries(family, name.text, against),
    family,
  };
}

/** Whether a matcher lets none of the family's series through. */
export function isDead(
  matcher: Matcher,
  family: CatalogueFamily,
  series: string,
  against: Against,
): boolean {
  const { label, isVariable } = matcher;
  if (label.isVariable || label.text === '__name__') return false;
  if (!labelsOf(family, series).includes(label.text)) {
    const value = isNegative(matcher) ? null : matcher.value;
    const wrong = wrongLabel(label.text, family, series, against.catalogue, value);
    return wrong !== null && !matchesAbsence(matcher);
  }
  if (isVariable) return false;
  const known = valuesOf(label.text, family, series, against);
  if (known === null) return false;
  const passes = matching(matcher);
  return known.kind === 'closed'
    ? known.values.every((candidate) => passes(candidate) === false)
    : matcher.op === '=' && !known.isOne(matcher.value);
}

function seriesLabels(
  family: CatalogueFamily,
  series: string,
  matchers: readonly Matcher[],
): LabelSet {
  const labels = labelsOf(family, series);
  const several = Object.entries(family.labelValues)
    .filter(([, values]) => values.length > 1 && !family.isOutsideStatLogger)
    .map(([label]) => label);
  // Lists of adapters, which are empty as long as none is asked for.
  const maybe = labels.filter((label) => label.endsWith('_lora_adapters'));
  const certain = labels.filter((label) => !maybe.includes(label));
  const own: LabelSet = {
    present: new Map([...SCRAPE_LABELS, ...certain].map((label) => [label, null])),
    several: new Set(labels.includes('le') ? [...several, 'le'] : several),
    maybe: new Set(maybe),
    absent: absentLabels(family, series),
    isClosed: false,
  };
  return fixed(own, matchers);
}

/** A label that is matched with one value has that one. */
function fixed(labels: LabelSet, matchers: readonly Matcher[]): LabelSet {
  let result = labels;
  for (const { op, label, value, isVariable } of matchers) {
    if (isVariable || label.text === '__name__' || labels.absent.has(label.text)) continue;
    if (op !== '=' && op !== '=~') continue;
    const several = new Set([...result.several].filter((name) => name !== label.text));
    result = { ...result, several };
    if (op !== '=') continue;
    if (value === '') result = droppedLabels(result, [label.text]);
    else result = { ...result, present: new Map([...result.present, [label.text, value]]) };
  }
  return result;
}

function valuesOfSeries(family: CatalogueFamily, series: string, { features }: Against): Interval {
  const { name, type, note } = family;
  if (series.endsWith('_created') && type !== 'gauge') return NOT_NEGATIVE;
  // Registered always, and nothing is counted without the flag.
  if (note?.includes('--enable-mfu-metrics') === true)
    return features.has('mfu-metrics') ? NOT_NEGATIVE : ZERO;
  if (type !== 'gauge') return NOT_NEGATIVE;
  if (name === 'vllm:lora_requests_info') return NOT_NEGATIVE;
  if (name.endsWith('_info')) return exactly(1);
  if (name.endsWith('_perc') || name === 'vllm:engine_sleep_state') return FRACTION;
  return NOT_NEGATIVE;
}

/** Whether a pattern for the name fits no series of this vLLM; a pattern of nothing of vLLM's may fit anything. */
function isEmptyPattern({ matchers }: Selector, against: Against): boolean {
  const named = matchers.find(({ label }) => label.text === '__name__');
  if (named === undefined || named.isVariable || named.op !== '=~') return false;
  if (!/vllm[:_]/.test(named.value)) return false;
  const { catalogue, features, recorded, emptied } = against;
  const names = [...catalogue.bySample]
    .filter(([, { needs }]) => isMet(needs, features))
    .map(([name]) => name);
  const passes = matching(named);
  const fits = (name: string): boolean => passes(name) !== false;
  const isRecorded = [...recorded].some((name) => fits(name) && !emptied.has(name));
  return !names.some(fits) && !isRecorded && !mayFitOthers(named.value);
}
