/** A clock with its waiting, for tests: time moves from one thing that is due to the next, as soon as nothing else happens. */
import { VirtualClock } from '../../src/shared/clock.ts';
import type { Timer, Timers } from '../../src/shared/timers.ts';

export class VirtualTimers extends VirtualClock implements Timers {
  #due: { readonly atMs: number; readonly handler: () => void }[] = [];

  after(ms: number, handler: () => void): Timer {
    const entry = { atMs: this.monotonicMs() + ms, handler };
    this.#due.push(entry);
    return {
      cancel: () => {
        this.#due = this.#due.filter((other) => other !== entry);
      },
    };
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Until it is settled, or nothing is due any more. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isSettled) return promise;
      const [next] = this.#due.sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) throw new Error('nothing is due, and it has not ended');
      this.#due = this.#due.filter((other) => other !== next);
      this.advance(Math.max(0, next.atMs - this.monotonicMs()));
      next.handler();
    }
  }
}
