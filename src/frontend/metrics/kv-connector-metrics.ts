/**
 * The metrics that a KV connector brings: registered with it, and not without.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1: metrics.py KVConnectorProm, nixl/stats.py NixlPromMetrics,
 * offloading/metrics.py OffloadPromMetrics; vllm/v1/metrics/loggers.py vllm:num_requests_kv_fetch_by_stage (0.33.0).
 */

import type { KVTransferConfig } from '../../shared/config/kv-transfer-config.ts';
import { isJsonObject } from '../../shared/json-object.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import { sortedLabels, type Writers } from './child.ts';
import { Family } from './families.ts';
import {
  type ConnectorMetric,
  FETCH_STAGES,
  NIXL_METRICS,
  OFFLOAD_INFO_LABELS,
  OFFLOAD_METRICS,
} from './kv-connector-definitions.ts';

const STAGES = ['waiting_to_start', 'in_progress', 'completed_waiting'] as const;
const TRANSFER_TYPES = { load: 'CPU_to_GPU', store: 'GPU_to_CPU' } as const;

export interface KVConnectorMetricsOptions {
  readonly connector: KVTransferConfig['connector'];
  readonly role: KVTransferConfig['role'];
  readonly servedModelName: string;
  readonly ranks: readonly EngineIndex[];
  /** Wall-clock time. */
  readonly createdSeconds: number;
}

export class KVConnectorMetrics {
  readonly families: readonly Family[];
  readonly #options: KVConnectorMetricsOptions;
  readonly #byName: ReadonlyMap<string, Family>;

  constructor(options: KVConnectorMetricsOptions) {
    this.#options = options;
    const isOffload = options.connector === 'OffloadingConnector';
    const definitions: ConnectorMetric[] = [...(isOffload ? OFFLOAD_METRICS : NIXL_METRICS)];
    if (options.role !== 'kv_producer') definitions.push(FETCH_STAGES);
    this.#byName = new Map(
      definitions.map((definition) => [definition.name, new Family(definition)]),
    );
    this.families = [...this.#byName.values()];
    // NIXL's stand from the start, as do those with a label that has all its values; the others come with what they count.
    for (const rank of options.ranks) {
      if (!isOffload) for (const { name } of NIXL_METRICS) this.#child(name, rank, {});
      if (isOffload) this.#createDeprecated(rank);
      if (options.role !== 'kv_producer')
        for (const stage of STAGES) this.#child(FETCH_STAGES.name, rank, { stage });
    }
  }

  recordStages(rank: EngineIndex, counts: Readonly<Record<string, number>>, nowMs: number): void {
    if (this.#options.role === 'kv_producer') return;
    for (const stage of STAGES)
      this.#gauge(FETCH_STAGES.name, rank, { stage }).set(counts[stage] ?? 0, nowMs);
  }

  /** Takes in one message's `kv_connector_stats`. What is of no known form is left out. */
  observe(rank: EngineIndex, stats: unknown, nowMs: number): void {
    if (!isJsonObject(stats)) return;
    if (this.#options.connector === 'OffloadingConnector') this.#observeOffload(rank, stats, nowMs);
    else this.#observeNixl(rank, stats);
  }

  #observeNixl(rank: EngineIndex, stats: Readonly<Record<string, unknown>>): void {
    const values = (key: string): number[] => numbersOf(stats[key]);
    for (const { name, keys, type } of NIXL_METRICS) {
      for (const key of keys ?? []) {
        for (const value of values(key)) {
          if (type === 'histogram') this.#histogram(name, rank, {}).observe(value);
          else this.#counter(name, rank, {}).inc(value);
        }
      }
    }
  }

  #observeOffload(
    rank: EngineIndex,
    stats: Readonly<Record<string, unknown>>,
    nowMs: number,
  ): void {
    const { types, data, info } = stats;
    for (const facts of Array.isArray(info) ? info : []) {
      if (!isJsonObject(facts)) continue;
      const labels = Object.fromEntries(
        OFFLOAD_INFO_LABELS.map((name) => [name, textOf(facts[name])]),
      );
      this.#gauge('vllm:kv_offload_config_info', rank, labels).set(1, nowMs);
    }
    if (!isJsonObject(types) || !isJsonObject(data)) return;
    for (const [name, map] of Object.entries(data)) {
      if (!this.#byName.has(name)) continue;
      const values = map instanceof Map ? [...map.values()] : Object.values(Object(map));
      for (const value of values)
        this.#observeValue(rank, { name, type: types[name], value }, nowMs);
    }
  }

  #observeValue(
    rank: EngineIndex,
    { name, type, value }: { name: string; type: unknown; value: unknown },
    nowMs: number,
  ): void {
    if (type === 'gauge') this.#gauge(name, rank, {}).set(Number(value), nowMs);
    else if (type === 'counter') {
      this.#counter(name, rank, {}).inc(Number(value));
      this.#observeDeprecated(rank, name, [Number(value)]);
    } else {
      for (const each of numbersOf(value)) this.#histogram(name, rank, {}).observe(each);
      this.#observeDeprecated(rank, name, numbersOf(value));
    }
  }

  /** vLLM's older names of the same, with the direction as a label. */
  #observeDeprecated(rank: EngineIndex, name: string, values: readonly number[]): void {
    const [, direction, what] = /^vllm:kv_offload_(load|store)_(bytes|time|size)$/.exec(name) ?? [];
    if (direction !== 'load' && direction !== 'store') return;
    const labels = { transfer_type: TRANSFER_TYPES[direction] };
    for (const value of values) {
      if (what === 'size') this.#histogram('vllm:kv_offload_size', rank, labels).observe(value);
      else this.#counter(`vllm:kv_offload_total_${what}`, rank, labels).inc(value);
    }
  }

  #createDeprecated(rank: EngineIndex): void {
    for (const name of [
      'vllm:kv_offload_total_bytes',
      'vllm:kv_offload_total_time',
      'vllm:kv_offload_size',
    ])
      for (const type of Object.values(TRANSFER_TYPES))
        this.#child(name, rank, { transfer_type: type });
  }

  #counter(name: string, rank: EngineIndex, extra: Record<string, string>): Writers['counter'] {
    return this.#child(name, rank, extra) as Writers['counter'];
  }

  #gauge(name: string, rank: EngineIndex, extra: Record<string, string>): Writers['gauge'] {
    return this.#child(name, rank, extra) as Writers['gauge'];
  }

  #histogram(name: string, rank: EngineIndex, extra: Record<string, string>): Writers['histogram'] {
    return this.#child(name, rank, extra) as Writers['histogram'];
  }

  #child(name: string, rank: EngineIndex, extra: Record<string, string>): unknown {
    const { servedModelName, createdSeconds } = this.#options;
    const labels = sortedLabels({ model_name: servedModelName, engine: String(rank), ...extra });
    return this.#byName.get(name)?.child(labels, createdSeconds);
  }
}

function numbersOf(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'number') : [];
}

function textOf(value: unknown): string {
  return value === null ? 'None' : value === undefined ? '' : String(value);
}
