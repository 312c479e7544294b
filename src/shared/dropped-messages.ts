/**
 * What peers sent and nobody can use, at one receiver: each costs that message, never the process. The first of a kind is
 * told to the log; all are counted, and while more of them come a line a minute says how many.
 */
import { ServerError } from './errors.ts';
import type { Logger } from './logger.ts';

/** Between two lines that only count. */
export const DROPPED_REPORT_INTERVAL_MS = 60_000;
/** A peer that invents new mistakes grows neither table nor log for ever: further kinds are counted as one. */
export const MAX_DROPPED_KINDS = 64;
/** Of a reason that quotes what was sent. */
const MAX_REASON_LENGTH = 300;
const OTHER_KINDS = 'other kinds';
/** Of the first of a kind. */
export const DROPPED_MESSAGE =
  'dropped a message that cannot be used; more of this kind are only counted';

interface Kind {
  count: number;
  /** Since the last line that told of this kind. */
  numUntold: number;
}

export class DroppedMessages {
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #kinds = new Map<string, Kind>();
  #count = 0;
  #reportTimer: NodeJS.Timeout | null = null;

  constructor(logger: Pick<Logger, 'warn'>) {
    this.#logger = logger;
  }

  /** All that were dropped. */
  get count(): number {
    return this.#count;
  }

  /** How often each kind came: the socket and the reason without its values. */
  get countByKind(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#kinds, ([kind, { count }]) => [kind, count]));
  }

  /** Takes E_BAD_FRAME; anything else is a fault of our own and is thrown on. */
  add(socket: string, error: unknown): void {
    if (!(error instanceof ServerError && error.code === 'E_BAD_FRAME')) throw error;
    this.drop(socket, error.message);
  }

  /** As `add`, of a message whose fault is no error: an answer that nobody waits for. */
  drop(socket: string, reason: string): void {
    this.#count += 1;
    const name = this.#kindOf(socket, reason);
    const kind = this.#kinds.get(name);
    if (kind !== undefined) {
      kind.count += 1;
      kind.numUntold += 1;
      this.#reportTimer ??= setTimeout(() => this.#report(), DROPPED_REPORT_INTERVAL_MS).unref();
      return;
    }
    this.#kinds.set(name, { count: 1, numUntold: 0 });
    this.#logger.warn({ socket, err: reason.slice(0, MAX_REASON_LENGTH) }, DROPPED_MESSAGE);
  }

  #kindOf(socket: string, reason: string): string {
    // The same mistake with other values is the same kind.
    const words = reason.replace(/'[^']*'|"[^"]*"|\d+/g, 'N').slice(0, MAX_REASON_LENGTH);
    const name = `${socket}: ${words}`;
    const isNew = !this.#kinds.has(name);
    return isNew && this.#kinds.size >= MAX_DROPPED_KINDS ? OTHER_KINDS : name;
  }

  #report(): void {
    this.#reportTimer = null;
    let numUntold = 0;
    for (const kind of this.#kinds.values()) {
      numUntold += kind.numUntold;
      kind.numUntold = 0;
    }
    this.#logger.warn(
      { inTheLastMinute: numUntold, inAll: this.#count, kinds: this.#kinds.size },
      `dropped ${numUntold} more messages that cannot be used`,
    );
  }
}
