/** A result that comes at the engine's own time; both callbacks run synchronously, one of them once. */
export class PendingResult {
  #onValue: ((value: unknown) => void) | null = null;
  #onFailure: ((error: unknown) => void) | null = null;

  listen(onValue: (value: unknown) => void, onFailure: (error: unknown) => void): void {
    this.#onValue = onValue;
    this.#onFailure = onFailure;
  }

  /** Passes on the value of `compute`, or what it throws. */
  settle(compute: () => unknown): void {
    let value: unknown;
    try {
      value = compute();
    } catch (error) {
      this.#onFailure?.(error);
      return;
    }
    this.#onValue?.(value);
  }
}
