/**
 * Everything under `vllm:` on `/metrics`: one child per engine and label value from the start, written as messages come
 * in and rendered at a scrape. Per-engine values are never summed.
 * Source: vllm/v1/metrics/loggers.py PrometheusStatLogger (0.33.0). Leaves out: connectors, speculative decoding.
 */
import { assert } from '../../shared/assert.ts';
import type { Clock } from '../../shared/clock.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';
import { histogramBuckets } from './buckets.ts';
import {
  type CacheConfigSettings,
  cacheConfigInfo,
  type DpMetricsMode,
} from './cache-config-info.ts';
import {
  CACHE_CONFIG_INFO,
  LORA_REQUESTS_INFO,
  METRICS,
  type MetricDefinition,
  type MetricKey,
  SLEEP_STATES,
} from './definitions.ts';
import { type Child, Family, type Labels } from './families.ts';
import type { FinishedRequestStats, IterationStats } from './iteration-stats.ts';

export interface PrometheusStatLoggerOptions {
  /** In order of arrival. */
  readonly engines: ReadonlyMap<EngineIndex, EngineCoreReadyResponse>;
  readonly servedModelName: string;
  readonly cacheConfig: CacheConfigSettings;
  readonly dpMetrics: DpMetricsMode;
  /** `--kv-cache-metrics`: the residency histograms. */
  readonly kvCacheMetrics: boolean;
  /** `--max-loras` where LoRA is on, else null. */
  readonly maxLoras: number | null;
  readonly clock: Clock;
}

/** The children of one engine that the hot path writes. */
type EngineChildren = { readonly [K in MetricKey]?: readonly Child[] };

export class PrometheusStatLogger {
  readonly #clock: Clock;
  readonly #families: Family[] = [];
  readonly #children = new Map<EngineIndex, EngineChildren>();
  readonly #admissionRejections: ReadonlyMap<string, Child>;
  readonly #kvCacheMetrics: boolean;
  readonly #loraFamily: Family | null = null;
  readonly #maxLoras: number;

  constructor(options: PrometheusStatLoggerOptions) {
    const { engines, servedModelName, cacheConfig, dpMetrics, clock } = options;
    this.#clock = clock;
    this.#kvCacheMetrics = options.kvCacheMetrics;
    this.#maxLoras = options.maxLoras ?? 0;
    const createdSeconds = clock.wallMs() / 1000;
    let maxModelLen = Number.POSITIVE_INFINITY;
    for (const engine of engines.values()) maxModelLen = Math.min(maxModelLen, engine.maxModelLen);
    // Children stand in rank order, however the engines arrived.
    const ranks = [...engines.keys()].sort((a, b) => a - b);
    for (const rank of ranks) this.#children.set(rank, {});
    const rejections = new Map<string, Child>();
    for (const [key, definition] of Object.entries(METRICS) as [MetricKey, MetricDefinition][]) {
      if (definition.needs === 'kv_cache_metrics' && !options.kvCacheMetrics) continue;
      const family = familyOf(definition, maxModelLen);
      this.#families.push(family);
      const labelSets = labelSetsOf(definition, servedModelName, ranks);
      for (const { rank, labels, value } of labelSets) {
        const child = family.child(labels, createdSeconds);
        if (rank === null) rejections.set(value, child);
        else this.#addChild(rank, key, child);
      }
    }
    this.#admissionRejections = rejections;
    this.recordSleepState({ isSleeping: false, level: 0 });
    if (options.maxLoras !== null) {
      this.#loraFamily = new Family({ type: 'gauge', ...LORA_REQUESTS_INFO });
      this.#families.push(this.#loraFamily);
    }
    this.#families.push(cacheConfigFamily(engines, cacheConfig, dpMetrics, createdSeconds));
  }

  get families(): readonly Family[] {
    return this.#families;
  }

  /** Takes in one message of an engine; either part may be absent. */
  record(
    engineIndex: EngineIndex,
    schedulerStats: SchedulerStats | null,
    iterationStats: IterationStats | null,
  ): void {
    const children = this.#children.get(engineIndex);
    assert(children !== undefined, () => `stats of engine ${engineIndex}, which never reported`);
    if (schedulerStats !== null) this.#recordSchedulerStats(children, schedulerStats);
    if (iterationStats !== null) recordIterationStats(children, iterationStats);
  }

  /** All engines sleep and wake together. Level 1 offloads weights, level 2 discards them. */
  recordSleepState({ isSleeping, level }: { isSleeping: boolean; level: number }): void {
    const state = !isSleeping
      ? 'awake'
      : level === 1
        ? 'weights_offloaded'
        : level === 2
          ? 'discard_all'
          : null;
    const nowMs = this.#clock.wallMs();
    for (const children of this.#children.values()) {
      SLEEP_STATES.forEach((name, index) => {
        children.engineSleepState?.[index]?.set(name === state ? 1 : 0, nowMs);
      });
    }
  }

  recordAdmissionRejection(reason: 'max_num_queued_reqs' | 'max_num_queued_tokens'): void {
    this.#admissionRejections.get(reason)?.inc(1);
  }

  #addChild(rank: EngineIndex, key: MetricKey, child: Child): void {
    const children = this.#children.get(rank);
    assert(children !== undefined, () => `no children for engine ${rank}`);
    this.#children.set(rank, { ...children, [key]: [...(children[key] ?? []), child] });
  }

  #recordSchedulerStats(children: EngineChildren, stats: SchedulerStats): void {
    const nowMs = this.#clock.wallMs();
    const { numWaitingReqs, numSkippedWaitingReqs, prefixCacheStats } = stats;
    children.numRequestsRunning?.[0]?.set(stats.numRunningReqs, nowMs);
    children.numRequestsWaiting?.[0]?.set(numWaitingReqs + numSkippedWaitingReqs, nowMs);
    children.numRequestsWaitingByReason?.[0]?.set(numWaitingReqs, nowMs);
    children.numRequestsWaitingByReason?.[1]?.set(numSkippedWaitingReqs, nowMs);
    children.kvCacheUsagePerc?.[0]?.set(stats.kvCacheUsage, nowMs);
    children.prefixCacheQueries?.[0]?.inc(prefixCacheStats.queries);
    children.prefixCacheHits?.[0]?.inc(prefixCacheStats.hits);
    children.promptTokensCachedBySource?.[0]?.inc(prefixCacheStats.hits);
    if (stats.connectorPrefixCacheStats !== null) {
      children.externalPrefixCacheQueries?.[0]?.inc(stats.connectorPrefixCacheStats.queries);
      children.externalPrefixCacheHits?.[0]?.inc(stats.connectorPrefixCacheStats.hits);
    }
    if (this.#kvCacheMetrics) {
      for (const event of stats.kvCacheEvictionEvents) {
        children.kvBlockLifetime?.[0]?.observe(event.lifetimeSeconds);
        children.kvBlockIdleBeforeEvict?.[0]?.observe(event.idleSeconds);
        for (const gap of event.reuseGapsSeconds) children.kvBlockReuseGap?.[0]?.observe(gap);
      }
    }
    if (this.#loraFamily !== null) {
      const labels = {
        max_lora: String(this.#maxLoras),
        waiting_lora_adapters: Object.keys(stats.waitingLoraAdapters).join(','),
        running_lora_adapters: Object.keys(stats.runningLoraAdapters).join(','),
      };
      this.#loraFamily.child(labels, nowMs / 1000).set(nowMs / 1000, nowMs);
    }
  }
}

function recordIterationStats(children: EngineChildren, stats: IterationStats): void {
  children.numPreemptions?.[0]?.inc(stats.numPreemptedReqs);
  children.promptTokens?.[0]?.inc(stats.promptTokensTotal);
  children.promptTokensBySource?.[0]?.inc(stats.promptTokensComputed);
  children.promptTokensBySource?.[1]?.inc(stats.promptTokensLocalCacheHit);
  children.promptTokensBySource?.[2]?.inc(stats.promptTokensExternal);
  children.promptTokensCached?.[0]?.inc(stats.promptTokensCached);
  children.generationTokens?.[0]?.inc(stats.numGenerationTokens);
  children.iterationTokens?.[0]?.observe(stats.promptTokensComputed + stats.numGenerationTokens);
  observeAll(children.requestMaxNumGenerationTokens, stats.maxNumGenerationTokens);
  observeAll(children.requestParamsN, stats.nParams);
  observeAll(children.timeToFirstToken, stats.timeToFirstTokens);
  observeAll(children.interTokenLatency, stats.interTokenLatencies);
  for (const finished of stats.finishedRequests) recordFinishedRequest(children, finished);
}

function observeAll(child: readonly Child[] | undefined, values: readonly number[]): void {
  for (const value of values) child?.[0]?.observe(value);
}

function recordFinishedRequest(children: EngineChildren, finished: FinishedRequestStats): void {
  children.requestSuccess?.[finished.finishReason]?.inc(1);
  children.e2eRequestLatency?.[0]?.observe(finished.e2eLatency);
  children.requestQueueTime?.[0]?.observe(finished.queuedTime);
  children.requestPrefillTime?.[0]?.observe(finished.prefillTime);
  children.requestInferenceTime?.[0]?.observe(finished.inferenceTime);
  children.requestDecodeTime?.[0]?.observe(finished.decodeTime);
  children.requestNumPreemptions?.[0]?.observe(finished.numPreemptions);
  children.requestPrefillKvComputedTokens?.[0]?.observe(
    finished.numPromptTokens - Math.max(finished.numCachedTokens, 0),
  );
  children.requestPromptTokens?.[0]?.observe(finished.numPromptTokens);
  children.requestGenerationTokens?.[0]?.observe(finished.numGenerationTokens);
  children.requestTimePerOutputToken?.[0]?.observe(finished.meanTimePerOutputToken);
  if (finished.maxTokensParam)
    children.requestParamsMaxTokens?.[0]?.observe(finished.maxTokensParam);
}

function familyOf({ name, help, type, buckets }: MetricDefinition, maxModelLen: number): Family {
  return buckets === undefined
    ? new Family({ name, help, type })
    : new Family({ name, help, type, buckets: histogramBuckets(buckets, maxModelLen) });
}

interface LabelSet {
  /** Null for a family without an engine label. */
  readonly rank: EngineIndex | null;
  readonly labels: Labels;
  /** The extra label's value, '' without one. */
  readonly value: string;
}

/** Label names in alphabetical order, as Python's client writes them; all ranks of a value before the next value. */
function labelSetsOf(
  { extraLabel, perEngine = true }: MetricDefinition,
  modelName: string,
  ranks: readonly EngineIndex[],
): readonly LabelSet[] {
  const sets: LabelSet[] = [];
  for (const value of extraLabel?.values ?? ['']) {
    for (const rank of perEngine ? ranks : [null]) {
      const labels: Record<string, string> = { model_name: modelName };
      if (rank !== null) labels['engine'] = String(rank);
      if (extraLabel !== undefined) labels[extraLabel.name] = value;
      sets.push({ rank, labels: sorted(labels), value });
    }
  }
  return sets;
}

function sorted(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function cacheConfigFamily(
  engines: ReadonlyMap<EngineIndex, EngineCoreReadyResponse>,
  settings: CacheConfigSettings,
  mode: DpMetricsMode,
  createdSeconds: number,
): Family {
  const family = new Family({ type: 'gauge', ...CACHE_CONFIG_INFO });
  const children = [...cacheConfigInfo(engines, settings, mode)];
  children.sort((a, b) => Number(a['engine']) - Number(b['engine']));
  for (const labels of children) family.child(sorted(labels), createdSeconds).set(1, 0);
  return family;
}
