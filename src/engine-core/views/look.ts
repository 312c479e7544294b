/** Whether somebody looks: for a few seconds after each call that says so. What is kept for lookers costs nothing otherwise. */
import type { Clock } from '../../shared/clock.ts';

/** How long a look lasts. */
export const LOOK_MS = 5_000;

export class Look {
  readonly #clock: Clock;
  #untilMs = Number.NEGATIVE_INFINITY;
  #isOn = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  renew(): void {
    this.#untilMs = this.#clock.monotonicMs() + LOOK_MS;
    this.#isOn = true;
  }

  /** Reads the clock only while it may be on. */
  get isOn(): boolean {
    if (this.#isOn && this.#clock.monotonicMs() >= this.#untilMs) this.#isOn = false;
    return this.#isOn;
  }
}
