import { describe, expect, it } from 'vitest';
import { IterationStats } from '../../../../src/frontend/metrics/iteration-stats.ts';
import {
  createPrefixCacheStats,
  createSchedulerStats,
} from '../../../../src/shared/protocol/defaults.ts';
import { Scraped } from '../../../support/scraped.ts';

const RENAMED = [
  ['vllm:gpu_cache_usage_perc', 'vllm:kv_cache_usage_perc'],
  ['vllm:gpu_prefix_cache_queries', 'vllm:prefix_cache_queries'],
  ['vllm:gpu_prefix_cache_hits', 'vllm:prefix_cache_hits'],
  ['vllm:time_per_output_token_seconds', 'vllm:inter_token_latency_seconds'],
] as const;

/** By key, of the family alone; the keys begin with what comes behind its name. */
function seriesOf(
  samples: ReadonlyMap<string, number>,
  family: string,
): ReadonlyMap<string, number> {
  const own = [...samples].filter(([key]) =>
    /^(_total|_created|_bucket|_count|_sum)?(\{|$)/.test(withoutName(key, family)),
  );
  return new Map(own.map(([key, value]) => [withoutName(key, family), value]));
}

function withoutName(key: string, family: string): string {
  return key.startsWith(family) ? key.slice(family.length) : key;
}

/** With figures of its own for every family that was renamed, and for each engine. */
function withFigures(): Scraped {
  const scraped = new Scraped();
  for (const rank of [0, 1])
    scraped.metrics.record(
      rank,
      createSchedulerStats({
        kvCacheUsage: 0.25 + rank / 2,
        prefixCacheStats: createPrefixCacheStats({ queries: 40 + rank, hits: 30 + rank }),
      }),
      Object.assign(new IterationStats(0), {
        interTokenLatencies: [0.02, 0.3 + rank],
        promptTokensCached: 7,
      }),
    );
  return scraped;
}

const READ = {
  text: (scraped: Scraped) => scraped.samples(),
  OpenMetrics: (scraped: Scraped) => scraped.samples('application/openmetrics-text'),
  'several API servers': (scraped: Scraped) => scraped.merged(withFigures()),
};

describe('metrics.names', () => {
  it('shows the families and labels of the version', async () => {
    const scraped = new Scraped();
    const handle = scraped.inject({ fault: 'metrics.names', version: '0.28.0' });
    const old = [...(await scraped.samples()).keys()].join('\n');
    expect(old).not.toContain('vllm:request_num_preemptions');
    expect(old).not.toContain('vllm:admission_rejections');
    expect(old).not.toContain('kv_cache_layout=');
    expect(old).toContain('user_specified_mamba_block_size="False"');
    expect(old).toContain('vllm:num_preemptions_total');
    scraped.clear(handle);
    const now = [...(await scraped.samples()).keys()].join('\n');
    expect(now).toContain('vllm:request_num_preemptions');
    expect(now).toContain('kv_cache_layout=');
    expect(now).not.toContain('user_specified_mamba_block_size=');
  });

  it.each(Object.entries(READ))(
    'renames families with all their series, in %s',
    async (_, read) => {
      const scraped = withFigures();
      const now = await read(scraped);
      scraped.inject({ fault: 'metrics.names', version: '0.9.1' });
      const then = await read(scraped);
      for (const [old, name] of RENAMED) {
        expect(seriesOf(now, name).size, name).toBeGreaterThanOrEqual(2);
        expect(seriesOf(then, old), old).toEqual(seriesOf(now, name));
        expect(seriesOf(then, name).size, name).toBe(0);
      }
    },
  );

  it.each(Object.entries(READ))(
    'shows both names with the same figures, in %s',
    async (_, read) => {
      const scraped = withFigures();
      const now = await read(scraped);
      scraped.inject({ fault: 'metrics.names', version: '0.10.2' });
      const then = await read(scraped);
      for (const [old, name] of RENAMED) {
        expect(seriesOf(then, old), old).toEqual(seriesOf(now, name));
        expect(seriesOf(then, name), name).toEqual(seriesOf(now, name));
      }
    },
  );

  it('keeps the suffixes that the type of a family has', async () => {
    const scraped = withFigures();
    scraped.inject({ fault: 'metrics.names' });
    const labels = '{engine="1",model_name="tiny"}';
    const samples = await scraped.samples();
    expect(samples.get(`vllm:gpu_cache_usage_perc${labels}`)).toBe(0.75);
    expect(samples.get(`vllm:gpu_prefix_cache_queries_total${labels}`)).toBe(41);
    expect(samples.get(`vllm:gpu_prefix_cache_hits_total${labels}`)).toBe(31);
    expect(samples.has(`vllm:gpu_prefix_cache_hits_created${labels}`)).toBe(true);
    expect(samples.get(`vllm:time_per_output_token_seconds_count${labels}`)).toBe(2);
    const bucket = 'engine="1",le="0.025",model_name="tiny"';
    expect(samples.get(`vllm:time_per_output_token_seconds_bucket{${bucket}}`)).toBe(1);
  });

  it('tells of the new name where the old one is deprecated, and not before', async () => {
    const helps = async (version: string): Promise<readonly string[]> => {
      const scraped = new Scraped();
      scraped.inject({ fault: 'metrics.names', version });
      const lines = (await scraped.body()).split('\n');
      return RENAMED.flatMap(([old]) => lines.filter((line) => line.startsWith(`# HELP ${old}`)));
    };
    for (const line of await helps('0.10.2')) expect(line).toContain('DEPRECATED: Use vllm:');
    for (const line of await helps('0.9.1')) expect(line).not.toContain('DEPRECATED');
  });

  it('shows 0 of what nothing counts any more', async () => {
    const scraped = withFigures();
    scraped.inject({ fault: 'metrics.names', version: '0.19.0' });
    const samples = await scraped.samples();
    const labels = '{engine="0",model_name="tiny"}';
    expect(samples.get(`vllm:prompt_tokens_cached_total${labels}`)).toBe(7);
    expect(samples.get(`vllm:prompt_tokens_recomputed_total${labels}`)).toBe(0);
  });

  it('shows values that are held under the older name, too', async () => {
    const scraped = new Scraped();
    scraped.inject({ fault: 'metrics.names', version: '0.9.1' });
    scraped.inject({ fault: 'metrics.hold', engine: 1, value: 0.95 });
    const key = 'vllm:gpu_cache_usage_perc{engine="1",model_name="tiny"}';
    expect((await scraped.samples()).get(key)).toBe(0.95);
  });
});
