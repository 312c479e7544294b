/** What each version's own package registers on /metrics, as recorded. */
import { readFileSync } from 'node:fs';

export interface RecordedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly samples: readonly string[];
  readonly needs: readonly string[];
  readonly extra_label_values?: Readonly<Record<string, readonly string[]>>;
  readonly buckets?: readonly number[];
  readonly buckets_depend_on?: string;
  readonly multiprocess_mode?: string;
  readonly initial_children: number;
  readonly outside_stat_logger?: boolean;
  readonly note?: string;
  readonly example_children?: readonly Readonly<Record<string, string>>[];
}

export interface RecordedMetrics {
  readonly families: readonly RecordedFamily[];
  readonly cache_config_info_labels: readonly string[];
}

/** A file of the recordings of versions. Python's JSON has Infinity, which a number beyond all of JavaScript's is read as. */
export function versionsRecording(name: string): unknown {
  const text = readFileSync(new URL(`../golden/versions/${name}`, import.meta.url), 'utf8');
  return JSON.parse(text.replaceAll(/\bInfinity\b/g, '1e999'));
}

export function recordedMetrics(): Readonly<Record<string, RecordedMetrics>> {
  return (versionsRecording('metrics.json') as { versions: Record<string, RecordedMetrics> })
    .versions;
}
