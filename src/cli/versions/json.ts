/** The answers of `versions` for programs. */
import type { MetricDifferences } from '../../shared/metric-catalogue/metric-differences.ts';
import type { StructDifference } from '../../shared/protocol/compat/struct-differences.ts';
import type { Meeting, WireDifferences } from '../../shared/protocol/compat/wire-differences.ts';
import type { WaveRules } from '../../shared/protocol/wire-version.ts';
import {
  type Comparison,
  canStart,
  consequenceOf,
  RANKS_PROBLEMS,
  ranksProblem,
} from './comparison.ts';
import type { KnownVersion } from './known-versions.ts';

export function listJson(versions: readonly KnownVersion[]): string {
  return print({
    versions: versions.map(({ version, isDefault, isWireKnown, metrics }) => ({
      version,
      default: isDefault,
      wire: isWireKnown,
      metrics: metrics === null ? 'names' : 'recorded',
      families: metrics?.families ?? null,
      cache_config_info_labels: metrics?.cacheConfigInfoLabels ?? null,
    })),
  });
}

export function comparisonJson({ from, to, wire, metrics, unknown }: Comparison): string {
  return print({
    from,
    to,
    wire: wire === null ? null : wireRecord(wire),
    metrics: metricsRecord(metrics),
    cache_config_info: labelsRecord(metrics),
    unknown,
  });
}

function print(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function wireRecord({
  structs,
  ready,
  parallelConfig,
  calls,
  waves,
  meetings,
}: WireDifferences): unknown {
  return {
    added: structs.added,
    removed: structs.removed,
    changed: structs.changed.map(structRecord),
    ready,
    parallel_config: parallelConfig,
    calls,
    waves: waves === null ? null : { from: wavesRecord(waves.from), to: wavesRecord(waves.to) },
    meetings: meetings.map(meetingRecord),
  };
}

function wavesRecord({ startedBy, isStartReported }: WaveRules): unknown {
  return { started_by: startedBy, start_reported: isStartReported };
}

function structRecord(struct: StructDifference): unknown {
  const { name, encoding, added, removed, changed } = struct;
  return {
    name,
    encoding,
    added,
    removed,
    changed,
    appended_only: struct.isAppendedOnly,
    reordered: struct.isReordered,
    breaks_positions: struct.breaksPositions,
  };
}

function meetingRecord(meeting: Meeting): unknown {
  const problem = ranksProblem(meeting);
  return {
    engine: meeting.engine,
    frontend: meeting.frontend,
    starts: canStart(meeting),
    missing_calls: meeting.missingCalls,
    moe_ranks: problem === null ? null : { problem, words: RANKS_PROBLEMS[problem] },
    breaks: meeting.breaks.map((one) => ({
      ...one,
      consequence: one.rejected.length === 0 ? null : consequenceOf(one),
    })),
  };
}

const CHANGED_NAMES: Readonly<Record<string, string>> = {
  labelValues: 'label_values',
  multiprocessMode: 'multiprocess_mode',
  initialChildren: 'initial_children',
};

function metricsRecord({
  added,
  removed,
  renamed,
  changed,
  uncertain,
}: MetricDifferences): unknown {
  return {
    added,
    removed,
    renamed,
    changed: changed?.map(({ what, ...rest }) => ({ ...rest, what: CHANGED_NAMES[what] ?? what })),
    uncertain,
  };
}

function labelsRecord({ cacheConfigInfo }: MetricDifferences): unknown {
  if (cacheConfigInfo === null) return null;
  const { added, removed, isReordered } = cacheConfigInfo;
  return { added, removed, reordered: isReordered };
}
