/** What a sample is expected to be, in the words of a scenario file's `expect`, and whether a scrape meets it. Pure. */
import { describeComparison, isAsCompared } from '../shared/comparison.ts';
import { describeSample, type LabelMatch } from '../shared/exposition.ts';
import type { Metrics } from './metrics.ts';

export interface SampleCondition {
  /** Labels that it must have. Of several samples that fit each must meet the condition; none is ever summed. */
  readonly labels?: LabelMatch;
  /** More than this. */
  readonly above?: number;
  /** Less than this. */
  readonly below?: number;
  readonly equals?: number;
}

export interface SampleVerdict {
  readonly isMet: boolean;
  /** What there is, in words. */
  readonly got: string;
}

export function judgeSample(
  metrics: Metrics,
  name: string,
  condition: SampleCondition,
): SampleVerdict {
  const { labels = {} } = condition;
  const found = metrics.all(name, labels);
  if (found.length === 0) return { isMet: false, got: metrics.describeMissing(name, labels) };
  const unmet = found.filter(({ value }) => !isAsCompared(condition, value));
  const told = (unmet.length === 0 ? found : unmet)
    .map((sample) => `${describeSample(sample)} is ${sample.value}`)
    .join(', ');
  return { isMet: unmet.length === 0, got: told };
}

/** `vllm:num_requests_waiting{engine="1"} above 10`. */
export function describeCondition(name: string, condition: SampleCondition): string {
  const sample = describeSample({ name, labels: condition.labels ?? {} });
  return `${sample} ${describeComparison(condition)}`.trimEnd();
}
