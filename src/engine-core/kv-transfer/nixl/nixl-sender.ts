/**
 * Blocks of finished prefills that somebody else is to read: kept until they are, or until their lease ends.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/nixl/base_worker.py NixlBaseConnectorWorker, _reqs_to_send and leases
 * (0.33.0).
 */
import type { Clock } from '../../../shared/clock.ts';
import type { RequestId } from '../../../shared/protocol/ids.ts';
import type { NixlStats } from './nixl-stats.ts';

export class NixlSender {
  readonly #clock: Clock;
  readonly #stats: NixlStats;
  readonly #extensionMs: number;
  /** By request: when its lease ends, in milliseconds. */
  readonly #leases = new Map<RequestId, number>();
  #done: RequestId[] = [];

  constructor(options: { clock: Clock; stats: NixlStats; leaseSeconds: number }) {
    this.#clock = options.clock;
    this.#stats = options.stats;
    this.#extensionMs = Math.floor((options.leaseSeconds * 2) / 3) * 1000;
  }

  keep(requestId: RequestId, seconds: number): void {
    this.#leases.set(requestId, this.#clock.monotonicMs() + seconds * 1000);
  }

  /** Somebody has read a request's blocks, or does not want them. */
  noteRead(requestId: RequestId): void {
    if (this.#leases.delete(requestId)) this.#done.push(requestId);
    else this.#stats.count('num_notifications_after_expiry');
  }

  /** Somebody still wants them. */
  extend(requestIds: readonly RequestId[]): void {
    const until = this.#clock.monotonicMs() + this.#extensionMs;
    for (const requestId of requestIds) {
      const lease = this.#leases.get(requestId);
      if (lease !== undefined && lease < until) this.#leases.set(requestId, until);
    }
  }

  /** Requests whose blocks nobody needs any more, since the last call. */
  takeDone(): readonly RequestId[] {
    const nowMs = this.#clock.monotonicMs();
    for (const [requestId, untilMs] of this.#leases) {
      if (untilMs > nowMs) continue;
      this.#leases.delete(requestId);
      this.#stats.count('num_kv_expired_reqs');
      this.#done.push(requestId);
    }
    const done = this.#done;
    if (done.length > 0) this.#done = [];
    return done;
  }
}
