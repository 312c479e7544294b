/** A clock with its waiting, for tests: time moves from one thing that is due to the next, as soon as nothing else happens. */
import { VirtualClock } from '../../src/shared/clock.ts';
import type { Timer, Timers } from '../../src/shared/timers.ts';

interface Due {
  readonly atMs: number;
  readonly handler: () => void;
}

export class VirtualTimers extends VirtualClock implements Timers {
  protected due: Due[] = [];

  after(ms: number, handler: () => void): Timer {
    const entry = { atMs: this.monotonicMs() + ms, handler };
    this.due.push(entry);
    return {
      cancel: () => {
        this.due = this.due.filter((other) => other !== entry);
      },
    };
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** What is due first, if it is until then: it is not due any more. */
  protected takeNext(untilMs: number): Due | null {
    const [next] = this.due.toSorted((a, b) => a.atMs - b.atMs);
    if (next === undefined || next.atMs > untilMs) return null;
    this.due = this.due.filter((other) => other !== next);
    return next;
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
      const next = this.takeNext(Number.POSITIVE_INFINITY);
      if (next === null) throw new Error('nothing is due, and it has not ended');
      this.advance(Math.max(0, next.atMs - this.monotonicMs()));
      next.handler();
    }
  }
}
