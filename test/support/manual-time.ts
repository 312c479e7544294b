import { VirtualTimers } from './virtual-timers.ts';

/** A clock that moves when told to, and calls back what is due then, in its order. */
export class ManualTime extends VirtualTimers {
  /** Callbacks that are still to come. */
  get numDue(): number {
    return this.due.length;
  }

  override advance(ms: number): void {
    const untilMs = this.monotonicMs() + ms;
    for (;;) {
      const next = this.takeNext(untilMs);
      if (next === null) break;
      super.advance(Math.max(0, next.atMs - this.monotonicMs()));
      next.handler();
    }
    super.advance(untilMs - this.monotonicMs());
  }
}
