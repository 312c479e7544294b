/** Copies between GPU and CPU memory that are under way: each direction one after the other, as long as its bytes take. */
import type { Clock } from '../../../shared/clock.ts';
import type { RequestId } from '../../../shared/protocol/ids.ts';
import type { TransferLink } from '../transfer-link.ts';

export interface OffloadJob {
  readonly requestId: RequestId;
  readonly isStore: boolean;
  readonly keys: readonly string[];
  readonly bytes: number;
}

export interface EndedJob extends OffloadJob {
  readonly seconds: number;
}

interface RunningJob {
  readonly job: OffloadJob;
  readonly startMs: number;
  endMs: number;
}

export class OffloadJobs {
  readonly #clock: Clock;
  readonly #links: { readonly load: TransferLink; readonly store: TransferLink };
  readonly #running: RunningJob[] = [];

  constructor(clock: Clock, links: { load: TransferLink; store: TransferLink }) {
    this.#clock = clock;
    this.#links = links;
  }

  get length(): number {
    return this.#running.length;
  }

  has(requestId: RequestId): boolean {
    return this.#running.some(({ job }) => job.requestId === requestId);
  }

  begin(job: OffloadJob): void {
    const link = job.isStore ? this.#links.store : this.#links.load;
    this.#running.push({ job, ...link.begin(this.#clock.monotonicMs(), job.bytes) });
  }

  /** What is still to be written of a request is written at once: its blocks go. */
  flushStores(requestId: RequestId): void {
    for (const running of this.#running) {
      if (running.job.requestId === requestId && running.job.isStore) {
        running.endMs = Math.min(running.endMs, this.#clock.monotonicMs());
      }
    }
  }

  takeEnded(): EndedJob[] {
    const nowMs = this.#clock.monotonicMs();
    const ended = this.#running.filter(({ endMs }) => endMs <= nowMs);
    if (ended.length === 0) return [];
    this.#running.splice(
      0,
      this.#running.length,
      ...this.#running.filter(({ endMs }) => endMs > nowMs),
    );
    return ended.map(({ job, startMs, endMs }) => ({
      ...job,
      seconds: Math.max(0, endMs - startMs) / 1000,
    }));
  }

  /** Forgets what is written; gives the loads, which their requests still wait for. */
  clear(): OffloadJob[] {
    return this.#running.splice(0).flatMap(({ job }) => (job.isStore ? [] : [job]));
  }
}
