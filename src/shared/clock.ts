/**
 * Time, handed in wherever it is read, so that an engine can run on a virtual clock.
 * All values are milliseconds; the wire and the metrics convert to seconds.
 */
export interface Clock {
  /** Monotonic milliseconds with an arbitrary origin: only differences mean something. */
  monotonicMs(): number;
  /** Wall-clock milliseconds since the Unix epoch. */
  wallMs(): number;
}

/** The machine's own clocks. Monotonic time has the origin of CLOCK_MONOTONIC, as vLLM's timestamps have. */
export const systemClock: Clock = {
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => performance.timeOrigin + performance.now(),
};

/** A clock that moves only when told to. */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #epochMs: number;

  constructor({ startMs = 0, epochMs = 1_700_000_000_000 } = {}) {
    this.#nowMs = startMs;
    this.#epochMs = epochMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#epochMs + this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}
