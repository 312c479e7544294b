import type { Timers } from '../../shared/timers.ts';

/** Waits for something to be so, each with a deadline; asked again whenever something has come. */
export class Waiters {
  readonly #timers: Timers;
  readonly #waiting = new Set<{
    readonly test: () => boolean;
    readonly end: (is: boolean) => void;
  }>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Resolves with whether it became so within `ms`. */
  wait(test: () => boolean, ms: number): Promise<boolean> {
    if (test()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiter = {
        test,
        end: (is: boolean): void => {
          timer.cancel();
          this.#waiting.delete(waiter);
          resolve(is);
        },
      };
      const timer = this.#timers.after(Math.max(0, ms), () => waiter.end(test()));
      this.#waiting.add(waiter);
    });
  }

  look(): void {
    for (const waiter of this.#waiting) if (waiter.test()) waiter.end(true);
  }

  /** Nobody waits any longer. */
  close(): void {
    for (const waiter of this.#waiting) waiter.end(false);
  }
}
