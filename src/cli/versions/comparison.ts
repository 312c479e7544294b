/** What is known of the difference between two versions, and what is not. */
import { computeParallelConfigHash } from '../../engine-core/parallel-config-hash.ts';
import { defaultEngineArgs } from '../../shared/config/registry.ts';
import {
  type MetricDifferences,
  metricDifferences,
} from '../../shared/metric-catalogue/metric-differences.ts';
import {
  type Meeting,
  type MessageBreak,
  type WireDifferences,
  wireDifferences,
} from '../../shared/protocol/compat/wire-differences.ts';
import { knownVersion } from '../../shared/protocol/versions/known-version.ts';
import type { SpokenVersion } from '../../shared/version.ts';
import { WIRE_VERSION_NAMES } from './known-versions.ts';

export interface Comparison {
  readonly from: string;
  readonly to: string;
  /** Null where the wire of either is not known. */
  readonly wire: WireDifferences | null;
  readonly metrics: MetricDifferences;
  /** What cannot be told, in words. */
  readonly unknown: readonly string[];
}

export function compareTwoVersions(from: string, to: string): Comparison {
  const [before, after] = [knownVersion(from), knownVersion(to)];
  const metrics = metricDifferences(from, to);
  const unwired = [from, to].filter((version) => knownVersion(version) === null);
  const unknown = [
    ...(unwired.length === 0
      ? []
      : [
          `The wire of ${unwired.join(' and ')} is not known (that of ${WIRE_VERSION_NAMES.join(', ')} is): ` +
            'what changed on it, and what breaks when the two meet, cannot be told.',
        ]),
    ...unknownMetrics(metrics),
  ];
  return {
    from,
    to,
    wire: before === null || after === null ? null : wireDifferences(before, after),
    metrics,
    unknown,
  };
}

function unknownMetrics({ changed, uncertain }: MetricDifferences): readonly string[] {
  const words: string[] = [];
  if (changed === null)
    words.push(
      'Of the metrics the names alone are compared: help texts, labels, values, buckets, and the labels of ' +
        'vllm:cache_config_info are not known of both; nor are the names of http_* families.',
    );
  if (uncertain.length > 0)
    words.push(
      `Whether a version without a recording has these is not known: ${uncertain.join(', ')}.`,
    );
  return words;
}

/** Whether an engine core can join the frontend: neither refuses what the start-up is made of. */
export function canStart({ breaks }: Meeting): boolean {
  return !breaks.some(({ message, rejected }) => {
    const isOfStart = message === 'INIT' || message === 'EngineCoreReadyResponse';
    return isOfStart && rejected.some(({ when }) => when === null);
  });
}

/** What else is in the way of data-parallel ranks of one mixture-of-experts model. */
export type RanksProblem =
  /** READY has another `parallel_config_hash` than the frontend's own. */
  | 'other_hash'
  /** A request for one rank wakes none of the others, which it waits for. */
  | 'never_woken';

/** Null where there is nothing. Of versions whose wire is known. */
export function ranksProblem({ engine, frontend }: Meeting): RanksProblem | null {
  if (hashOf(engine) !== hashOf(frontend)) return 'other_hash';
  const [ofEngine, ofFrontend] = [engine, frontend].map(
    (one) => knownVersion(one)?.waves.startedBy,
  );
  return ofEngine === 'frontend' && ofFrontend === 'engine' ? 'never_woken' : null;
}

export const RANKS_PROBLEMS: Readonly<Record<RanksProblem, string>> = {
  other_hash:
    'refused at READY, since each computes parallel_config_hash from other fields: ' +
    'Configuration mismatch detected for engine; the frontend ends at its start',
  never_woken:
    'a request hangs until every other rank has one: its rank waits for them, and nobody wakes them, ' +
    'since the engine core leaves that to the frontend and the frontend to the engine core',
};

/** At the defaults of two ranks. */
function hashOf(version: string): string {
  const vllmVersion = version as SpokenVersion;
  return computeParallelConfigHash(
    { ...defaultEngineArgs(), dataParallelSize: 2, vllmVersion },
    true,
  );
}

/** What becomes of it where a message is refused. */
export function consequenceOf({ message }: MessageBreak): string {
  switch (message) {
    case 'INIT':
      return 'the engine core ends at its start';
    case 'EngineCoreReadyResponse':
      return 'the frontend ends at its start';
    case 'ADD':
      return 'the engine core cannot take such a request';
    case 'OUTPUT':
      return 'the frontend cannot take such outputs';
    case 'KV_EVENT':
      return 'subscribers cannot read such events';
    case 'UTILITY add_lora':
      return 'the call fails: adapters cannot be loaded';
  }
}
