/**
 * An engine's messages in one direction, on their way between its sockets and itself, while faults are active there:
 * changed, lost, or kept for a while, in their order. It stands above the tap, which sees what really goes.
 */
import type { Clock } from '../shared/clock.ts';
import type { Timer, Timers } from '../shared/timers.ts';
import type { Frame } from '../shared/transport/transport.ts';
import type { WireFaults } from './faults/wire-faults.ts';

/** Delayed messages at a time; beyond them the oldest goes early, so that order stays and nothing is lost. */
export const MAX_WAITING_MESSAGES = 10_000;
export const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export interface WireLaneOptions {
  readonly faults: WireFaults;
  readonly clock: Clock;
  readonly timers: Pick<Timers, 'after'>;
}

interface Waiting {
  readonly dueMs: number;
  readonly numBytes: number;
  readonly deliver: () => void;
}

export class WireLane {
  readonly #options: WireLaneOptions;
  #waiting: Waiting[] = [];
  #numBytes = 0;
  #timer: Timer | null = null;

  constructor(options: WireLaneOptions) {
    this.#options = options;
    options.faults.onUndelayed = () => this.flush();
  }

  /** No message has to come by here. */
  get isClear(): boolean {
    return !this.#options.faults.isAny && this.#waiting.length === 0;
  }

  /** Delivers what becomes of the message, at once or later, or never. */
  pass(frames: readonly Frame[], deliver: (frames: readonly Frame[]) => void): void {
    const { faults, clock } = this.#options;
    const changed = faults.change(frames);
    if (changed === null) return;
    const { delayMs } = faults;
    if (delayMs === 0 && this.#waiting.length === 0) {
      deliver(changed);
      return;
    }
    const numBytes = changed.reduce((sum, frame) => sum + frame.length, 0);
    const lastMs = this.#waiting.at(-1)?.dueMs ?? 0;
    this.#waiting.push({
      dueMs: Math.max(clock.monotonicMs() + delayMs, lastMs),
      numBytes,
      deliver: () => deliver(changed),
    });
    this.#numBytes += numBytes;
    while (this.#waiting.length > MAX_WAITING_MESSAGES || this.#numBytes > MAX_WAITING_BYTES)
      this.#deliverOldest();
    this.#wait();
  }

  /** Delivers all that waits. */
  flush(): void {
    while (this.#waiting.length > 0) this.#deliverOldest();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #deliverOldest(): void {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return;
    this.#numBytes -= oldest.numBytes;
    oldest.deliver();
  }

  #wait(): void {
    const [next] = this.#waiting;
    if (this.#timer !== null || next === undefined) return;
    const { clock, timers } = this.#options;
    this.#timer = timers.after(Math.max(0, next.dueMs - clock.monotonicMs()), () => {
      this.#timer = null;
      while ((this.#waiting[0]?.dueMs ?? Infinity) <= clock.monotonicMs()) this.#deliverOldest();
      this.#wait();
    });
  }
}
