/** A deadline that stands still while something else does: a start-up that is gone through by hand must not time out. */

/** Whether what a deadline measures stands still, and who wants to know when that changes. */
export interface Standstill {
  readonly isStandingStill: boolean;
  /** Told whenever it begins (true) or ends (false). Returns what takes the listener away. */
  onStandstill(listener: (isStandingStill: boolean) => void): () => void;
}

export interface DeadlineOptions {
  readonly timeoutMs: number;
  /** Called once, unless the deadline was cleared before. */
  readonly onExpired: () => void;
  /** Null: time never stands still. */
  readonly standstill: Standstill | null;
  /** False: the deadline alone does not keep the process. Default: true. */
  readonly keepsProcess?: boolean;
}

export class Deadline {
  readonly #options: DeadlineOptions;
  readonly #stopListening: () => void;
  #leftMs: number;
  #startedMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: DeadlineOptions) {
    this.#options = options;
    this.#leftMs = options.timeoutMs;
    const { standstill } = options;
    this.#stopListening =
      standstill?.onStandstill((isStandingStill) => {
        if (isStandingStill) this.#pause();
        else this.#run();
      }) ?? (() => {});
    if (standstill?.isStandingStill !== true) this.#run();
  }

  clear(): void {
    this.#stopListening();
    this.#pause();
  }

  #run(): void {
    if (this.#timer !== null) return;
    this.#startedMs = performance.now();
    this.#timer = setTimeout(() => {
      this.#stopListening();
      this.#options.onExpired();
    }, this.#leftMs);
    if (this.#options.keepsProcess === false) this.#timer.unref();
  }

  #pause(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#startedMs));
  }
}
