/** Values in selectors that none of a family's series has. */

import type { CatalogueFamily } from '../../shared/metric-catalogue/metric-catalogue.ts';
import { CACHE_CONFIG_INFO } from '../../shared/metric-catalogue/metric-catalogue.ts';
import { type Draft, type RuleContext, versionOf } from './draft.ts';
import type { Matcher } from './expression.ts';

import { type KnownValues, valuesOf, writtenBound } from './label-values.ts';
import { isNegative, matching } from './matcher.ts';

/** Null: the matcher may let something through, and leaves something out if it is there to. */
export function valueDraft(
  matcher: Matcher,
  family: CatalogueFamily,
  series: string,
  context: RuleContext,
): Draft | null {
  const { label, value, op, valueAt } = matcher;
  const known = valuesOf(label.text, family, series, context.facts.against);
  if (known === null) return null;
  const fits = fitting(matcher, known);
  if (fits === 'some') return null;
  const never = `${versionOf(context)} never writes ${label.text}="${value}" on ${series}: ${valueWords(label.text, known)} (${sourceOf(label.text, family)})`;
  const meant = op === '=' || op === '!=' ? meantValue(label.text, value, known) : null;
  return {
    rule: 'label-value',
    at: valueAt,
    severity: fits === 'all' ? 'warning' : 'empties',
    message: fits === 'all' ? `${never}; so this keeps every series` : never,
    remedy:
      meant === null ? 'name a value that there is' : `write ${label.text}${op}"${meant.value}"`,
    ...(meant?.isCertain === true
      ? { fix: [{ from: valueAt.from + 1, to: valueAt.to - 1, insert: meant.value }] }
      : {}),
  };
}

/** Which of the values a matcher lets through. `all`: a negative one that excludes nothing. */
function fitting(matcher: Matcher, known: KnownValues): 'none' | 'some' | 'all' {
  const { op, value } = matcher;
  if (known.kind === 'form') {
    if (known.isOne(value)) return 'some';
    return op === '=' ? 'none' : op === '!=' && value !== '' ? 'all' : 'some';
  }
  const passes = matching(matcher);
  const passing = known.values.filter((candidate) => passes(candidate) !== false);
  if (passing.length === 0) return 'none';
  const isIdle = isNegative(matcher) && passing.length === known.values.length;
  return isIdle && value !== '' ? 'all' : 'some';
}

function valueWords(label: string, known: KnownValues): string {
  if (known.kind === 'form') return `it is ${known.words}`;
  return `${label} is one of ${known.values.join(', ')}`;
}

function sourceOf(label: string, { name, isOutsideStatLogger }: CatalogueFamily): string {
  if (name.startsWith('http_')) return 'vllm/entrypoints/serve/instrumentator/metrics.py';
  if (label === 'le')
    return isOutsideStatLogger
      ? 'prometheus_client'
      : "vllm/v1/metrics/buckets.py, as Python writes numbers; vLLM's Rust frontend writes them as Rust does";
  if (label === 'finished_reason') return 'vllm/v1/engine/__init__.py FINISH_REASON_STRINGS';
  return name === CACHE_CONFIG_INFO ? 'vllm/config/cache.py' : 'vllm/v1/metrics/loggers.py';
}

/** What people call finish reasons. */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  cancelled: 'abort',
  canceled: 'abort',
  aborted: 'abort',
  eos: 'stop',
  eos_token: 'stop',
  stop_sequence: 'stop',
  end_turn: 'stop',
  tool_calls: 'stop',
  max_tokens: 'length',
  max_length: 'length',
  truncated: 'length',
  failed: 'error',
  failure: 'error',
};

interface MeantValue {
  readonly value: string;
  /** The same value, written as vLLM writes it. */
  readonly isCertain: boolean;
}

function meantValue(label: string, value: string, known: KnownValues): MeantValue | null {
  if (label === 'le') {
    const bound = boundInstead(value, known);
    return bound === null ? null : { value: bound, isCertain: true };
  }
  if (known.kind === 'form') return null;
  const sameLetters = known.values.find(
    (candidate) => candidate.toLowerCase() === value.toLowerCase(),
  );
  if (sameLetters !== undefined) return { value: sameLetters, isCertain: true };
  const meant =
    label === 'finished_reason'
      ? FINISH_REASONS[value.toLowerCase()]
      : label === 'status' && /^[1-5]\d\d$/.test(value)
        ? `${value[0]}xx`
        : undefined;
  return meant !== undefined && known.values.includes(meant)
    ? { value: meant, isCertain: false }
    : null;
}

/** The bound of the same number. */
function boundInstead(value: string, known: KnownValues): string | null {
  const number = value.trim() === '' ? Number.NaN : Number(value.replace(/^\+?Inf$/i, 'Infinity'));
  if (Number.isNaN(number)) return null;
  const written = writtenBound(number);
  const isThere = known.kind === 'closed' ? known.values.includes(written) : known.isOne(written);
  return isThere && written !== value ? written : null;
}
