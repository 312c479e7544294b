import { describe, expect, it } from 'vitest';
import { METRICS, type MetricDefinition } from '../../../../src/frontend/metrics/definitions.ts';
import {
  type FinishedRequestStats,
  IterationStats,
} from '../../../../src/frontend/metrics/iteration-stats.ts';
import {
  PrometheusStatLogger,
  type PrometheusStatLoggerOptions,
} from '../../../../src/frontend/metrics/prometheus-stat-logger.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { createSchedulerStats } from '../../../../src/shared/protocol/defaults.ts';
import { FinishReason } from '../../../../src/shared/protocol/outputs.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from '../../../support/cache-config-settings.ts';
import { changesBetween, samplesOf } from '../../../support/metrics.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';

function createStatLogger({
  arrival = [1, 0],
  ...options
}: Partial<PrometheusStatLoggerOptions> & { arrival?: readonly number[] } = {}) {
  return new PrometheusStatLogger({
    engines: new Map(
      arrival.map((rank) => [
        rank,
        createReadyResponse({ dataParallelRank: rank, maxModelLen: 100 * (rank + 1) }),
      ]),
    ),
    servedModelName: 'm',
    cacheConfig: DEFAULT_CACHE_CONFIG_SETTINGS,
    dpMetrics: 'per-engine',
    kvCacheMetrics: true,
    maxLoras: null,
    clock: new VirtualClock(),
    ...options,
  });
}

/** What `act` adds to the samples, without `vllm:` and the labels that all of them have here. */
async function changesOf(
  statLogger: PrometheusStatLogger,
  act: () => void,
): Promise<Readonly<Record<string, number>>> {
  const before = await samplesOf(statLogger.families);
  act();
  const changes = changesBetween(before, await samplesOf(statLogger.families));
  return Object.fromEntries(
    Object.entries(changes).map(([key, change]) => [
      key
        .replace(/^vllm:/, '')
        .replace(/engine="1",?/, '')
        .replace(/,?model_name="m",?/, '')
        .replace('{}', ''),
      change,
    ]),
  );
}

const prefixCacheStats = {
  ...createSchedulerStats().prefixCacheStats,
  requests: 1,
  queries: 70,
  hits: 30,
};

function createIteration(fields: Partial<IterationStats> = {}): IterationStats {
  return Object.assign(new IterationStats(0), fields);
}

const finished: FinishedRequestStats = {
  finishReason: FinishReason.LENGTH,
  e2eLatency: 11,
  numPromptTokens: 12,
  numGenerationTokens: 13,
  numPreemptions: 2,
  numCachedTokens: 5,
  maxTokensParam: 16,
  queuedTime: 17,
  prefillTime: 18,
  inferenceTime: 19,
  decodeTime: 20,
  meanTimePerOutputToken: 21,
};

/** Of each histogram, its name alone with the sum that one observation made. */
function observations(changes: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(changes).flatMap(([key, change]) => {
      const name = /^(.*)_sum$/.exec(key)?.[1];
      if (name === undefined) return key.endsWith('_count') ? [] : [[key, change]];
      expect(changes[`${name}_count`], `observations of ${name}`).toBe(1);
      return [[name, change]];
    }),
  );
}

describe("an engine's scheduler stats", () => {
  it('set the gauges and count what the prefix cache answered, of that engine alone', async () => {
    const statLogger = createStatLogger();
    const stats = createSchedulerStats({
      numRunningReqs: 4,
      numWaitingReqs: 5,
      numSkippedWaitingReqs: 2,
      kvCacheUsage: 0.25,
      prefixCacheStats,
    });
    expect(await changesOf(statLogger, () => statLogger.record(1, stats, null))).toEqual({
      num_requests_running: 4,
      num_requests_waiting: 7,
      'num_requests_waiting_by_reason{reason="capacity"}': 5,
      'num_requests_waiting_by_reason{reason="deferred"}': 2,
      kv_cache_usage_perc: 0.25,
      prefix_cache_queries_total: 70,
      prefix_cache_hits_total: 30,
      'prompt_tokens_cached_by_source_total{source="device"}': 30,
    });
  });

  it('set gauges anew and add to counters', async () => {
    const statLogger = createStatLogger();
    statLogger.record(1, createSchedulerStats({ numRunningReqs: 4, prefixCacheStats }), null);
    const next = createSchedulerStats({ numRunningReqs: 1, prefixCacheStats });
    expect(await changesOf(statLogger, () => statLogger.record(1, next, null))).toEqual({
      num_requests_running: -3,
      prefix_cache_queries_total: 70,
      prefix_cache_hits_total: 30,
      'prompt_tokens_cached_by_source_total{source="device"}': 30,
    });
  });

  it("count a connector's answers by the tier that gave them", async () => {
    const statLogger = createStatLogger();
    const connectorPrefixCacheStats = {
      ...prefixCacheStats,
      queries: 40,
      hits: 9,
      hitsBySource: { host: 4, disk: 3, p2p: 1, external_unspecified: 1 },
    };
    const stats = createSchedulerStats({ connectorPrefixCacheStats });
    expect(await changesOf(statLogger, () => statLogger.record(1, stats, null))).toEqual({
      external_prefix_cache_queries_total: 40,
      external_prefix_cache_hits_total: 9,
      'prompt_tokens_cached_by_source_total{source="host"}': 4,
      'prompt_tokens_cached_by_source_total{source="disk"}': 3,
      'prompt_tokens_cached_by_source_total{source="p2p"}': 1,
      'prompt_tokens_cached_by_source_total{source="external_unspecified"}': 1,
    });
  });

  const kvCacheEvictionEvents = [{ lifetimeSeconds: 9, idleSeconds: 3, reuseGapsSeconds: [1, 2] }];

  it('fill the residency histograms with --kv-cache-metrics', async () => {
    const statLogger = createStatLogger();
    const stats = createSchedulerStats({ kvCacheEvictionEvents });
    expect(await changesOf(statLogger, () => statLogger.record(1, stats, null))).toEqual({
      kv_block_lifetime_seconds_count: 1,
      kv_block_lifetime_seconds_sum: 9,
      kv_block_idle_before_evict_seconds_count: 1,
      kv_block_idle_before_evict_seconds_sum: 3,
      kv_block_reuse_gap_seconds_count: 2,
      kv_block_reuse_gap_seconds_sum: 3,
    });
  });

  it('leave evictions aside without --kv-cache-metrics', async () => {
    const statLogger = createStatLogger({ kvCacheMetrics: false });
    const stats = createSchedulerStats({ kvCacheEvictionEvents });
    expect(await changesOf(statLogger, () => statLogger.record(1, stats, null))).toEqual({});
  });

  it('of an engine that never reported are a fault of our own', () => {
    expect(() => createStatLogger().record(2, createSchedulerStats(), null)).toThrow(
      'stats of engine 2, which never reported',
    );
  });
});

describe('what a message means for its requests', () => {
  it('counts preemptions, prompt tokens by source and generated tokens', async () => {
    const statLogger = createStatLogger();
    const iteration = createIteration({
      numPreemptedReqs: 3,
      promptTokensTotal: 100,
      promptTokensComputed: 60,
      promptTokensLocalCacheHit: 25,
      promptTokensExternal: 15,
      promptTokensCached: 40,
      numGenerationTokens: 8,
    });
    const changes = await changesOf(statLogger, () => statLogger.record(1, null, iteration));
    expect(changes).toEqual({
      num_preemptions_total: 3,
      prompt_tokens_total: 100,
      'prompt_tokens_by_source_total{source="local_compute"}': 60,
      'prompt_tokens_by_source_total{source="local_cache_hit"}': 25,
      'prompt_tokens_by_source_total{source="external_kv_transfer"}': 15,
      prompt_tokens_cached_total: 40,
      generation_tokens_total: 8,
      iteration_tokens_total_count: 1,
      iteration_tokens_total_sum: 68,
    });
  });

  it('observes each latency and parameter on its own', async () => {
    const statLogger = createStatLogger();
    const iteration = createIteration({
      maxNumGenerationTokens: [5, 6],
      nParams: [1, 2],
      timeToFirstTokens: [0.25, 0.5],
      interTokenLatencies: [0.125, 1],
    });
    const changes = await changesOf(statLogger, () => statLogger.record(1, null, iteration));
    expect(changes).toEqual({
      iteration_tokens_total_count: 1,
      request_max_num_generation_tokens_count: 2,
      request_max_num_generation_tokens_sum: 11,
      request_params_n_count: 2,
      request_params_n_sum: 3,
      time_to_first_token_seconds_count: 2,
      time_to_first_token_seconds_sum: 0.75,
      inter_token_latency_seconds_count: 2,
      inter_token_latency_seconds_sum: 1.125,
    });
  });

  it('observes each figure of a finished request in a histogram of its own', async () => {
    const statLogger = createStatLogger();
    const iteration = createIteration({ finishedRequests: [finished], numGenerationTokens: 1 });
    const changes = await changesOf(statLogger, () => statLogger.record(1, null, iteration));
    expect(observations(changes)).toEqual({
      generation_tokens_total: 1,
      iteration_tokens_total: 1,
      'request_success_total{finished_reason="length"}': 1,
      e2e_request_latency_seconds: 11,
      request_prompt_tokens: 12,
      request_generation_tokens: 13,
      request_num_preemptions: 2,
      request_prefill_kv_computed_tokens: 7,
      request_params_max_tokens: 16,
      request_queue_time_seconds: 17,
      request_prefill_time_seconds: 18,
      request_inference_time_seconds: 19,
      request_decode_time_seconds: 20,
      request_time_per_output_token_seconds: 21,
    });
  });

  it.each([
    [FinishReason.STOP, 'stop'],
    [FinishReason.LENGTH, 'length'],
    [FinishReason.ABORT, 'abort'],
    [FinishReason.ERROR, 'error'],
    [FinishReason.REPETITION, 'repetition'],
  ])('counts finish reason %i as %s', async (finishReason, word) => {
    const statLogger = createStatLogger();
    const iteration = createIteration({ finishedRequests: [{ ...finished, finishReason }] });
    const changes = await changesOf(statLogger, () => statLogger.record(1, null, iteration));
    const success = Object.entries(changes).filter(([key]) => key.startsWith('request_success'));
    expect(success).toEqual([[`request_success_total{finished_reason="${word}"}`, 1]]);
  });

  it('does not observe max_tokens of a request that left it open, nor negative cached tokens', async () => {
    const statLogger = createStatLogger();
    const open = { ...finished, maxTokensParam: null, numCachedTokens: -1 };
    const iteration = createIteration({ finishedRequests: [open] });
    const changes = await changesOf(statLogger, () => statLogger.record(1, null, iteration));
    expect(changes).not.toHaveProperty('request_params_max_tokens_count');
    expect(changes['request_prefill_kv_computed_tokens_sum']).toBe(12);
  });
});

describe('the sleep state', () => {
  const states = (of: Readonly<Record<string, number>>) =>
    Object.fromEntries(
      Object.entries(of).map(([key, value]) => [/sleep_state="(\w+)"/.exec(key)?.[1], value]),
    );

  it.each([
    [
      { isSleeping: true, level: 1 },
      { awake: -1, weights_offloaded: 1 },
    ],
    [
      { isSleeping: true, level: 2 },
      { awake: -1, discard_all: 1 },
    ],
    [{ isSleeping: true, level: 0 }, { awake: -1 }],
    [{ isSleeping: false, level: 1 }, {}],
  ])('of %j differs from awake by %j', async (state, expected) => {
    const statLogger = createStatLogger({ arrival: [1] });
    const changes = await changesOf(statLogger, () => statLogger.recordSleepState(state));
    expect(states(changes)).toEqual(expected);
  });

  it('is that of all engines, and returns to awake', async () => {
    const statLogger = createStatLogger({ arrival: [0, 1] });
    statLogger.recordSleepState({ isSleeping: true, level: 1 });
    const changes = await changesOf(statLogger, () =>
      statLogger.recordSleepState({ isSleeping: false, level: 1 }),
    );
    expect(Object.values(changes).sort()).toEqual([-1, -1, 1, 1]);
  });

  it('tells when it was set, so that of several API servers the latest is shown', () => {
    const clock = new VirtualClock();
    const statLogger = createStatLogger({ clock });
    clock.advance(40);
    statLogger.recordSleepState({ isSleeping: true, level: 1 });
    const family = statLogger.families.find(({ name }) => name === 'vllm:engine_sleep_state');
    const updated = family?.snapshot().children.map(({ updatedMs }) => updatedMs);
    expect(new Set(updated)).toEqual(new Set([clock.wallMs()]));
  });
});

describe('an admission rejection', () => {
  it.each(['max_num_queued_reqs', 'max_num_queued_tokens'] as const)(
    'is counted under its reason %s',
    async (reason) => {
      const statLogger = createStatLogger();
      const changes = await changesOf(statLogger, () =>
        statLogger.recordAdmissionRejection(reason),
      );
      expect(changes).toEqual({ [`admission_rejections_total{reason="${reason}"}`]: 1 });
    },
  );
});

describe('LoRA adapters', () => {
  const running = createSchedulerStats({
    runningLoraAdapters: { a: 1, b: 2 },
    waitingLoraAdapters: { c: 1, d: 1 },
  });

  it('are shown as labels whose value is when they were seen', async () => {
    const clock = new VirtualClock();
    const statLogger = createStatLogger({ maxLoras: 4, clock });
    clock.advance(1_000);
    statLogger.record(0, running, null);
    const samples = [...(await samplesOf(statLogger.families))].filter(([key]) =>
      key.startsWith('vllm:lora'),
    );
    expect(samples).toEqual([
      [
        'vllm:lora_requests_info{max_lora="4",running_lora_adapters="a,b",waiting_lora_adapters="c,d"}',
        clock.wallMs() / 1000,
      ],
    ]);
    const family = statLogger.families.find(({ name }) => name === 'vllm:lora_requests_info');
    expect(family?.help).toBe('Running stats on lora requests.');
    expect(family?.snapshot().children[0]).toMatchObject({
      updatedMs: clock.wallMs(),
      createdSeconds: clock.wallMs() / 1000,
    });
  });

  it('have no family without LoRA', () => {
    const statLogger = createStatLogger();
    statLogger.record(0, running, null);
    expect(statLogger.families.map(({ name }) => name)).not.toContain('vllm:lora_requests_info');
  });
});

describe('all vllm families', () => {
  it('stand in the order of their definitions, then LoRA, then the cache config', () => {
    expect(createStatLogger({ maxLoras: 1 }).families.map(({ name }) => name)).toEqual([
      ...Object.values(METRICS).map(({ name }) => name),
      'vllm:lora_requests_info',
      'vllm:cache_config_info',
    ]);
  });

  it('have a child per engine in rank order, whoever reported first, with their buckets up to the shortest max_model_len', async () => {
    const samples = [...(await samplesOf(createStatLogger().families)).keys()];
    const running = samples.filter((key) => key.startsWith('vllm:num_requests_running'));
    expect(running.map((key) => /engine="(\d)"/.exec(key)?.[1])).toEqual(['0', '1']);
    const info = samples.filter((key) => key.startsWith('vllm:cache_config_info'));
    expect(info.map((key) => /engine="(\d)"/.exec(key)?.[1])).toEqual(['0', '1']);
    const bounds = samples.filter((key) =>
      /vllm:request_prompt_tokens_bucket\{engine="1"/.test(key),
    );
    expect(bounds.map((key) => /le="([^"]*)"/.exec(key)?.[1])).toEqual([
      '1.0',
      '2.0',
      '5.0',
      '10.0',
      '20.0',
      '50.0',
      '100.0',
      '+Inf',
    ]);
  });

  it('say when they were made', () => {
    const clock = new VirtualClock();
    const statLogger = createStatLogger({ clock });
    for (const family of statLogger.families)
      for (const { createdSeconds } of family.snapshot().children)
        expect(createdSeconds).toBe(clock.wallMs() / 1000);
  });

  it('are written by something, or say why nothing writes them and then stay 0', () => {
    const statLogger = createStatLogger();
    const one = [1];
    const stats = createSchedulerStats({
      numRunningReqs: 1,
      numWaitingReqs: 1,
      numSkippedWaitingReqs: 1,
      kvCacheUsage: 1,
      prefixCacheStats,
      connectorPrefixCacheStats: prefixCacheStats,
      kvCacheEvictionEvents: [{ lifetimeSeconds: 1, idleSeconds: 1, reuseGapsSeconds: one }],
      perfStats: {
        numFlopsPerGpu: 1,
        numReadBytesPerGpu: 1n,
        numWriteBytesPerGpu: 1,
        debugStats: null,
      },
    });
    const iteration = createIteration({
      numPreemptedReqs: 1,
      promptTokensTotal: 1,
      promptTokensComputed: 1,
      promptTokensLocalCacheHit: 1,
      promptTokensExternal: 1,
      promptTokensCached: 1,
      numGenerationTokens: 1,
      finishedRequests: [finished],
      maxNumGenerationTokens: one,
      nParams: one,
      timeToFirstTokens: one,
      interTokenLatencies: one,
    });
    statLogger.record(0, stats, iteration);
    statLogger.recordAdmissionRejection('max_num_queued_reqs');
    for (const definition of Object.values(METRICS) as readonly MetricDefinition[]) {
      const family = statLogger.families.find(({ name }) => name === definition.name);
      const isWritten = family?.snapshot().children.some(({ value }) => value !== 0);
      expect(isWritten, definition.name).toBe(definition.neverWritten === undefined);
    }
  });
});
