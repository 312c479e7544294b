/**
 * Waiting, handed in wherever it is done, so that it can be done on a virtual clock: the other half of a Clock.
 */

/** What `after` has begun; only who gave it can take it back. */
export interface Timer {
  /** Nothing comes of it any more. Idempotent. */
  cancel(): void;
}

export interface Timers {
  /** Calls `handler` once, `ms` from now. */
  after(ms: number, handler: () => void): Timer;
  /** Lets everybody else have a turn, for `ms` at least: 0 is the next turn. */
  pause(ms: number): Promise<void>;
}

/** The event loop's own. A pause below a millisecond, which is the grain of its timers, is a turn. */
export const systemTimers: Timers = {
  after(ms, handler) {
    const timer = setTimeout(handler, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  pause: (ms) =>
    ms >= 1
      ? new Promise((resolve) => setTimeout(resolve, ms))
      : new Promise((resolve) => setImmediate(resolve)),
};
