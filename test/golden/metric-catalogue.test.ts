/** The catalogue of metrics against what each version's own package registers. */
import { describe, expect, it } from 'vitest';
import {
  CATALOGUE_VERSIONS,
  catalogueOf,
} from '../../src/shared/metric-catalogue/metric-catalogue.ts';
import {
  FIRST_VERSION_OF_NAME,
  RENAMES,
  SCANNED_VERSIONS,
} from '../../src/shared/metric-catalogue/renames.ts';
import { recordedMetrics, versionsRecording } from '../support/recorded-metrics.ts';

const versions = recordedMetrics();

it('has every version that was recorded', () => {
  expect(CATALOGUE_VERSIONS).toEqual(Object.keys(versions));
});

it('knows no other version', () => {
  expect(() => catalogueOf('0.29.0')).toThrow(/0\.29\.0 are not known; those of 0\.20\.0, /);
});

describe.each(Object.entries(versions))('the metrics of vLLM %s', (version, recorded) => {
  const catalogue = catalogueOf(version);

  it('are the families of its package, in their order', () => {
    const ours = catalogue.families.map(({ samples, ...family }) => family);
    const theirs = recorded.families.map((family) => ({
      name: family.name,
      type: family.type,
      help: family.help,
      labels: family.labels,
      needs: family.needs,
      labelValues: family.extra_label_values ?? {},
      // +Inf is a bucket of each.
      buckets: family.buckets?.filter(Number.isFinite) ?? null,
      bucketsDependOn: family.buckets_depend_on ?? null,
      multiprocessMode: family.multiprocess_mode ?? null,
      initialChildren: family.initial_children,
      isOutsideStatLogger: family.outside_stat_logger === true,
      note: family.note ?? null,
    }));
    expect(ours).toEqual(theirs);
  });

  it('have the samples that its /metrics has', () => {
    for (const { name, type, samples } of recorded.families) {
      const ours = catalogue.families.find((family) => family.name === name)?.samples;
      // The recording names a summary's family alone; /metrics has no such series.
      const theirs =
        type === 'summary' ? ['_count', '_sum', '_created'].map((s) => name + s) : samples;
      expect(ours).toEqual(theirs);
      for (const sample of theirs) expect(catalogue.bySample.get(sample)?.name).toBe(name);
    }
  });

  it('have the labels of cache_config_info with their values at the defaults', () => {
    const info = recorded.families.find(({ name }) => name === 'vllm:cache_config_info');
    expect(catalogue.cacheConfigInfoLabels.toSorted()).toEqual(
      recorded.cache_config_info_labels.toSorted(),
    );
    expect(catalogue.cacheConfigInfoLabels).toEqual(info?.labels);
    expect(catalogue.cacheConfigInfoValues).toEqual(info?.example_children?.[0]);
  });
});

describe('the renames', () => {
  const recorded = versionsRecording('renames.json') as {
    readonly versions_scanned: readonly string[];
    readonly renames: readonly Readonly<Record<string, unknown>>[];
    readonly first_version_of_name: Readonly<Record<string, string>>;
  };

  it('are those that were read in the sources', () => {
    expect(SCANNED_VERSIONS).toEqual(recorded.versions_scanned);
    expect(Object.fromEntries(FIRST_VERSION_OF_NAME)).toEqual(recorded.first_version_of_name);
    expect(RENAMES).toEqual(
      recorded.renames.map((rename) => ({
        old: rename['old'],
        new: rename['new'],
        note: rename['note'],
        firstVersionSeen: rename['first_version_seen'],
        lastVersionByDefault: rename['last_version_by_default'],
        lastVersionWithOld: rename['last_version_with_old'],
        goneIn: rename['gone_in'],
        timeline: rename['timeline'],
        source: rename['source'],
      })),
    );
  });
});
