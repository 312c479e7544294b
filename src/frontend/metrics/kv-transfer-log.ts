/**
 * What a KV connector did between two log lines, as vLLM's connectors sum it up.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/metrics.py KVConnectorLogging, nixl/stats.py reduce,
 * offloading/metrics.py reduce (0.33.0).
 */
import type { KVTransferConfig } from '../../shared/config/kv-transfer-config.ts';
import { isJsonObject } from '../../shared/json-object.ts';
import { pythonFloatRepr } from '../../shared/python/float.ts';

const MIB = 2 ** 20;

export class KVTransferLog {
  readonly #isOffload: boolean;
  /** NIXL's lists, or the offload's values and samples by name. */
  readonly #lists = new Map<string, number[]>();
  readonly #values = new Map<string, number>();

  constructor(connector: KVTransferConfig['connector']) {
    this.#isOffload = connector === 'OffloadingConnector';
  }

  observe(stats: unknown): void {
    if (!isJsonObject(stats)) return;
    if (!this.#isOffload) {
      for (const [name, values] of Object.entries(stats)) this.#add(name, values);
      return;
    }
    const { types, data } = stats;
    if (!isJsonObject(types) || !isJsonObject(data)) return;
    for (const [name, map] of Object.entries(data)) {
      const values: unknown[] = map instanceof Map ? [...map.values()] : Object.values(Object(map));
      for (const value of values) {
        if (types[name] === 'histogram') this.#add(name, value);
        else if (types[name] === 'gauge') this.#values.set(name, Number(value));
        else this.#values.set(name, (this.#values.get(name) ?? 0) + Number(value));
      }
    }
  }

  /** `KV Transfer metrics: …`, or null where nothing happened since the last call. */
  take(): string | null {
    const parts = this.#isOffload ? this.#offload() : this.#nixl();
    this.#lists.clear();
    this.#values.clear();
    return parts.length === 0 ? null : `KV Transfer metrics: ${parts.join(', ')}`;
  }

  #add(name: string, values: unknown): void {
    if (!Array.isArray(values) || values.length === 0) return;
    const list = this.#lists.get(name);
    if (list === undefined) this.#lists.set(name, [...values]);
    else list.push(...values);
  }

  #offload(): string[] {
    const parts = Array.from(this.#values, ([name, value]) => `${name}=${numberText(value)}`);
    for (const [name, list] of this.#lists) {
      parts.push(`${name}_count=${list.length}`, `${name}_sum=${numberText(sum(list))}`);
    }
    return parts;
  }

  #nixl(): string[] {
    if (this.#lists.size === 0) return [];
    const list = (name: string): number[] => this.#lists.get(name) ?? [];
    const seconds = list('transfer_duration');
    const posted = list('post_duration');
    const megabytes = sum(list('bytes_transferred')) / MIB;
    const count = seconds.length;
    const failures =
      list('num_failed_transfers').length +
      list('num_failed_handshakes').length +
      list('num_failed_notifications').length;
    const rounded = (value: number, digits = 3): string =>
      count === 0 ? '0' : pythonFloatRepr(Number(value.toFixed(digits)));
    return [
      `Num successful transfers=${count}`,
      `Avg xfer time (ms)=${rounded((sum(seconds) / count) * 1000)}`,
      `P90 xfer time (ms)=${rounded(percentile(seconds, 0.9) * 1000)}`,
      `Avg post time (ms)=${rounded((sum(posted) / count) * 1000)}`,
      `P90 post time (ms)=${rounded(percentile(posted, 0.9) * 1000)}`,
      `Avg MB per transfer=${rounded(megabytes / count)}`,
      `Throughput (MB/s)=${rounded(megabytes / sum(seconds))}`,
      `Avg number of descriptors=${rounded(sum(list('num_descriptors')) / count, 1)}`,
      `Num failed transfers=${failures}`,
      `Num KV expired reqs=${list('num_kv_expired_reqs').length}`,
      `Num notifs after expiry=${list('num_notifications_after_expiry').length}`,
    ];
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** numpy's: between the two nearest. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? 0;
  return low + ((sorted[Math.ceil(at)] ?? 0) - low) * (at - Math.floor(at));
}

function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : pythonFloatRepr(value);
}
