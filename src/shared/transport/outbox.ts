/**
 * The writer of one ZeroMQ socket: messages go out in order, one at a time, and those that cannot go yet wait in a
 * bounded queue. What is sent in one turn of the event loop is handed over together at its end: that wakes ZeroMQ's
 * thread and the receiver once (5 µs a message of 32, 54 µs one alone), and what many requests caused in a turn is
 * read in one. Of a burst ZeroMQ takes some hundreds in a turn, and the rest waits here for the next ones.
 */
import type { Frame, Room } from './transport.ts';

/** Bytes that may wait in one socket's writer: half a million requests of 16 tokens, or 85 of a million. */
export const MAX_QUEUED_BYTES = 256 * 1024 * 1024;
/** What a waiting message costs besides its bytes, so that empty ones are bounded too. */
const MESSAGE_OVERHEAD_BYTES = 128;
/** Taken messages in front of the waiting ones that are let go of together. */
const COMPACT_AT = 1_024;
/** `drained()` resolves below this many. */
export const LOW_WATER_MESSAGES = 1_000;

export class Outbox {
  /** Hands a message to ZeroMQ; throws EBUSY while the one before is not taken yet. */
  private readonly handOver: (frames: Frame[]) => Promise<void>;
  private readonly waiting: Frame[][] = [];
  private firstWaiting = 0;
  private waitingBytes = 0;
  private numHandedOver = 0;
  private isFlushDue = false;
  /** ZeroMQ takes nothing more until it has taken what it was handed last. */
  private isBusy = false;
  private isClosed = false;
  private drainWaiters: (() => void)[] = [];
  private emptyWaiters: (() => void)[] = [];

  constructor(handOver: (frames: Frame[]) => Promise<void>) {
    this.handOver = handOver;
  }

  get queuedCount(): number {
    return this.waiting.length - this.firstWaiting + this.numHandedOver;
  }

  /** Takes ownership of the list of frames. False, and nothing taken, where there is no room or the socket is closed. */
  send(frames: Frame[], room: Room): boolean {
    if (this.isClosed) return false;
    const bytes = costOf(frames);
    if (room === 'shared' && !this.hasRoomFor(bytes)) {
      this.handOverWaiting();
      // A message larger than the whole queue still goes where nothing is before it.
      if (!this.hasRoomFor(bytes))
        return this.firstWaiting === this.waiting.length && this.tryHandOver(frames);
    }
    this.waiting.push(frames);
    this.waitingBytes += bytes;
    if (!this.isFlushDue) {
      this.isFlushDue = true;
      setImmediate(this.flush);
    }
    return true;
  }

  drained(): Promise<void> {
    if (this.queuedCount < LOW_WATER_MESSAGES) return Promise.resolve();
    return new Promise((resolve) => this.drainWaiters.push(resolve));
  }

  /** Refuses further messages; resolves once all are handed over, or when the time is up. */
  async close(lingerMs: number): Promise<void> {
    this.isClosed = true;
    this.handOverWaiting();
    if (this.queuedCount === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const empty = new Promise<void>((resolve) => this.emptyWaiters.push(resolve));
    const timeUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, lingerMs);
    });
    await Promise.race([empty, timeUp]);
    clearTimeout(timer);
    this.waiting.length = 0;
    this.firstWaiting = 0;
    this.wakeDrained();
  }

  private tryHandOver(frames: Frame[]): boolean {
    let taken: Promise<void>;
    try {
      taken = this.handOver(frames);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      this.isBusy = true;
      return false;
    }
    this.numHandedOver++;
    taken.then(this.onTaken, this.onFailed);
    return true;
  }

  private hasRoomFor(bytes: number): boolean {
    return this.waitingBytes + bytes <= MAX_QUEUED_BYTES;
  }

  /** At the end of the turn. */
  private readonly flush = (): void => {
    this.isFlushDue = false;
    this.handOverWaiting();
  };

  private readonly onTaken = (): void => {
    this.numHandedOver--;
    if (this.numHandedOver > 0) return;
    this.isBusy = false;
    this.handOverWaiting();
    this.wakeWaiters();
  };

  /** As many as ZeroMQ takes; where it is busy, the rest follows once it has taken the last one. */
  private handOverWaiting(): void {
    if (this.isBusy) return;
    const { waiting } = this;
    while (this.firstWaiting < waiting.length) {
      const next = waiting[this.firstWaiting] as Frame[];
      if (!this.tryHandOver(next)) break;
      this.waitingBytes -= costOf(next);
      this.firstWaiting++;
    }
    this.letGoOfTaken();
  }

  /** A closed socket refuses what was under way; anything else is a fault of ours and ends the process. */
  private readonly onFailed = (error: unknown): void => {
    this.numHandedOver--;
    if (!this.isClosed) throw error;
    this.isBusy = false;
    this.wakeWaiters();
  };

  /** A queue that never empties must not keep what was taken from it. */
  private letGoOfTaken(): void {
    const { waiting, firstWaiting } = this;
    if (firstWaiting < waiting.length && firstWaiting < Math.max(COMPACT_AT, waiting.length / 2))
      return;
    waiting.splice(0, firstWaiting);
    this.firstWaiting = 0;
  }

  private wakeDrained(): void {
    const waiters = this.drainWaiters;
    this.drainWaiters = [];
    for (const wake of waiters) wake();
  }

  private wakeWaiters(): void {
    if (this.queuedCount < LOW_WATER_MESSAGES) this.wakeDrained();
    if (this.queuedCount === 0 && this.emptyWaiters.length > 0) {
      const waiters = this.emptyWaiters;
      this.emptyWaiters = [];
      for (const wake of waiters) wake();
    }
  }
}

function costOf(frames: readonly Frame[]): number {
  let bytes = MESSAGE_OVERHEAD_BYTES;
  for (const frame of frames) bytes += frame.byteLength;
  return bytes;
}
