/** Puts the monotonic clocks of several processes on one wall clock, this process's as it was when it began. */
import type { Clock } from '../../shared/clock.ts';

/** Monotonic clocks of one machine differ by no more than an answer takes to come. */
const SAME_MACHINE_MS = 5_000;

export class ProcessTimes {
  readonly #clock: Clock;
  /** Read once: two readings of both clocks differ by what comes between them, and frames are microseconds apart. */
  readonly #ownEpochMs: number;
  /** Of processes of other machines, by name. */
  readonly #epochs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ownEpochMs = clock.wallMs() - clock.monotonicMs();
  }

  /** Now, on the common clock. */
  nowMs(): number {
    return this.#ownEpochMs + this.#clock.monotonicMs();
  }

  /**
   * Unix epoch milliseconds at a process's monotonic 0, told by an answer that said `monotonicMs`: exact for a process of
   * this machine, whose monotonic clock is the same; for another as good as the fastest of its answers so far.
   */
  epochOf(process: string, monotonicMs: number): number {
    if (Math.abs(this.#clock.monotonicMs() - monotonicMs) < SAME_MACHINE_MS)
      return this.#ownEpochMs;
    const known = this.#epochs.get(process) ?? Number.POSITIVE_INFINITY;
    const epochMs = Math.min(known, this.nowMs() - monotonicMs);
    this.#epochs.set(process, epochMs);
    return epochMs;
  }
}
