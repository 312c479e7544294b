/**
 * What the offloading connector measures: flat metric names with their types, values by the values of labels (none here), and
 * once the facts of the tier. The frontend makes metrics of the same names of it.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/offloading/metrics.py OffloadingConnectorStats (0.33.0).
 */
import type { KVConnectorStatsData } from '../../scheduler/kv-connector.ts';

type MetricType = 'counter' | 'gauge' | 'histogram';

/** Label values to value: a key is a list, empty without labels. */
type LabelMap = Map<readonly string[], number | number[]>;

const NO_LABELS: readonly string[] = Object.freeze([]);

export class OffloadStats {
  #types: Record<string, MetricType> = {};
  #data: Record<string, LabelMap> = {};
  #info: readonly Readonly<Record<string, unknown>>[] | null;

  /** `facts`: sent with the first statistics. */
  constructor(facts: Readonly<Record<string, unknown>>) {
    this.#info = [facts];
  }

  increase(name: string, value: number): void {
    const map = this.#mapOf(name, 'counter');
    map.set(NO_LABELS, Number(map.get(NO_LABELS) ?? 0) + value);
  }

  set(name: string, value: number): void {
    this.#mapOf(name, 'gauge').set(NO_LABELS, value);
  }

  observe(name: string, value: number): void {
    const map = this.#mapOf(name, 'histogram');
    const values = map.get(NO_LABELS);
    if (Array.isArray(values)) values.push(value);
    else map.set(NO_LABELS, [value]);
  }

  take(): KVConnectorStatsData {
    const taken = { types: this.#types, data: this.#data, info: this.#info };
    this.#types = {};
    this.#data = {};
    this.#info = null;
    return taken;
  }

  #mapOf(name: string, type: MetricType): LabelMap {
    this.#types[name] = type;
    this.#data[name] ??= new Map();
    return this.#data[name];
  }
}
