/** /metrics under `--vllm-version` against what each version's own package registers, with every flag that brings families. */
import { describe, expect, it } from 'vitest';
import { cacheConfigInfo } from '../../src/frontend/metrics/cache-config-info.ts';
import type { FrontendMetricsOptions } from '../../src/frontend/metrics/frontend-metrics.ts';
import { olderMetrics } from '../../src/shared/metric-catalogue/older-metrics.ts';
import { SPOKEN_VERSIONS, VLLM_VERSION } from '../../src/shared/version.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from '../support/cache-config-settings.ts';
import { parseExposition } from '../support/exposition.ts';
import { createReadyResponse } from '../support/ready-response.ts';
import { type RecordedFamily, recordedMetrics } from '../support/recorded-metrics.ts';
import { Scraped } from '../support/scraped.ts';

const versions = recordedMetrics();

const connector = (name: 'NixlConnector' | 'OffloadingConnector'): FlagSet => ({
  options: { kvTransfer: { connector: name, role: 'kv_both' } },
  brings: ({ needs }) =>
    needs.some(
      (need) =>
        need === `--kv-transfer-config kv_connector=${name}` ||
        need.startsWith('--kv-transfer-config with kv_role'),
    ),
});

interface FlagSet {
  readonly options: Partial<FrontendMetricsOptions>;
  /** Families of the recording that these flags bring. */
  readonly brings: (family: RecordedFamily) => boolean;
}

const FLAG_SETS: Readonly<Record<string, FlagSet>> = {
  'no flags': { options: {}, brings: ({ needs }) => needs.length === 0 },
  '--kv-cache-metrics': {
    options: { kvCacheMetrics: true },
    brings: ({ needs }) => needs.includes('--kv-cache-metrics'),
  },
  '--enable-lora': {
    options: { maxLoras: 4 },
    brings: ({ needs }) => needs.includes('--enable-lora'),
  },
  '--speculative-config': {
    options: { numSpeculativeTokens: 3 },
    brings: ({ needs }) => needs.includes('--speculative-config'),
  },
  '--tool-call-parser': {
    options: { hasToolCallParser: true },
    brings: ({ needs }) => needs.some((need) => need.startsWith('--tool-call-parser')),
  },
  NixlConnector: connector('NixlConnector'),
  OffloadingConnector: connector('OffloadingConnector'),
};

/** Of a server with two engines; at their names without `_total`, in order. */
async function shownBy(version: string, { options }: FlagSet) {
  const older = version === VLLM_VERSION ? null : olderMetrics(version);
  const scraped = new Scraped(2, { ...options, older });
  const families = parseExposition(await scraped.body());
  return new Map(
    [...families]
      .filter(([name]) => name.startsWith('vllm:') && !name.endsWith('_created'))
      .map(([name, family]) => {
        const isCounter = family.type === 'counter';
        return [isCounter ? name.replace(/_total$/, '') : name, family] as const;
      }),
  );
}

describe.each(SPOKEN_VERSIONS)('/metrics of vLLM %s', (version) => {
  const { families } = versions[version] ?? { families: [] };
  const recorded = new Map(families.map((family) => [family.name, family]));
  const plain = FLAG_SETS['no flags'] as FlagSet;

  it.each(Object.entries(FLAG_SETS))('with %s has its families, and no others', async (_, set) => {
    const expected = families.filter(
      (family) => family.name.startsWith('vllm:') && (plain.brings(family) || set.brings(family)),
    );
    const shown = await shownBy(version, set);
    expect([...shown.keys()].toSorted()).toEqual(expected.map(({ name }) => name).toSorted());
  });

  it.each(Object.entries(FLAG_SETS))(
    'with %s writes them as its package does: types, texts, labels, values, buckets',
    async (_, set) => {
      for (const [name, { type, help, samples }] of await shownBy(version, set)) {
        const theirs = recorded.get(name);
        if (theirs === undefined) throw new Error(`${name} is not recorded`);
        expect({ name, type, help }).toEqual({ name, type: theirs.type, help: theirs.help });
        const own = samples.filter(
          (sample) => type !== 'histogram' || sample.name.endsWith('_count'),
        );
        if (theirs.buckets !== undefined && own.length > 0) {
          const bounds = samples
            .filter((sample) => sample.name.endsWith('_bucket'))
            .map(({ labels }) => labels['le']);
          const once = [...new Set(bounds)].filter((bound) => bound !== '+Inf').map(Number);
          expect({ name, bounds: once.slice(0, theirs.buckets.length) }).toEqual({
            name,
            bounds: theirs.buckets.slice(0, once.length),
          });
        }
        for (const { labels } of own)
          expect({ name, labels: Object.keys(labels).toSorted() }).toEqual({
            name,
            labels: theirs.labels.toSorted(),
          });
        for (const [label, values] of Object.entries(theirs.extra_label_values ?? {})) {
          if (label === 'engine' || name === 'vllm:spec_decode_num_accepted_tokens_per_pos')
            continue;
          const found = new Set(own.map(({ labels }) => labels[label]));
          expect({ name, label, values: [...found].toSorted() }).toEqual({
            name,
            label,
            values: values.toSorted(),
          });
        }
        if (name !== 'vllm:spec_decode_num_accepted_tokens_per_pos')
          expect({ name, children: own.length }).toEqual({
            name,
            children: theirs.initial_children,
          });
      }
    },
  );

  it('shows its labels of cache_config_info, in its order, with the values of its own package', () => {
    const example = recorded.get('vllm:cache_config_info')?.example_children ?? [];
    const engines = [0, 1].map((rank) =>
      createReadyResponse({
        dataParallelRank: rank,
        numGpuBlocks: 1024,
        kvCacheSizeTokens: 16_384,
        kvCacheMaxConcurrency: 16,
        effectiveAttentionBlockSize: null,
      }),
    );
    const settings = { ...DEFAULT_CACHE_CONFIG_SETTINGS, userSpecifiedBlockSize: true };
    const children = cacheConfigInfo(new Map(engines.entries()), settings, {
      mode: 'vllm',
      labelNames: Object.keys(olderMetrics(version).cacheConfigInfo),
    });
    expect(children.map((labels) => Object.entries(labels))).toEqual(
      example.map((labels) => Object.entries(labels)),
    );
  });

  it('shows no family of a later one for several API servers either, nor after a sleep', async () => {
    const older = version === VLLM_VERSION ? null : olderMetrics(version);
    const servers = [0, 1].map(() => new Scraped(2, { older }));
    for (const { metrics } of servers)
      await metrics.recordSleepOperation('sleep', async () => undefined);
    const [first, second] = servers as [Scraped, Scraped];
    const bodies = [await first.samples(), await first.merged(second)];
    const samples = new Set(families.flatMap((family) => family.samples));
    const names = bodies.map((body) => [...body.keys()].map((key) => key.replace(/\{.*/, '')));
    for (const shown of names)
      expect(shown.filter((name) => name.startsWith('vllm:') && !samples.has(name))).toEqual([]);
    for (const shown of names)
      expect(shown.some((name) => name.startsWith('vllm:sleep_mode_operation'))).toBe(
        recorded.has('vllm:sleep_mode_operations_in_flight'),
      );
  });
});
