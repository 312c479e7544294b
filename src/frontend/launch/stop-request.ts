/**
 * Why a frontend is to stop, and who wants it: a signal or the end of its launcher asks, a second signal insists. One per
 * process.
 */
export type StopReason =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'launcher'; readonly message: string }
  | { readonly kind: 'failure'; readonly message: string };

/** Shells report a process that a signal ended as this plus the signal's number. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof SIGNAL_EXIT_CODES;
const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Where signals come from: a process, or what stands for one in a test. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
  readonly env: Readonly<Record<string, string | undefined>>;
}

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

  /** From now on the first signal requests the stop, and the second calls `onSecond` with an exit code. */
  listenToSignals(process: SignalSource, onSecond: (exitCode: number) => void): void {
    let isAsked = false;
    for (const signal of SIGNALS) {
      const listener = (): void => {
        if (signal === 'SIGHUP' && isUnderNohup(process.env)) return;
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

/** Node takes back that SIGHUP is ignored, which is all that nohup does; a shell's `_` still names it. */
export function isUnderNohup(env: Readonly<Record<string, string | undefined>>): boolean {
  return /(^|\/)nohup$/.test(env['_'] ?? '');
}
