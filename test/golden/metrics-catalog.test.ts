import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FrontendMetrics } from '../../src/frontend/metrics/frontend-metrics.ts';
import { VirtualClock } from '../../src/shared/clock.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from '../support/cache-config-settings.ts';
import { parseExposition, samplesByKey } from '../support/exposition.ts';
import { createReadyResponse } from '../support/ready-response.ts';

interface CatalogEntry {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
  readonly initial_children: number;
  readonly example_children?: readonly Record<string, string>[];
}

const catalog = JSON.parse(
  readFileSync(new URL('./metrics-catalog.json', import.meta.url), 'utf8'),
) as { max_model_len: number; engines: number[]; default: CatalogEntry[] };
const recorded = JSON.parse(
  readFileSync(new URL('./e2e/vllm-python-frontend.json', import.meta.url), 'utf8'),
) as { metrics: { text: string; content_type: string } };

function createMetrics(servedModelName: string): FrontendMetrics {
  const engine = { maxModelLen: catalog.max_model_len, kvCacheSizeTokens: 16384 };
  const concurrency = { kvCacheMaxConcurrency: 16, effectiveAttentionBlockSize: null };
  return new FrontendMetrics({
    engines: new Map(
      catalog.engines.map((rank) => [
        rank,
        createReadyResponse({
          ...engine,
          ...concurrency,
          numGpuBlocks: 1024,
          dataParallelRank: rank,
        }),
      ]),
    ),
    servedModelName,
    cacheConfig: { ...DEFAULT_CACHE_CONFIG_SETTINGS, userSpecifiedBlockSize: true },
    dpMetrics: 'vllm',
    kvCacheMetrics: false,
    maxLoras: null,
    clock: new VirtualClock(),
  });
}

describe('the metrics catalogue of vLLM', async () => {
  const { body } = await createMetrics('tinymodel').render({ accept: undefined, names: [] });
  const families = parseExposition(body);

  it.each(catalog.default)('exposes $name', (entry) => {
    const exposed = entry.type === 'counter' ? `${entry.name}_total` : entry.name;
    const family = families.get(exposed);
    if (family === undefined) throw new Error(`${exposed} is not exposed`);
    expect(family.type).toBe(entry.type);
    expect(family.help).toBe(entry.help);
    const own = family.samples.filter(
      ({ name }) => entry.type !== 'histogram' || name === `${exposed}_count`,
    );
    expect(own).toHaveLength(entry.initial_children);
    for (const { labels, value } of own) {
      expect(Object.keys(labels).sort()).toEqual([...entry.labels].sort());
      const isOne = entry.name === 'vllm:cache_config_info' || labels['sleep_state'] === 'awake';
      expect(value).toBe(isOne ? 1 : 0);
    }
    if (entry.example_children !== undefined) {
      const children = own.map(({ labels }) => JSON.stringify(Object.entries(labels).sort()));
      const expected = entry.example_children.map((labels) =>
        JSON.stringify(Object.entries(labels).sort()),
      );
      expect(children).toEqual(expect.arrayContaining(expected));
    }
    if (entry.buckets !== undefined) {
      const bounds = family.samples
        .filter(({ name, labels }) => name === `${exposed}_bucket` && labels['engine'] === '0')
        .map(({ labels }) => labels['le']);
      expect(bounds.slice(0, -1).map(Number)).toEqual(entry.buckets);
      expect(bounds.at(-1)).toBe('+Inf');
    }
  });

  it('exposes no vllm family that the catalogue does not have', () => {
    const known = new Set(
      catalog.default.flatMap(({ name, type }) => [
        type === 'counter' ? `${name}_total` : name,
        `${name}_created`,
      ]),
    );
    const extra = [...families.keys()].filter((n) => n.startsWith('vllm:') && !known.has(n));
    expect(extra).toEqual([]);
  });

  it('has exactly the sample names and label sets of the recorded server, in the same order of families', async () => {
    const { body } = await createMetrics('tiny').render({ accept: undefined, names: [] });
    const own = body.toString();
    const withoutInfo = (text: string): string[] =>
      [...samplesByKey(text).keys()].filter(
        (key) => key.startsWith('vllm:') && !key.startsWith('vllm:cache_config_info'),
      );
    expect(withoutInfo(own).sort()).toEqual(withoutInfo(recorded.metrics.text).sort());
    const order = (text: string): string[] =>
      [...parseExposition(text).keys()].filter((name) => name.startsWith('vllm:'));
    expect(order(own)).toEqual(order(recorded.metrics.text));
  });

  it('answers with the content type of the recorded server', async () => {
    const { contentType } = await createMetrics('tiny').render({ accept: undefined, names: [] });
    expect(contentType).toBe(recorded.metrics.content_type);
  });
});
