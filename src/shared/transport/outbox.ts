/**
 * The writer of one ZeroMQ socket: messages go out in order, one at a time, and those that cannot go yet wait in a
 * bounded queue. ZeroMQ takes most messages at once, so `send` hands over directly as long as nothing waits.
 */
import { assert } from '../assert.ts';
import type { Frame } from './transport.ts';

/** Messages that may wait in one socket's writer; a peer that reads too slowly for longer is a fault. */
export const MAX_QUEUED_MESSAGES = 100_000;
/** `drained()` resolves below this many. */
export const LOW_WATER_MESSAGES = 1_000;

export class Outbox {
  /** Hands a message to ZeroMQ; throws EBUSY while the one before is not taken yet. */
  private readonly handOver: (frames: Frame[]) => Promise<void>;
  private readonly waiting: Frame[][] = [];
  private firstWaiting = 0;
  private numHandedOver = 0;
  private isClosed = false;
  private drainWaiters: (() => void)[] = [];
  private emptyWaiters: (() => void)[] = [];

  constructor(handOver: (frames: Frame[]) => Promise<void>) {
    this.handOver = handOver;
  }

  get queuedCount(): number {
    return this.waiting.length - this.firstWaiting + this.numHandedOver;
  }

  /** Takes ownership of the list of frames. */
  send(frames: Frame[]): void {
    assert(!this.isClosed, 'send on a closed socket');
    const numWaiting = this.waiting.length - this.firstWaiting;
    if (numWaiting === 0 && this.tryHandOver(frames)) return;
    assert(numWaiting < MAX_QUEUED_MESSAGES, `${MAX_QUEUED_MESSAGES} messages wait in a socket`);
    this.waiting.push(frames);
  }

  drained(): Promise<void> {
    if (this.queuedCount < LOW_WATER_MESSAGES) return Promise.resolve();
    return new Promise((resolve) => this.drainWaiters.push(resolve));
  }

  /** Refuses further messages; resolves once all are handed over, or when the time is up. */
  async close(lingerMs: number): Promise<void> {
    this.isClosed = true;
    if (this.queuedCount === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const empty = new Promise<void>((resolve) => this.emptyWaiters.push(resolve));
    const timeUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, lingerMs);
    });
    await Promise.race([empty, timeUp]);
    clearTimeout(timer);
  }

  private tryHandOver(frames: Frame[]): boolean {
    let taken: Promise<void>;
    try {
      taken = this.handOver(frames);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
      throw error;
    }
    this.numHandedOver++;
    taken.then(this.onTaken, this.onFailed);
    return true;
  }

  private readonly onTaken = (): void => {
    this.numHandedOver--;
    if (this.numHandedOver > 0) return;
    const { waiting } = this;
    while (this.firstWaiting < waiting.length) {
      if (!this.tryHandOver(waiting[this.firstWaiting] as Frame[])) break;
      this.firstWaiting++;
    }
    if (this.firstWaiting === waiting.length) {
      waiting.length = 0;
      this.firstWaiting = 0;
    }
    this.wakeWaiters();
  };

  /** A closed socket refuses what was under way; anything else is a fault of ours and ends the process. */
  private readonly onFailed = (error: unknown): void => {
    this.numHandedOver--;
    if (!this.isClosed) throw error;
    this.wakeWaiters();
  };

  private wakeWaiters(): void {
    if (this.queuedCount < LOW_WATER_MESSAGES && this.drainWaiters.length > 0) {
      const waiters = this.drainWaiters;
      this.drainWaiters = [];
      for (const wake of waiters) wake();
    }
    if (this.queuedCount === 0 && this.emptyWaiters.length > 0) {
      const waiters = this.emptyWaiters;
      this.emptyWaiters = [];
      for (const wake of waiters) wake();
    }
  }
}
