/** Sends a load's requests as they are due, no more at once than it may; who sends them, and on which clock, is handed in. */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../shared/clock.ts';
import { reasonOf } from '../shared/errors.ts';
import type { Timer, Timers } from '../shared/timers.ts';
import type { Load } from './load.ts';
import { LoadPlan, type PlannedRequest } from './load-plan.ts';

/** Prompts of one load that are under way at once, in tokens: a server holds each of them until its request ends. */
export const MAX_PROMPT_TOKENS_UNDER_WAY = 8_000_000;

export interface LoadCounts {
  readonly sent: number;
  readonly finished: number;
  readonly failed: number;
  /** Cut off by their client, as the load has it or since it was ended. */
  readonly aborted: number;
  readonly running: number;
  /** What the last failure said. */
  readonly lastError: string | null;
}

/** Rejects where the request failed; `signal` ends it, and then it may do either. */
export type SendRequest = (
  request: PlannedRequest,
  signal: AbortSignal,
) => Promise<'finished' | 'aborted'>;

export interface LoadRunnerOptions {
  readonly load: Load;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly send: SendRequest;
}

export class LoadRunner {
  readonly load: Load;
  /** Resolves once nothing more is sent, and what was sent has an end. */
  readonly over: Promise<void>;
  readonly #options: LoadRunnerOptions;
  readonly #plan: LoadPlan;
  readonly #abort = new AbortController();
  readonly #beginMs: number;
  readonly #counts = { sent: 0, finished: 0, failed: 0, aborted: 0 };
  #lastError: string | null = null;
  #tokensUnderWay = 0;
  /** A request is due that has no place yet. */
  #waitsForPlace = false;
  #next: PlannedRequest | null;
  #timer: Timer | null = null;
  #isOver = false;
  #settle: () => void = () => {};

  /** Begins. */
  constructor(options: LoadRunnerOptions) {
    this.#options = options;
    this.load = options.load;
    this.#plan = new LoadPlan(options.load);
    this.#beginMs = options.clock.monotonicMs();
    this.over = new Promise((resolve) => {
      this.#settle = resolve;
    });
    // One for each request that is under way.
    setMaxListeners(0, this.#abort.signal);
    this.#next = this.#plan.next();
    this.#turn();
  }

  get counts(): LoadCounts {
    return { ...this.#counts, running: this.#numRunning, lastError: this.#lastError };
  }

  get state(): 'running' | 'ended' {
    return this.#isOver ? 'ended' : 'running';
  }

  /** Sends nothing more, and cuts off what is under way. */
  stop(): Promise<void> {
    this.#next = null;
    this.#abort.abort();
    this.#turn();
    return this.over;
  }

  get #numRunning(): number {
    const { sent, finished, failed, aborted } = this.#counts;
    return sent - finished - failed - aborted;
  }

  /** Sends what is due; the next turn comes when more is due, or when a request ends. */
  #turn(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const { load, clock, timers } = this.#options;
    const nowMs = clock.monotonicMs();
    // On the clock, not as an age: what is left until then must be something that the clock can add.
    const endMs = load.forMs === null ? null : this.#beginMs + load.forMs;
    // What has waited for another's end until the load was over is not sent any more.
    if (endMs !== null && nowMs >= endMs) this.#next = null;
    while (
      this.#next !== null &&
      this.#beginMs + this.#next.atMs <= nowMs &&
      this.#hasPlaceFor(this.#next)
    ) {
      void this.#send(this.#next);
      this.#next = this.#plan.next();
    }
    this.#waitsForPlace = this.#next !== null && this.#beginMs + this.#next.atMs <= nowMs;
    if (this.#next === null) {
      if (this.#numRunning === 0) this.#finish();
      return;
    }
    const nextMs = this.#beginMs + this.#next.atMs;
    const dueMs = nextMs > nowMs ? nextMs : endMs;
    if (dueMs !== null) this.#timer = timers.after(dueMs - nowMs, () => this.#turn());
  }

  /** The first one always has. */
  #hasPlaceFor({ promptTokens }: PlannedRequest): boolean {
    if (this.#numRunning >= this.load.concurrency) return false;
    const tokens = this.#tokensUnderWay;
    return tokens === 0 || tokens + promptTokens <= MAX_PROMPT_TOKENS_UNDER_WAY;
  }

  async #send(request: PlannedRequest): Promise<void> {
    const { send } = this.#options;
    const { signal } = this.#abort;
    this.#counts.sent += 1;
    this.#tokensUnderWay += request.promptTokens;
    try {
      const end = await send(request, signal);
      this.#counts[end] += 1;
    } catch (error) {
      if (signal.aborted) this.#counts.aborted += 1;
      else {
        this.#counts.failed += 1;
        this.#lastError = reasonOf(error);
      }
    }
    this.#tokensUnderWay -= request.promptTokens;
    if (this.#next === null || this.#waitsForPlace) this.#turn();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#settle();
  }
}
