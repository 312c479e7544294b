/**
 * What clients have been answered and have not read: how much of it this process holds, and how often it gave one up.
 * vLLM holds all of it, for as long as the connection lives.
 */
import type { Logger } from '../../shared/logger.ts';

/** Of one stream; about 10,000 events. The kernel's own buffers, some megabytes, come on top. */
export const MAX_UNREAD_STREAM_BYTES = 4 * 1024 * 1024;
/** Of all connections together, whole answers included. */
export const MAX_UNREAD_BYTES = 512 * 1024 * 1024;
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
