/** Waits for something to be so, each with a deadline; asked again whenever something has come. */
export class Waiters {
  readonly #waiting = new Set<{
    readonly test: () => boolean;
    readonly end: (is: boolean) => void;
  }>();

  /** Resolves with whether it became so within `ms`. */
  wait(test: () => boolean, ms: number): Promise<boolean> {
    if (test()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiter = {
        test,
        end: (is: boolean): void => {
          clearTimeout(timer);
          this.#waiting.delete(waiter);
          resolve(is);
        },
      };
      const timer = setTimeout(() => waiter.end(test()), Math.max(0, ms));
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
