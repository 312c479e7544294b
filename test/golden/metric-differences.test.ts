/** What `versions` says of two versions' metrics against their own packages: every pair, either order. */
import { describe, expect, it } from 'vitest';
import {
  KNOWN_METRIC_VERSIONS,
  metricDifferences,
} from '../../src/shared/metric-catalogue/metric-differences.ts';
import { type RecordedMetrics, recordedMetrics } from '../support/recorded-metrics.ts';

const versions = recordedMetrics();

const NAMES = Object.keys(versions);
const PAIRS = NAMES.flatMap((from) => NAMES.map((to) => [from, to] as const));

describe.each(PAIRS)('from %s to %s', (from, to) => {
  const [before, after] = [versions[from] as RecordedMetrics, versions[to] as RecordedMetrics];
  const differences = metricDifferences(from, to);
  const namesOf = ({ families }: RecordedMetrics) => families.map(({ name }) => name);

  it('the families that came and went are those that only one package registers', () => {
    const [old, fresh] = [new Set(namesOf(before)), new Set(namesOf(after))];
    expect(differences.added.map(({ name }) => name)).toEqual(
      namesOf(after).filter((name) => !old.has(name)),
    );
    expect(differences.removed.map(({ name }) => name)).toEqual(
      namesOf(before).filter((name) => !fresh.has(name)),
    );
    expect(differences.uncertain).toEqual([]);
  });

  it('the families that both have differ where their packages do', () => {
    const expected = before.families.flatMap((family) => {
      const other = after.families.find(({ name }) => name === family.name);
      if (other === undefined) return [];
      return (['type', 'help', 'labels', 'buckets'] as const)
        .filter((what) => JSON.stringify(family[what]) !== JSON.stringify(other[what]))
        .filter((what) => !(family.name === 'vllm:cache_config_info' && what === 'labels'))
        .map((what) => `${family.name} ${what}`);
    });
    const told = differences.changed
      ?.filter(({ what }) => ['type', 'help', 'labels', 'buckets'].includes(what))
      .map(({ name, what }) => `${name} ${what}`);
    expect(told).toEqual(expected);
  });

  it('the labels of cache_config_info came and went as in their packages', () => {
    const [old, fresh] = [before.cache_config_info_labels, after.cache_config_info_labels];
    const { added = [], removed = [], isReordered } = differences.cacheConfigInfo ?? {};
    expect(added.map(({ name, at }) => [name, at])).toEqual(
      fresh.flatMap((name, at) => (old.includes(name) ? [] : [[name, at]])),
    );
    expect(removed.map(({ name, at }) => [name, at])).toEqual(
      old.flatMap((name, at) => (fresh.includes(name) ? [] : [[name, at]])),
    );
    // hash_block_size was between the first ones once, and came back behind the others.
    const shared = (own: readonly string[], other: readonly string[]) =>
      own.filter((name) => other.includes(name)).join();
    expect(isReordered).toBe(shared(old, fresh) !== shared(fresh, old));
  });
});

it('any two versions can be compared', () => {
  for (const from of KNOWN_METRIC_VERSIONS)
    for (const to of [KNOWN_METRIC_VERSIONS[0], '0.20.0', '0.33.0'])
      expect(() => metricDifferences(from, to as string)).not.toThrow();
});
