import { VirtualClock } from '../../src/shared/clock.ts';

/** A clock that moves when told to, and calls back what is due then, in its order. */
export class ManualTime extends VirtualClock {
  #due: { readonly atMs: number; readonly callback: () => void }[] = [];

  readonly after = (ms: number, callback: () => void): (() => void) => {
    const entry = { atMs: this.monotonicMs() + ms, callback };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((other) => other !== entry);
    };
  };

  /** Callbacks that are still to come. */
  get numDue(): number {
    return this.#due.length;
  }

  override advance(ms: number): void {
    const untilMs = this.monotonicMs() + ms;
    for (;;) {
      const [next] = this.#due
        .filter(({ atMs }) => atMs <= untilMs)
        .toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#due = this.#due.filter((other) => other !== next);
      super.advance(Math.max(0, next.atMs - this.monotonicMs()));
      next.callback();
    }
    super.advance(untilMs - this.monotonicMs());
  }
}
