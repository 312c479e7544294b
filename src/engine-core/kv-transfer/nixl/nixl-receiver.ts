/**
 * Loads from other engines: a handshake with each before its first one, then as long as the bytes take, then a notice that
 * frees the blocks over there.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/nixl/pull_worker.py, base_worker.py (0.33.0).
 */
import type { Clock } from '../../../shared/clock.ts';
import type { RequestId } from '../../../shared/protocol/ids.ts';
import type { TransferLink } from '../transfer-link.ts';
import type { NixlOutgoing, NixlPeer } from './nixl-messages.ts';
import type { NixlStats } from './nixl-stats.ts';

export interface NixlLoad {
  readonly requestId: RequestId;
  readonly remoteRequestId: RequestId;
  readonly peer: NixlPeer;
  /** Empty where all of it was here already: then there is only the notice. */
  readonly blockIds: readonly number[];
  readonly bytes: number;
  readonly numDescriptors: number;
}

interface RunningLoad {
  readonly load: NixlLoad;
  readonly startMs: number;
  readonly endMs: number;
}

/** Handing a transfer to the network card takes so long. */
const POST_SECONDS = 0.0005;

export class NixlReceiver {
  readonly #clock: Clock;
  readonly #stats: NixlStats;
  readonly #link: TransferLink;
  readonly #send: (message: NixlOutgoing) => void;
  readonly #knownPeers = new Set<string>();
  /** Loads whose peer has not answered yet, by engine id. */
  readonly #waiting = new Map<string, NixlLoad[]>();
  readonly #loading: RunningLoad[] = [];
  #done: RequestId[] = [];
  #failed: NixlLoad[] = [];

  constructor(options: {
    clock: Clock;
    stats: NixlStats;
    link: TransferLink;
    send: (message: NixlOutgoing) => void;
  }) {
    this.#clock = options.clock;
    this.#stats = options.stats;
    this.#link = options.link;
    this.#send = options.send;
  }

  begin(load: NixlLoad): void {
    const { engineId } = load.peer;
    if (this.#knownPeers.has(engineId)) {
      this.#read(load);
      return;
    }
    const waiting = this.#waiting.get(engineId);
    if (waiting !== undefined) {
      waiting.push(load);
      return;
    }
    this.#waiting.set(engineId, [load]);
    this.#send({ kind: 'handshake', peer: load.peer });
  }

  /** A peer has answered, or did not in time. */
  settle(engineId: string, problem: string | null): void {
    const loads = this.#waiting.get(engineId) ?? [];
    this.#waiting.delete(engineId);
    if (problem === null) {
      this.#knownPeers.add(engineId);
      for (const load of loads) this.#read(load);
      return;
    }
    this.#stats.count('num_failed_handshakes');
    this.#failed.push(...loads);
  }

  /** A load that cannot even begin. */
  fail(load: NixlLoad): void {
    this.#stats.count('num_failed_transfers');
    this.#failed.push(load);
  }

  /** Loads that have ended since the last call, the failed ones apart. */
  takeEnded(): { readonly done: readonly RequestId[]; readonly failed: readonly NixlLoad[] } {
    const nowMs = this.#clock.monotonicMs();
    for (let i = 0; i < this.#loading.length; ) {
      const { load, startMs, endMs } = this.#loading[i] as RunningLoad;
      if (endMs > nowMs) {
        i += 1;
        continue;
      }
      this.#loading.splice(i, 1);
      this.#stats.recordTransfer({
        seconds: (endMs - startMs) / 1000,
        postSeconds: POST_SECONDS,
        bytes: load.bytes,
        numDescriptors: load.numDescriptors,
      });
      this.#notify(load);
      this.#done.push(load.requestId);
    }
    const ended = { done: this.#done, failed: this.#failed };
    if (ended.done.length > 0) this.#done = [];
    if (ended.failed.length > 0) this.#failed = [];
    return ended;
  }

  #read(load: NixlLoad): void {
    if (load.blockIds.length === 0) {
      this.#notify(load);
      return;
    }
    const { startMs, endMs } = this.#link.begin(this.#clock.monotonicMs(), load.bytes);
    this.#loading.push({ load, startMs, endMs });
  }

  #notify({ peer, remoteRequestId }: NixlLoad): void {
    this.#send({ kind: 'read', peer, requestId: remoteRequestId });
  }
}
