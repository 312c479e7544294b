import { describe, expect, it } from 'vitest';
import type { DpMetricsMode } from '../../../../src/frontend/metrics/cache-config-info.ts';
import { FrontendMetrics } from '../../../../src/frontend/metrics/frontend-metrics.ts';
import { IterationStats } from '../../../../src/frontend/metrics/iteration-stats.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { createSchedulerStats } from '../../../../src/shared/protocol/defaults.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from '../../../support/cache-config-settings.ts';
import { parseExposition, samplesByKey } from '../../../support/exposition.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';

function createMetrics({
  dpMetrics = 'per-engine' as DpMetricsMode,
  arrival = [0, 1],
  maxLoras = null as number | null,
  overrides = null as ReadonlyMap<number, number> | null,
  clock = new VirtualClock(),
} = {}): FrontendMetrics {
  const engines = new Map(
    arrival.map((rank) => [
      rank,
      createReadyResponse({
        dataParallelRank: rank,
        numGpuBlocks: 100 * (rank + 1),
        kvCacheSizeTokens: 1600 * (rank + 1),
        kvCacheMaxConcurrency: 1.5625 * (rank + 1),
      }),
    ]),
  );
  return new FrontendMetrics({
    engines,
    servedModelName: 'tiny',
    cacheConfig: { ...DEFAULT_CACHE_CONFIG_SETTINGS, numGpuBlocksOverride: overrides },
    dpMetrics,
    kvCacheMetrics: false,
    maxLoras,
    clock,
  });
}

async function infoLabels(metrics: FrontendMetrics): Promise<readonly Record<string, string>[]> {
  const { body } = await metrics.render({ accept: undefined, names: [] });
  return (
    parseExposition(body)
      .get('vllm:cache_config_info')
      ?.samples.map(({ labels }) => labels) ?? []
  );
}

function tokens(promptTokensComputed: number): IterationStats {
  return Object.assign(new IterationStats(0), { promptTokensComputed });
}

const all = { accept: undefined, names: [] };

describe('vllm:cache_config_info', () => {
  it.each([[[0, 1]], [[1, 0]]])(
    'shows each engine its own capacity when they report in order %j',
    async (arrival) => {
      const labels = await infoLabels(createMetrics({ arrival }));
      expect(
        labels.map((l) => [l['engine'], l['kv_cache_size_tokens'], l['kv_cache_max_concurrency']]),
      ).toEqual([
        ['0', '1600', '1.5625'],
        ['1', '3200', '3.125'],
      ]);
    },
  );

  it('sums num_gpu_blocks over the engines on every child', async () => {
    const labels = await infoLabels(createMetrics());
    expect(labels.map((l) => l['num_gpu_blocks'])).toEqual(['300', '300']);
  });

  it('shows the first engine that reported on every child in vllm mode', async () => {
    const labels = await infoLabels(createMetrics({ dpMetrics: 'vllm', arrival: [1, 0] }));
    expect(labels.map((l) => l['kv_cache_size_tokens'])).toEqual(['3200', '3200']);
  });

  it('shows overrides of single ranks per engine, and none in vllm mode', async () => {
    const overrides = new Map([[1, 200]]);
    const own = await infoLabels(createMetrics({ overrides }));
    expect(own.map((l) => l['num_gpu_blocks_override'])).toEqual(['None', '200']);
    const vllm = await infoLabels(createMetrics({ overrides, dpMetrics: 'vllm' }));
    expect(vllm.map((l) => l['num_gpu_blocks_override'])).toEqual(['None', 'None']);
  });
});

describe('FrontendMetrics', () => {
  it('adds up the counters of several API servers and takes the most recent gauge', async () => {
    const clock = new VirtualClock();
    const [a, b] = [createMetrics({ clock }), createMetrics({ clock })];
    const queries = (n: number) => ({
      ...createSchedulerStats().prefixCacheStats,
      requests: 1,
      queries: n,
    });
    clock.advance(10);
    b.record(1, createSchedulerStats({ numRunningReqs: 5, prefixCacheStats: queries(30) }), null);
    clock.advance(10);
    a.record(1, createSchedulerStats({ numRunningReqs: 2, prefixCacheStats: queries(12) }), null);
    const merged = samplesByKey((await a.renderMerged([a.snapshot(), b.snapshot()], all)).body);
    expect(merged.get('vllm:prefix_cache_queries_total{engine="1",model_name="tiny"}')).toBe(42);
    expect(merged.get('vllm:num_requests_running{engine="1",model_name="tiny"}')).toBe(2);
    expect(merged.has('vllm:num_requests_running{engine="0",model_name="tiny"}')).toBe(false);
  });

  it('answers OpenMetrics where Accept asks for it', async () => {
    const { body, contentType } = await createMetrics().render({
      accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5',
      names: [],
    });
    expect(contentType).toContain('application/openmetrics-text; version=1.0.0');
    const text = body.toString();
    expect(text.endsWith('# EOF\n')).toBe(true);
    expect(text).toContain('# TYPE vllm:prompt_tokens counter\n');
    expect(text).toContain('vllm:prompt_tokens_total{engine="0",model_name="tiny"} 0');
  });

  it('renders only the families that name[] asks for', async () => {
    const { body } = await createMetrics().render({
      accept: undefined,
      names: ['vllm:num_requests_running'],
    });
    expect([...parseExposition(body).keys()]).toEqual(['vllm:num_requests_running']);
  });

  it('shows which LoRA adapters run and wait', async () => {
    const metrics = createMetrics({ maxLoras: 4 });
    metrics.record(
      0,
      createSchedulerStats({ runningLoraAdapters: { a: 1, b: 2 }, waitingLoraAdapters: { c: 1 } }),
      null,
    );
    const { body } = await metrics.render(all);
    const sample = parseExposition(body).get('vllm:lora_requests_info')?.samples[0];
    expect(sample?.labels).toEqual({
      max_lora: '4',
      running_lora_adapters: 'a,b',
      waiting_lora_adapters: 'c',
    });
  });

  it('shows the sleep level of all engines', async () => {
    const metrics = createMetrics();
    metrics.recordSleepState({ isSleeping: true, level: 1 });
    const samples = samplesByKey((await metrics.render(all)).body);
    const state = (name: string) =>
      samples.get(`vllm:engine_sleep_state{engine="1",model_name="tiny",sleep_state="${name}"}`);
    expect([state('awake'), state('weights_offloaded'), state('discard_all')]).toEqual([0, 1, 0]);
  });

  it('counts HTTP exchanges by route, not those that watch the server', async () => {
    const metrics = createMetrics();
    const exchange = {
      handler: '/v1/completions',
      path: '/v1/completions',
      method: 'POST',
      statusCode: 404,
      requestBytes: 10,
      responseBytes: 20,
      durationSeconds: 0.2,
      nowSeconds: 1,
    };
    metrics.recordHttp(exchange);
    metrics.recordHttp({ ...exchange, handler: '/metrics', path: '/metrics' });
    metrics.recordHttp({ ...exchange, handler: null, path: '/nothing' });
    const samples = samplesByKey((await metrics.render(all)).body);
    const requests = [...samples].filter(([key]) => key.startsWith('http_requests_total'));
    expect(Object.fromEntries(requests)).toEqual({
      'http_requests_total{handler="/v1/completions",method="POST",status="4xx"}': 1,
      'http_requests_total{handler="none",method="POST",status="4xx"}': 1,
    });
    expect(
      samples.get('http_request_duration_seconds_bucket{handler="none",le="0.5",method="POST"}'),
    ).toBe(1);
  });

  it("writes vLLM's log line, at debug once two lines in a row were idle", () => {
    const clock = new VirtualClock();
    const metrics = createMetrics({ arrival: [0], clock });
    const prefixCacheStats = {
      ...createSchedulerStats().prefixCacheStats,
      requests: 1,
      queries: 200,
      hits: 50,
    };
    metrics.record(
      0,
      createSchedulerStats({
        numRunningReqs: 2,
        numWaitingReqs: 1,
        kvCacheUsage: 0.1234,
        prefixCacheStats,
      }),
      null,
    );
    clock.advance(10_000);
    expect(metrics.logLines()).toEqual([
      {
        level: 'debug',
        text: 'Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0 tokens/s, Running: 2 reqs, Waiting: 1 reqs, GPU KV cache usage: 12.3%, Prefix cache hit rate: 25.0%',
      },
    ]);
  });

  it('writes a log line per engine in rank order, for the time since the last ones', () => {
    const clock = new VirtualClock({ startMs: 5_000 });
    const metrics = createMetrics({ arrival: [1, 0], clock });
    metrics.record(1, createSchedulerStats({ numRunningReqs: 3 }), tokens(40));
    clock.advance(10_000);
    const beginnings = () => metrics.logLines().map(({ text }) => text.slice(0, 46));
    expect(beginnings()).toEqual([
      'Engine 000: Avg prompt throughput: 0.0 tokens/',
      'Engine 001: Avg prompt throughput: 4.0 tokens/',
    ]);
    metrics.record(0, null, tokens(10));
    clock.advance(5_000);
    expect(beginnings()).toEqual([
      'Engine 000: Avg prompt throughput: 2.0 tokens/',
      'Engine 001: Avg prompt throughput: 0.0 tokens/',
    ]);
  });

  it('hands a message to the families of its engine too, and refuses one of an unknown engine', async () => {
    const metrics = createMetrics();
    metrics.record(1, null, tokens(40));
    const samples = samplesByKey((await metrics.render(all)).body);
    expect(
      samples.get(
        'vllm:prompt_tokens_by_source_total{engine="1",model_name="tiny",source="local_compute"}',
      ),
    ).toBe(40);
    expect(() => metrics.record(7, null, tokens(1))).toThrow('engine 7, which never reported');
  });

  it('counts admission rejections', async () => {
    const metrics = createMetrics();
    metrics.recordAdmissionRejection('max_num_queued_tokens');
    const samples = samplesByKey((await metrics.render(all)).body);
    expect(
      samples.get(
        'vllm:admission_rejections_total{model_name="tiny",reason="max_num_queued_tokens"}',
      ),
    ).toBe(1);
  });

  it('shows the process first, then vllm, then HTTP, made when the clock says', async () => {
    const clock = new VirtualClock();
    const metrics = createMetrics({ clock });
    const { body } = await metrics.render(all);
    const rooms = [...parseExposition(body).keys()].map(
      (name) => /^(vllm:|http_|process_)/.exec(name)?.[1],
    );
    expect([...new Set(rooms)]).toEqual(['process_', 'vllm:', 'http_']);
    const samples = samplesByKey(body);
    expect(samples.get('http_request_duration_highr_seconds_created{}')).toBe(
      clock.wallMs() / 1000,
    );
    expect(samples.get('process_resident_memory_bytes{}')).toBeGreaterThan(0);
  });

  it('of several API servers tells nothing of a process, nor when a child was made', async () => {
    const metrics = createMetrics();
    const { body } = await metrics.renderMerged([metrics.snapshot(), metrics.snapshot()], all);
    const names = [...parseExposition(body).keys()];
    expect(names.filter((name) => /^process_|_created$/.test(name))).toEqual([]);
    expect(names).toContain('vllm:cache_config_info');
  });

  it.each([
    [
      ['vllm:num_preemptions_total'],
      ['vllm:num_preemptions_total', 'vllm:num_preemptions_created'],
    ],
    [
      ['vllm:num_preemptions_total_created'],
      ['vllm:num_preemptions_total', 'vllm:num_preemptions_created'],
    ],
    [['vllm:num_preemptions'], []],
    [
      ['vllm:e2e_request_latency_seconds_bucket'],
      ['vllm:e2e_request_latency_seconds', 'vllm:e2e_request_latency_seconds_created'],
    ],
    [
      ['vllm:num_requests_running', 'vllm:kv_cache_usage_perc'],
      ['vllm:num_requests_running', 'vllm:kv_cache_usage_perc'],
    ],
    [['vllm:num_requests'], []],
  ])('shows for name[] %j the families %j', async (names, expected) => {
    const { body } = await createMetrics().render({ accept: undefined, names });
    expect([...parseExposition(body).keys()]).toEqual(expected);
  });

  it('shows only the asked families of several API servers too', async () => {
    const metrics = createMetrics();
    const names = ['vllm:num_requests_running'];
    const { body } = await metrics.renderMerged([metrics.snapshot()], { accept: undefined, names });
    expect([...parseExposition(body).keys()]).toEqual(names);
  });
});
