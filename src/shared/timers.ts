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

/** What a timer of the event loop can wait at once: for more it would be due at once. */
const LONGEST_MS = 2_147_483_647;

/**
 * The event loop's own; longer waits than its timers know are made of several. A pause below a millisecond, which is the
 * grain of its timers, is a turn.
 */
export const systemTimers: Timers = {
  after(ms, handler) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      timer =
        leftMs > LONGEST_MS
          ? setTimeout(() => wait(leftMs - LONGEST_MS), LONGEST_MS)
          : setTimeout(handler, leftMs);
    };
    wait(ms);
    return { cancel: () => clearTimeout(timer) };
  },
  pause: (ms) =>
    ms >= 1
      ? new Promise((resolve) => void systemTimers.after(ms, resolve))
      : new Promise((resolve) => setImmediate(resolve)),
};
