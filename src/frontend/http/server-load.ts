const NOTHING_TO_END = (): void => {};

/** Requests that use the engines now, for /load; counts only with `--enable-server-load-tracking`. */
export class ServerLoad {
  readonly #isTracking: boolean;
  #count = 0;

  constructor(isTracking: boolean) {
    this.#isTracking = isTracking;
  }

  get count(): number {
    return this.#count;
  }

  /** Returns what to call when the request is over; calling it again changes nothing. */
  begin(): () => void {
    if (!this.#isTracking) return NOTHING_TO_END;
    this.#count += 1;
    let isOpen = true;
    return () => {
      if (isOpen) this.#count -= 1;
      isOpen = false;
    };
  }
}
