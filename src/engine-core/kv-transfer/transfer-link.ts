/** How long KV caches are on their way: a fixed part and one per byte, one transfer after the other. Pure. */
export interface TransferLinkOptions {
  readonly bytesPerSecond: number;
  readonly latencyMs: number;
}

export class TransferLink {
  readonly #options: TransferLinkOptions;
  /** Milliseconds on the caller's clock until which the link is taken. */
  #busyUntilMs = 0;

  constructor(options: TransferLinkOptions) {
    this.#options = options;
  }

  /** Takes the link for `bytes` from `nowMs` on, or from when it is free; gives when the transfer begins and ends. */
  begin(nowMs: number, bytes: number): { readonly startMs: number; readonly endMs: number } {
    const { bytesPerSecond, latencyMs } = this.#options;
    const startMs = Math.max(nowMs, this.#busyUntilMs);
    const endMs = startMs + latencyMs + (bytes / bytesPerSecond) * 1000;
    this.#busyUntilMs = endMs;
    return { startMs, endMs };
  }
}
