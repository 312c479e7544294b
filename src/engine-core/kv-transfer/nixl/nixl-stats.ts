/** Source: vllm/distributed/kv_transfer/kv_connector/v1/nixl/stats.py NixlKVConnectorStats (0.33.0). */
import type { KVConnectorStatsData } from '../../scheduler/kv-connector.ts';

type Counted =
  | 'num_failed_transfers'
  | 'num_failed_notifications'
  | 'num_failed_handshakes'
  | 'num_kv_expired_reqs'
  | 'num_notifications_after_expiry';

export class NixlStats {
  #data = empty();

  /** Seconds, bytes, and memory areas that were read. */
  recordTransfer(transfer: {
    readonly seconds: number;
    readonly postSeconds: number;
    readonly bytes: number;
    readonly numDescriptors: number;
  }): void {
    this.#data.transfer_duration.push(transfer.seconds);
    this.#data.post_duration.push(transfer.postSeconds);
    this.#data.bytes_transferred.push(transfer.bytes);
    this.#data.num_descriptors.push(transfer.numDescriptors);
  }

  count(what: Counted): void {
    this.#data[what].push(1);
  }

  /** What happened since the last call, or null. */
  take(): KVConnectorStatsData | null {
    const data = this.#data;
    if (Object.values(data).every(({ length }) => length === 0)) return null;
    this.#data = empty();
    return data;
  }
}

function empty() {
  const numbers = (): number[] => [];
  return {
    transfer_duration: numbers(),
    post_duration: numbers(),
    bytes_transferred: numbers(),
    num_descriptors: numbers(),
    num_failed_transfers: numbers(),
    num_failed_notifications: numbers(),
    num_failed_handshakes: numbers(),
    num_kv_expired_reqs: numbers(),
    num_notifications_after_expiry: numbers(),
  };
}
