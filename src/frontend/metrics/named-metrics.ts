import { METRICS } from './definitions.ts';
import type { Family } from './families.ts';

export type NamedMetric = readonly [name: string, value: number];

/** The gauges that a load report has, under the names that it gives them. */
const REPORTED: ReadonlyMap<string, string> = new Map([
  [METRICS.kvCacheUsagePerc.name, 'kv_cache_usage_perc'],
  [METRICS.numRequestsWaiting.name, 'num_requests_waiting'],
]);

/**
 * One entry per gauge and engine, in the order of a scrape: with several engines a name stands several times.
 * Source: vllm/entrypoints/serve/utils/orca_metrics.py get_named_metrics_from_prometheus (0.33.0).
 */
export function namedMetricsOf(families: readonly Family[]): readonly NamedMetric[] {
  return families.flatMap((family): NamedMetric[] => {
    const name = REPORTED.get(family.name);
    return name === undefined
      ? []
      : family.snapshot().children.map(({ value }): NamedMetric => [name, value]);
  });
}
