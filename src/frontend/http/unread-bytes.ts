/**
 * What clients have been answered and have not read: how much of it this process holds, and how often it gave one up.
 * vLLM holds all of it, for as long as the connection lives.
 */
import type { Logger } from '../../shared/logger.ts';

/**
 * That may come for one stream while its client reads nothing at all. The kernel's buffers hold some megabytes and are
 * emptied in lumps, so a client that reads at an eighth of the speed of its tokens is still seen to read.
 */
export const MAX_UNREAD_BYTES_UNTOUCHED = 16 * 1024 * 1024;
/** Of one stream whose client reads, but more slowly than its tokens come. */
export const MAX_UNREAD_STREAM_BYTES = 64 * 1024 * 1024;
/** Of all connections together, whole answers included. */
export const MAX_UNREAD_BYTES = 256 * 1024 * 1024;
/** A client that reads nothing at all for this long while something waits for it is given up. */
export const UNREAD_TIMEOUT_MS = 300_000;

export class UnreadBytes {
  readonly #logger: Pick<Logger, 'warn'>;
  #total = 0;
  #givenUpCount = 0;

  constructor(logger: Pick<Logger, 'warn'>) {
    this.#logger = logger;
  }

  get total(): number {
    return this.#total;
  }

  /** Clients whose connection was closed because they did not read. */
  get givenUpCount(): number {
    return this.#givenUpCount;
  }

  /** One connection's share changed. */
  change(difference: number): void {
    this.#total += difference;
  }

  /** A client is given up while `bytes` wait for it. */
  giveUp(bytes: number, reason: string): void {
    this.#givenUpCount += 1;
    this.#logger.warn(
      { unreadBytes: bytes, givenUp: this.#givenUpCount },
      `a client does not read its answer: ${reason}; the connection is closed and the request aborted`,
    );
  }
}
