/**
 * The kernel of a simulation: one clock and one queue of what is due. Everything that is due at a moment runs, in the order
 * in which it was asked for, each followed by all promises that it settles; only then does time jump to what is due next.
 * Nothing else moves time, so that the same start gives the same order always.
 */
import { assert } from '../shared/assert.ts';
import type { Clock } from '../shared/clock.ts';
import type { Timer, Timers } from '../shared/timers.ts';

/** 2026-01-01 00:00:00 UTC. */
const DEFAULT_EPOCH_MS = 1_767_225_600_000;

/**
 * Times are multiples of 1/1024 ms, a later one where that must be: sums and differences of them are exact, and whoever waits
 * for the rest of a time has waited for it.
 */
const GRAINS_PER_MS = 1024;

/** Turns that are queued together: the event loop is gone around once for all of them. */
const TURNS_A_ROUND = 256;

/** Turns at one moment. More are a loop that no time passes in. */
const MAX_TURNS_AT_A_MOMENT = 10_000_000;

/** Cancelled timers that may lie in the queue; more are taken out once they are the larger part of it. */
const MAX_CANCELLED = 1_024;

class VirtualTimer implements Timer {
  readonly dueMs: number;
  /** Of two that are due at the same time, the one that was asked for first comes first. */
  readonly seq: number;
  /** Null once it was called, or is not to be. */
  handler: (() => void) | null;
  readonly #onCancel: () => void;

  constructor(dueMs: number, seq: number, call: { handler: () => void; onCancel: () => void }) {
    this.dueMs = dueMs;
    this.seq = seq;
    this.handler = call.handler;
    this.#onCancel = call.onCancel;
  }

  cancel(): void {
    if (this.handler === null) return;
    this.handler = null;
    this.#onCancel();
  }
}

interface Run {
  readonly untilMs: number;
  /** Looked at before each turn: time stays where it is once there is nothing left to wait for. */
  readonly isOver: () => boolean;
  settle(error: unknown): void;
}

const NEVER = (): boolean => false;

export interface VirtualTimeOptions {
  /** Wall-clock milliseconds at the start. */
  readonly epochMs?: number;
}

export class VirtualTime implements Clock, Timers {
  /** Called between two turns, when all that the one before has led to at once has happened. */
  observer: (() => void) | null = null;
  readonly #epochMs: number;
  /** A binary heap, the next one first. */
  #heap: VirtualTimer[] = [];
  #numCancelled = 0;
  /** Due in this moment's next turns; those before `#turnsTaken` are over. */
  #turns: (() => void)[] = [];
  #turnsTaken = 0;
  #nowMs = 0;
  #seq = 0;
  #numTurnsNow = 0;
  #numOutside = 0;
  #run: Run | null = null;

  constructor({ epochMs = DEFAULT_EPOCH_MS }: VirtualTimeOptions = {}) {
    this.#epochMs = epochMs;
  }

  /** Timers that lie in the queue, cancelled ones included. */
  get numTimers(): number {
    return this.#heap.length;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#epochMs + this.#nowMs;
  }

  after(ms: number, handler: () => void): Timer {
    const dueMs = Math.ceil((this.#nowMs + Math.max(0, ms)) * GRAINS_PER_MS) / GRAINS_PER_MS;
    const timer = new VirtualTimer(dueMs, this.#seq++, { handler, onCancel: this.#onCancel });
    this.#push(timer);
    return timer;
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (ms > 0) this.after(ms, resolve);
      else this.soon(resolve);
    });
  }

  /** Calls `handler` in a turn of its own at this moment, after those that are waiting. */
  soon(handler: () => void): void {
    this.#turns.push(handler);
  }

  /**
   * Lets time pass until `untilMs`, everything that is due then included. Rejects with what a turn throws: time stands where
   * it was thrown. One run at a time.
   */
  runUntil(untilMs: number): Promise<void> {
    return this.#begin(untilMs, NEVER);
  }

  /**
   * Lets time pass until a promise has settled, `withinMs` at most; false where it has not then. Rejects as the promise, or
   * as `runUntil`. What the promise waits for must be due in this time, not in the system's.
   */
  async settle(promise: Promise<unknown>, withinMs: number): Promise<boolean> {
    let isSettled = false;
    const note = (): void => {
      isSettled = true;
    };
    promise.then(note, note);
    await this.#begin(this.#nowMs + withinMs, () => isSettled);
    if (isSettled) await promise;
    return isSettled;
  }

  /**
   * Time stands still until a promise has settled that waits for something outside: a file, a module, the event loop. What is
   * due at this moment goes on. Gives the promise.
   */
  standStill<T>(outside: Promise<T>): Promise<T> {
    this.#numOutside += 1;
    const over = (): void => {
      this.#numOutside -= 1;
    };
    outside.then(over, over);
    return outside;
  }

  /** As `settle`, and where time runs already, as part of that run. */
  async pass(promise: Promise<unknown>, withinMs: number): Promise<boolean> {
    if (this.#run === null) return this.settle(promise, withinMs);
    let timer: Timer | null = null;
    const late = new Promise<boolean>((resolve) => {
      timer = this.after(withinMs, () => resolve(false));
    });
    try {
      return await Promise.race([promise.then(() => true), late]);
    } finally {
      (timer as Timer | null)?.cancel();
    }
  }

  #begin(untilMs: number, isOver: () => boolean): Promise<void> {
    assert(this.#run === null, 'time is running already');
    return new Promise((resolve, reject) => {
      const settle = (error: unknown): void => {
        this.#run = null;
        if (error === null) resolve();
        else reject(error);
      };
      this.#run = { untilMs, isOver, settle };
      this.#queueRound();
    });
  }

  /** Promises that a turn settles are through before the next one: so the event loop does it between two immediates. */
  readonly #queueRound = (): void => {
    for (let i = 1; i < TURNS_A_ROUND; i += 1) setImmediate(this.#turn);
    setImmediate(this.#lastTurn);
  };

  readonly #lastTurn = (): void => {
    this.#turn();
    if (this.#run !== null) this.#queueRound();
  };

  readonly #turn = (): void => {
    const run = this.#run;
    if (run === null) return;
    try {
      this.observer?.();
      if (run.isOver() || !this.#takeTurn(run.untilMs)) run.settle(null);
    } catch (error) {
      run.settle(error);
    }
  };

  /** False once nothing is due any more. */
  #takeTurn(untilMs: number): boolean {
    const waiting = this.#turns[this.#turnsTaken];
    if (waiting !== undefined) {
      this.#turnsTaken += 1;
      if (this.#turnsTaken === this.#turns.length) {
        this.#turns = [];
        this.#turnsTaken = 0;
      }
      this.#countTurn();
      waiting();
      return true;
    }
    if (this.#numOutside > 0) return true;
    const next = this.#pop(untilMs);
    if (next === null) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    }
    const { handler } = next;
    if (handler === null) {
      this.#numCancelled -= 1;
      return true;
    }
    if (next.dueMs > this.#nowMs) {
      this.#nowMs = next.dueMs;
      this.#numTurnsNow = 0;
    }
    this.#countTurn();
    next.handler = null;
    handler();
    return true;
  }

  #countTurn(): void {
    this.#numTurnsNow += 1;
    assert(
      this.#numTurnsNow < MAX_TURNS_AT_A_MOMENT,
      () => `time stands still at ${this.#nowMs} ms: ${this.#numTurnsNow} turns in one moment`,
    );
  }

  readonly #onCancel = (): void => {
    this.#numCancelled += 1;
    if (this.#numCancelled <= MAX_CANCELLED || 2 * this.#numCancelled < this.#heap.length) return;
    const left = this.#heap.filter(({ handler }) => handler !== null);
    this.#heap = [];
    this.#numCancelled = 0;
    for (const timer of left) this.#push(timer);
  };

  #push(timer: VirtualTimer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as VirtualTimer;
      if (!isBefore(timer, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = timer;
  }

  /** The next one that is due by then. */
  #pop(untilMs: number): VirtualTimer | null {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.dueMs > untilMs) return null;
    const last = heap.pop() as VirtualTimer;
    if (last === first) return first;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= heap.length) break;
      if (
        childAt + 1 < heap.length &&
        isBefore(heap[childAt + 1] as VirtualTimer, heap[childAt] as VirtualTimer)
      )
        childAt += 1;
      const child = heap[childAt] as VirtualTimer;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.seq < b.seq);
}
