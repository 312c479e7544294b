/** What each version's own package registers on /metrics, as it was recorded. */
import { readFileSync } from 'node:fs';

export interface RecordedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly samples: readonly string[];
  readonly needs: readonly string[];
  readonly initial_children: number;
  readonly extra_label_values?: Readonly<Record<string, readonly string[]>>;
  readonly buckets?: readonly number[];
  readonly buckets_depend_on?: string;
  readonly multiprocess_mode?: string;
  readonly outside_stat_logger?: boolean;
  readonly note?: string;
  readonly example_children?: readonly Readonly<Record<string, string>>[];
}

export interface RecordedMetrics {
  readonly families: readonly RecordedFamily[];
  readonly cache_config_info_labels: readonly string[];
}

/** Python's JSON has Infinity, which a number beyond all of JavaScript's is read as. */
export function versionsRecording(name: 'metrics.json' | 'renames.json'): unknown {
  const path = new URL(`../golden/versions/${name}`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8').replaceAll(/\bInfinity\b/g, '1e999'));
}

/** By version, from the oldest. */
export const { versions: RECORDED_METRICS } = versionsRecording('metrics.json') as {
  readonly versions: Readonly<Record<string, RecordedMetrics>>;
};
