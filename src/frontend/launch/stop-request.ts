/**
 * Why a frontend is to stop, and who wants it: a signal asks, a second one insists. One per process.
 */
export type StopReason =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'failure'; readonly message: string };

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** Shells report a process that a signal ended as this plus the signal's number. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export class StopRequest {
  /** Resolves with the first reason. */
  readonly requested: Promise<StopReason>;
  #resolve: (reason: StopReason) => void = () => {};
  #isRequested = false;
  readonly #listeners: (() => void)[] = [];

  constructor() {
    this.requested = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get isRequested(): boolean {
    return this.#isRequested;
  }

  request(reason: StopReason): void {
    this.#isRequested = true;
    this.#resolve(reason);
  }

  /** From now on the first SIGINT or SIGTERM requests the stop, and the second calls `onSecond` with an exit code. */
  listenToSignals(process: NodeJS.Process, onSecond: (exitCode: number) => void): void {
    let isAsked = false;
    for (const signal of SIGNALS) {
      const listener = (): void => {
        if (isAsked) onSecond(SIGNAL_EXIT_CODES[signal]);
        isAsked = true;
        this.request({ kind: 'signal', signal });
      };
      process.on(signal, listener);
      this.#listeners.push(() => process.off(signal, listener));
    }
  }

  stopListening(): void {
    for (const remove of this.#listeners.splice(0)) remove();
  }
}
