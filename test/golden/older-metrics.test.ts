/** What older versions show against what each version's own package registers. */
import { describe, expect, it } from 'vitest';
import {
  CACHE_CONFIG_INFO,
  METRICS,
  SLEEP_MODE_OPERATION_DURATION,
  SLEEP_MODE_OPERATIONS_IN_FLIGHT,
  SPEC_DECODING_METRICS,
  TOOL_CALL_PARSER_INVOCATIONS,
} from '../../src/frontend/metrics/definitions.ts';
import { olderMetrics } from '../../src/shared/metric-catalogue/older-metrics.ts';
import { OLDER_VERSIONS } from '../../src/shared/metric-catalogue/older-versions.ts';
import { VLLM_VERSION } from '../../src/shared/version.ts';
import { type RecordedMetrics, recordedMetrics } from '../support/recorded-metrics.ts';

const versions = recordedMetrics();

const OURS: readonly string[] = [
  ...Object.values(METRICS).map(({ name }) => name),
  ...SPEC_DECODING_METRICS.map(({ name }) => name),
  CACHE_CONFIG_INFO.name,
  TOOL_CALL_PARSER_INVOCATIONS.name,
  SLEEP_MODE_OPERATION_DURATION.name,
  SLEEP_MODE_OPERATIONS_IN_FLIGHT.name,
];

function recorded(version: string): RecordedMetrics {
  const found = versions[version];
  if (found === undefined) throw new Error(`no recording of ${version}`);
  return found;
}

describe.each(OLDER_VERSIONS.filter((version) => version in versions))(
  'the metrics of vLLM %s',
  (version) => {
    const older = olderMetrics(version);
    const then = recorded(version);
    const now = recorded(VLLM_VERSION);

    it('lack the families that it has not yet', () => {
      const names = new Set(then.families.map(({ name }) => name));
      const lacking = OURS.filter((name) => !names.has(name));
      expect(OURS.filter((name) => !older.helps.has(name))).toEqual(lacking);
      expect(older.has).toEqual([]);
    });

    it('are otherwise written as those of today, with its help texts', () => {
      for (const { name, type, help, labels } of then.families) {
        expect(older.helps.get(name)).toBe(help);
        if (!OURS.includes(name) || name === CACHE_CONFIG_INFO.name) continue;
        const today = now.families.find((family) => family.name === name);
        expect({ type, help, labels }).toEqual({
          type: today?.type,
          help: today?.help,
          labels: today?.labels,
        });
      }
    });

    it('have its labels of cache_config_info in its order, at its defaults', () => {
      const [theirs] = then.families.find(({ name }) => name === CACHE_CONFIG_INFO.name)
        ?.example_children ?? [{}];
      expect(older.cacheConfigInfo).toEqual(theirs);
      expect(Object.keys(older.cacheConfigInfo)).toEqual(then.cache_config_info_labels);
    });
  },
);
