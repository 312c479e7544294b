/**
 * Everything under `vllm:` on `/metrics`: one child per engine and label value from the start, written as messages come
 * in and rendered at a scrape. Per-engine values are never summed.
 * Source: vllm/v1/metrics/loggers.py PrometheusStatLogger (0.33.0).
 */

import { assert } from '../../shared/assert.ts';
import type { Clock } from '../../shared/clock.ts';
import type { KVTransferConfig } from '../../shared/config/kv-transfer-config.ts';
import type { OlderMetrics } from '../../shared/metric-catalogue/older-metrics.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import { FINISH_REASON_STRINGS } from '../../shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type {
  KVCacheEvictionEvent,
  PerfStats,
  SchedulerStats,
} from '../../shared/protocol/stats.ts';
import type { CustomBuckets } from './buckets.ts';
import {
  type CacheConfigSettings,
  cacheConfigInfo,
  type DpMetricsMode,
} from './cache-config-info.ts';
import { type Observer, sortedLabels } from './child.ts';
import {
  type AdmissionReason,
  CACHE_CONFIG_INFO,
  CACHE_HIT_SOURCES,
  LORA_REQUESTS_INFO,
  SLEEP_STATES,
  type SleepState,
} from './definitions.ts';
import { Family } from './families.ts';
import type { FinishedRequestStats, IterationStats } from './iteration-stats.ts';
import { KVConnectorMetrics } from './kv-connector-metrics.ts';
import {
  createVllmMetrics,
  type EngineChildren,
  type ResidencyChildren,
  type VllmMetrics,
} from './vllm-metrics.ts';

export interface PrometheusStatLoggerOptions {
  /** In order of arrival. */
  readonly engines: ReadonlyMap<EngineIndex, EngineCoreReadyResponse>;
  readonly servedModelName: string;
  readonly cacheConfig: CacheConfigSettings;
  readonly dpMetrics: DpMetricsMode;
  /** Labels of `vllm:cache_config_info`; null or absent: those of our own version. */
  readonly older?: Pick<OlderMetrics, 'cacheConfigInfo'> | null;
  /** `--kv-cache-metrics`: the residency histograms. */
  readonly kvCacheMetrics: boolean;
  /** `--custom-histogram-buckets`; none if absent. */
  readonly customBuckets?: CustomBuckets;
  /** `--max-loras` where LoRA is on, else null. */
  readonly maxLoras: number | null;
  /** Null or absent without a KV connector. */
  readonly kvTransfer?: Pick<KVTransferConfig, 'connector' | 'role'> | null;
  readonly clock: Clock;
}

type LoraLabel = (typeof LORA_REQUESTS_INFO.labelNames)[number];

export class PrometheusStatLogger {
  readonly families: readonly Family[];
  readonly #clock: Clock;
  readonly #metrics: VllmMetrics;
  readonly #kvConnector: KVConnectorMetrics | null;
  readonly #lora: { readonly family: Family<'gauge', LoraLabel>; readonly max: string } | null;

  constructor(options: PrometheusStatLoggerOptions) {
    const { engines, servedModelName, kvCacheMetrics, maxLoras, clock } = options;
    this.#clock = clock;
    const createdSeconds = clock.wallMs() / 1000;
    this.#metrics = createVllmMetrics({
      servedModelName,
      // Children stand in rank order, however the engines arrived.
      ranks: [...engines.keys()].sort((a, b) => a - b),
      maxModelLen: Math.min(...Array.from(engines.values(), (engine) => engine.maxModelLen)),
      kvCacheMetrics,
      customBuckets: options.customBuckets ?? {},
      createdSeconds,
    });
    this.#lora =
      maxLoras === null
        ? null
        : { family: new Family({ type: 'gauge', ...LORA_REQUESTS_INFO }), max: String(maxLoras) };
    this.#kvConnector = options.kvTransfer
      ? new KVConnectorMetrics({
          ...options.kvTransfer,
          servedModelName,
          ranks: [...engines.keys()].sort((a, b) => a - b),
          createdSeconds,
        })
      : null;
    this.families = [
      ...(this.#kvConnector?.families ?? []),
      ...this.#metrics.families,
      ...(this.#lora === null ? [] : [this.#lora.family]),
      cacheConfigFamily(options, createdSeconds),
    ];
    this.recordSleepState({ isSleeping: false, level: 0 });
  }

  /** Takes in one message of an engine; either part may be absent. */
  record(
    engineIndex: EngineIndex,
    schedulerStats: SchedulerStats | null,
    iterationStats: IterationStats | null,
  ): void {
    const children = this.#metrics.engines.get(engineIndex);
    assert(children !== undefined, () => `stats of engine ${engineIndex}, which never reported`);
    if (schedulerStats !== null) {
      const nowMs = this.#clock.wallMs();
      recordSchedulerStats(children, schedulerStats, nowMs);
      this.#recordLoraAdapters(schedulerStats, nowMs);
      this.#kvConnector?.recordStages(engineIndex, schedulerStats.numKvFetchReqsByStage, nowMs);
      this.#kvConnector?.observe(engineIndex, schedulerStats.kvConnectorStats, nowMs);
      const residency = this.#metrics.residency.get(engineIndex);
      // Without --kv-cache-metrics nobody asked for what an engine samples.
      if (residency !== undefined) recordEvictions(residency, schedulerStats.kvCacheEvictionEvents);
    }
    if (iterationStats !== null) recordIterationStats(children, iterationStats);
  }

  /** All engines sleep and wake together. Level 1 offloads weights, level 2 discards them. */
  recordSleepState(state: { isSleeping: boolean; level: number }): void {
    const current = sleepStateOf(state);
    const nowMs = this.#clock.wallMs();
    for (const { engineSleepState } of this.#metrics.engines.values())
      for (const name of SLEEP_STATES) engineSleepState[name].set(name === current ? 1 : 0, nowMs);
  }

  recordAdmissionRejection(reason: AdmissionReason): void {
    this.#metrics.frontend.admissionRejections[reason].inc(1);
  }

  #recordLoraAdapters(stats: SchedulerStats, nowMs: number): void {
    if (this.#lora === null) return;
    const labels = {
      max_lora: this.#lora.max,
      running_lora_adapters: Object.keys(stats.runningLoraAdapters).join(','),
      waiting_lora_adapters: Object.keys(stats.waitingLoraAdapters).join(','),
    };
    this.#lora.family.child(labels, nowMs / 1000).set(nowMs / 1000, nowMs);
  }
}

/** Null for a level that vLLM has no state for: then all of them are 0. */
function sleepStateOf(state: { isSleeping: boolean; level: number }): SleepState | null {
  if (!state.isSleeping) return 'awake';
  if (state.level === 1) return 'weights_offloaded';
  return state.level === 2 ? 'discard_all' : null;
}

function recordPerfStats(children: EngineChildren, stats: PerfStats): void {
  children.estimatedFlops.inc(Number(stats.numFlopsPerGpu));
  children.estimatedReadBytes.inc(Number(stats.numReadBytesPerGpu));
  children.estimatedWriteBytes.inc(Number(stats.numWriteBytesPerGpu));
}

function recordSchedulerStats(
  children: EngineChildren,
  stats: SchedulerStats,
  nowMs: number,
): void {
  const { numWaitingReqs, numSkippedWaitingReqs, prefixCacheStats } = stats;
  children.numRequestsRunning.set(stats.numRunningReqs, nowMs);
  children.numRequestsWaiting.set(numWaitingReqs + numSkippedWaitingReqs, nowMs);
  children.numRequestsWaitingByReason.capacity.set(numWaitingReqs, nowMs);
  children.numRequestsWaitingByReason.deferred.set(numSkippedWaitingReqs, nowMs);
  children.kvCacheUsagePerc.set(stats.kvCacheUsage, nowMs);
  if (stats.perfStats !== null) recordPerfStats(children, stats.perfStats);
  children.prefixCacheQueries.inc(prefixCacheStats.queries);
  children.prefixCacheHits.inc(prefixCacheStats.hits);
  children.promptTokensCachedBySource.device.inc(prefixCacheStats.hits);
  const external = stats.connectorPrefixCacheStats;
  if (external !== null) {
    children.externalPrefixCacheQueries.inc(external.queries);
    children.externalPrefixCacheHits.inc(external.hits);
    for (const source of CACHE_HIT_SOURCES)
      children.promptTokensCachedBySource[source].inc(external.hitsBySource[source] ?? 0);
  }
}

function recordEvictions(
  children: ResidencyChildren,
  events: readonly KVCacheEvictionEvent[],
): void {
  for (const event of events) {
    children.kvBlockLifetime.observe(event.lifetimeSeconds);
    children.kvBlockIdleBeforeEvict.observe(event.idleSeconds);
    observeAll(children.kvBlockReuseGap, event.reuseGapsSeconds);
  }
}

function recordIterationStats(children: EngineChildren, stats: IterationStats): void {
  children.numPreemptions.inc(stats.numPreemptedReqs);
  children.promptTokens.inc(stats.promptTokensTotal);
  children.promptTokensBySource.local_compute.inc(stats.promptTokensComputed);
  children.promptTokensBySource.local_cache_hit.inc(stats.promptTokensLocalCacheHit);
  children.promptTokensBySource.external_kv_transfer.inc(stats.promptTokensExternal);
  children.promptTokensCached.inc(stats.promptTokensCached);
  children.generationTokens.inc(stats.numGenerationTokens);
  children.iterationTokens.observe(stats.promptTokensComputed + stats.numGenerationTokens);
  observeAll(children.requestMaxNumGenerationTokens, stats.maxNumGenerationTokens);
  observeAll(children.requestParamsN, stats.nParams);
  observeAll(children.timeToFirstToken, stats.timeToFirstTokens);
  observeAll(children.interTokenLatency, stats.interTokenLatencies);
  for (const finished of stats.finishedRequests) recordFinishedRequest(children, finished);
}

function observeAll(child: Observer, values: readonly number[]): void {
  for (const value of values) child.observe(value);
}

function recordFinishedRequest(children: EngineChildren, finished: FinishedRequestStats): void {
  children.requestSuccess[FINISH_REASON_STRINGS[finished.finishReason]].inc(1);
  children.e2eRequestLatency.observe(finished.e2eLatency);
  children.requestQueueTime.observe(finished.queuedTime);
  children.requestPrefillTime.observe(finished.prefillTime);
  children.requestInferenceTime.observe(finished.inferenceTime);
  children.requestDecodeTime.observe(finished.decodeTime);
  children.requestNumPreemptions.observe(finished.numPreemptions);
  children.requestPrefillKvComputedTokens.observe(
    finished.numPromptTokens - Math.max(finished.numCachedTokens, 0),
  );
  children.requestPromptTokens.observe(finished.numPromptTokens);
  children.requestGenerationTokens.observe(finished.numGenerationTokens);
  children.requestTimePerOutputToken.observe(finished.meanTimePerOutputToken);
  // vLLM too tells a request that left it open from one that has it by truth, not by null.
  if (finished.maxTokensParam) children.requestParamsMaxTokens.observe(finished.maxTokensParam);
}

function cacheConfigFamily(options: PrometheusStatLoggerOptions, createdSeconds: number): Family {
  const family = new Family({ type: 'gauge', ...CACHE_CONFIG_INFO });
  const labelNames = options.older ? Object.keys(options.older.cacheConfigInfo) : null;
  const mode = options.dpMetrics;
  const children = [...cacheConfigInfo(options.engines, options.cacheConfig, { mode, labelNames })];
  children.sort((a, b) => Number(a['engine']) - Number(b['engine']));
  for (const labels of children)
    family.child(sortedLabels(labels), createdSeconds).set(1, createdSeconds * 1000);
  return family;
}
