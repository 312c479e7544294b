/**
 * One run of checks: N scripted engines of unequal capacity, what they were sent, and the frontend's HTTP side. Checks wait
 * through it, so that nothing waits longer than the run may take.
 */
import type { Sample } from '../../shared/exposition.ts';
import { FinishReason } from '../../shared/protocol/outputs.ts';
import { createWireCodec, type WireCodec } from '../../shared/protocol/wire-codec.ts';
import { systemTimers } from '../../shared/timers.ts';
import { secondsText } from '../run-checks.ts';
import { answerWhole, nextOutput, socketFor } from './answer-request.ts';
import { capacityOf } from './capacity-of.ts';
import { NotApplicable, NothingWithin } from './compared.ts';
import type { FrontendCheckOptions } from './frontend-options.ts';
import { type Completion, type CompletionOptions, HttpSide } from './http-side.ts';
import { MetricsSide } from './metrics-side.ts';
import { type ReceivedAdd, ScriptedEngine } from './scripted-engine.ts';

/** From INIT to the end of all checks; closing comes on top. */
const RUN_MS = 28_500;
/** What the checks have together, however long the start took. */
const MIN_CHECKS_MS = 14_500;
/** From INIT until completions are answered. */
const START_MS = 14_000;
/** For one thing to happen; a completion, which many messages may be behind, has twice as long. */
const ANSWER_MS = 2_000;
/** For a completion that only shows whether the frontend is there. */
const PROBE_MS = 1_000;
const POLL_MS = 4;

export type Script = (add: ReceivedAdd) => void;

export interface Asked {
  readonly add: ReceivedAdd;
  readonly completion: Promise<Completion>;
}

type AskOptions = Partial<Omit<CompletionOptions, 'timeoutMs'>>;

export class FrontendRun {
  readonly options: FrontendCheckOptions;
  readonly codec: WireCodec;
  /** By rank. */
  readonly engines: readonly ScriptedEngine[];
  /** An engine that nobody expects; it says nothing unless the start is to be spoilt. */
  readonly stranger: ScriptedEngine;
  /** All ADDs of all engines, in their order. */
  readonly adds: ReceivedAdd[] = [];
  /** What checks have seen on the way, for others. */
  readonly seen: { [K in keyof Seen]: Seen[K] } = {
    statusesWhileStarting: [],
    isServing: false,
    whyNotServed: null,
    samplesAtStart: null,
    hasTakenMoreKeys: null,
    spoilt: null,
    isUsageWrong: false,
    numInitsBeforeSpoil: null,
    endedBy: null,
  };
  readonly #http: HttpSide | null;
  readonly #metrics: MetricsSide | null;
  readonly #open = new Map<string, ReceivedAdd>();
  readonly #gone = new Set<ScriptedEngine>();
  readonly #memo = new Map<string, Promise<unknown>>();
  readonly startMs: number;
  readonly answerMs: number;
  #begunMs = 0;
  #deadline: number;
  #script: Script = answerWhole;

  constructor(options: FrontendCheckOptions) {
    this.options = options;
    const { transport, version, clock, waitMs = ANSWER_MS } = options;
    const { handshakeAddress, dataParallelSize } = options;
    const { httpUrl = null, metricsUrl = null, model = null } = options;
    this.codec = createWireCodec(version);
    this.startMs = options.startMs ?? START_MS;
    this.answerMs = options.answerMs ?? ANSWER_MS;
    this.#deadline = clock.monotonicMs() + waitMs;
    const engineOf = (rank: number): ScriptedEngine => {
      const ready = capacityOf(rank, version.vllmVersion);
      const { codec } = this;
      const { tables } = version;
      const onAdd = (add: ReceivedAdd): void => this.#onAdd(add);
      const known = { transport, clock, codec, tables, handshakeAddress, rank, ready, onAdd };
      return new ScriptedEngine(known);
    };
    this.engines = Array.from({ length: dataParallelSize }, (_, rank) => engineOf(rank));
    this.stranger = engineOf(dataParallelSize + 3);
    const send = options.fetch ?? fetch;
    this.#http =
      httpUrl === null ? null : new HttpSide({ url: httpUrl, model: model ?? '', fetch: send });
    this.#metrics = metricsUrl === null ? null : new MetricsSide({ url: metricsUrl, fetch: send });
  }

  /** The tokens that a completion says it has; where that cannot be trusted, those that it should have. */
  tokensOf({ completionTokens }: Completion, wanted: number): number | null {
    return this.seen.isUsageWrong ? wanted : completionTokens;
  }

  /** In the order in which they report. */
  get inOrder(): readonly ScriptedEngine[] {
    const { order } = this.options;
    if (order === undefined) return this.engines.toReversed();
    return order.flatMap((rank) => this.engines[rank] ?? []);
  }

  /** Engines that have not left, by rank. */
  get present(): readonly ScriptedEngine[] {
    return this.engines.filter((engine) => !this.#gone.has(engine));
  }

  /** An engine closes its sockets, without a word. */
  async leave(rank: number): Promise<void> {
    const engine = this.engines[rank];
    if (engine === undefined) return;
    this.#gone.add(engine);
    await engine.close();
  }

  /** Throws NotApplicable without --http. */
  get http(): HttpSide {
    return this.needHttp();
  }

  /** Throws NotApplicable without --http. */
  needHttp(): HttpSide {
    if (this.#http === null) throw new NotApplicable('no --http URL was given');
    return this.#http;
  }

  /** Throws NotApplicable without --metrics. */
  needMetrics(): MetricsSide {
    if (this.#metrics === null) throw new NotApplicable('no --metrics URL was given');
    return this.#metrics;
  }

  get hasMetrics(): boolean {
    return this.#metrics !== null;
  }

  get hasHttp(): boolean {
    return this.#http !== null;
  }

  /** Throws NotApplicable with one engine. */
  needSeveralEngines(): void {
    if (this.engines.length < 2) throw new NotApplicable('there is one engine');
  }

  /** Throws NotApplicable where the frontend has ended by what was done to it before, or never served. */
  needAlive(): void {
    const { endedBy, isServing } = this.seen;
    if (endedBy !== null)
      throw new NotApplicable(
        isServing
          ? `${endedBy} has ended the frontend before (see --ending)`
          : 'the frontend has served nothing since its start, which start.order tells',
      );
  }

  /** The frontend is there: from here on it may take so long to be ready. */
  beginStart(): void {
    this.#begunMs = this.options.clock.monotonicMs();
    this.#deadline = this.#begunMs + this.startMs;
  }

  /** The start is over, well or not. */
  beginChecks(): void {
    const { clock, runMs = RUN_MS } = this.options;
    const leastMs = clock.monotonicMs() + MIN_CHECKS_MS;
    this.#deadline = Math.max(this.#begunMs + runMs, leastMs);
  }

  /** What is left of the time for the start, or for the checks. */
  get leftMs(): number {
    if (this.options.signal?.aborted === true) return 0;
    return this.#deadline - this.options.clock.monotonicMs();
  }

  get hasTime(): boolean {
    return this.leftMs > 0;
  }

  /** Milliseconds for a wait of at most so many. Throws NothingWithin where the time is over, or the run was ended. */
  budget(ms = this.answerMs): number {
    const { leftMs } = this;
    if (leftMs <= 0) throw new NothingWithin('nothing came before the run was over');
    return Math.min(ms, Math.ceil(leftMs));
  }

  /** The first value that is there. Throws NothingWithin. */
  async waitFor<T>(what: string, find: () => T | null | undefined, ms = this.answerMs): Promise<T> {
    const budgetMs = this.budget(ms);
    const end = this.options.clock.monotonicMs() + budgetMs;
    for (;;) {
      const found = find();
      if (found !== null && found !== undefined) return found;
      if (this.options.signal?.aborted === true) throw new NothingWithin('the run was ended');
      if (this.options.clock.monotonicMs() >= end) {
        throw new NothingWithin(`${what}: nothing within ${secondsText(budgetMs)}`);
      }
      await systemTimers.pause(POLL_MS);
    }
  }

  /** Waits out a time in which something must not happen. */
  async quiet(ms: number): Promise<void> {
    await systemTimers.pause(this.hasTime ? this.budget(ms) : 0);
  }

  /** Does a thing once a run. */
  once<T>(name: string, act: () => Promise<T>): Promise<T> {
    const known = this.#memo.get(name);
    if (known !== undefined) return known as Promise<T>;
    const made = act();
    this.#memo.set(name, made);
    return made;
  }

  complete(body: object, options: AskOptions = {}): Promise<Completion> {
    this.needAlive();
    return this.http.complete(
      { ...body },
      { ...options, timeoutMs: this.budget(2 * this.answerMs) },
    );
  }

  /** Sends a completion and waits for the first ADD that it makes. */
  async ask(body: object, options: AskOptions = {}): Promise<Asked> {
    const before = this.adds.length;
    const completion = this.complete(body, options);
    let answer: Completion | null = null;
    void completion.then((value) => {
      answer = value;
    });
    const refused = (): string | null =>
      answer === null || answer.status === 200 ? null : `${answer.status} ${answer.text}`;
    const add = await this.waitFor('an ADD of a completion', () => {
      const found = this.adds[before];
      const reason = found === undefined ? refused() : null;
      if (reason !== null) throw new NothingWithin(`no ADD came; the answer is ${brief(reason)}`);
      return found;
    });
    return { add, completion };
  }

  /** As `ask`, and nothing answers the request by itself. */
  askHeld(body: object, options: AskOptions = {}): Promise<Asked> {
    this.hold();
    return this.ask(body, options);
  }

  /** From here on requests wait for what the check says. */
  hold(): void {
    this.#script = (add) => this.#open.set(add.request.requestId, add);
  }

  /** Requests that were held and are not ended. */
  get open(): readonly ReceivedAdd[] {
    return [...this.#open.values()];
  }

  /** The check itself has ended it. */
  close(add: ReceivedAdd): void {
    this.#open.delete(add.request.requestId);
  }

  /** Ends what a check left behind; later requests are answered again. */
  settle(): void {
    this.#script = answerWhole;
    for (const add of this.#open.values()) {
      const outputs = [{ ...nextOutput(add, []), finishReason: FinishReason.ABORT }];
      add.engine.send({ outputs }, socketFor(add));
    }
    this.#open.clear();
  }

  /** Where it does not answer any more, it is this check that has ended it. */
  async lookAfter(id: string): Promise<void> {
    if (this.#http === null || this.seen.endedBy !== null || !this.hasTime) return;
    const timeoutMs = this.budget(PROBE_MS);
    const { status } = await this.#http.complete({ max_tokens: 1 }, { timeoutMs });
    if (status !== 200) this.seen.endedBy = id;
  }

  /** Throws NotApplicable without --metrics. */
  async scrape(): Promise<readonly Sample[]> {
    const metrics = this.needMetrics();
    this.needAlive();
    return await metrics.scrape(this.budget());
  }

  /** Scrapes until it is so; the last scrape if it never was. */
  async scrapeUntil(
    isSo: (samples: readonly Sample[]) => boolean,
    ms = this.answerMs,
  ): Promise<readonly Sample[]> {
    const end = this.options.clock.monotonicMs() + this.budget(ms);
    for (;;) {
      const samples = await this.scrape();
      if (isSo(samples) || this.options.clock.monotonicMs() >= end) return samples;
      await systemTimers.pause(25);
    }
  }

  async end(): Promise<void> {
    await Promise.all([...this.present, this.stranger].map((engine) => engine.close()));
  }

  #onAdd(add: ReceivedAdd): void {
    this.adds.push(add);
    this.#script(add);
  }
}

export interface Seen {
  /** Of /health, before the last engine had reported. */
  statusesWhileStarting: readonly number[];
  /** Completions are answered. */
  isServing: boolean;
  /** What came instead of a completion, the last time that one was asked for. */
  whyNotServed: string | null;
  /** Of /metrics before the first completion was answered; null where that was not seen. */
  samplesAtStart: readonly Sample[] | null;
  /** Null where it was not tried. */
  hasTakenMoreKeys: boolean | null;
  /** Of each engine, by rank, before the start was spoilt; null where it was not. */
  numInitsBeforeSpoil: readonly number[] | null;
  /** `usage` does not count tokens, which a check has told: by it nobody is known. */
  isUsageWrong: boolean;
  /** What came of a start that was spoilt; null where none was. */
  spoilt: { readonly hasServed: boolean; readonly numAnswers: number } | null;
  /** The check after which the frontend serves no more. */
  endedBy: string | null;
}

export function brief(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
