/** Requests and calls of the checks: each under an id of its own, with what came back for it. */
import type { Clock } from '../../shared/clock.ts';
import { createEngineCoreRequest, createSamplingParams } from '../../shared/protocol/defaults.ts';
import type { UtilityOutput } from '../../shared/protocol/outputs.ts';
import type { EngineCoreRequest, SamplingParams } from '../../shared/protocol/request.ts';
import type { CheckingFrontend } from './checking-frontend.ts';
import type { HeardEngine, HeardOutput } from './heard.ts';

/** Ids that every model's vocabulary has. */
export const PROMPT = [5, 6, 7, 8, 9, 10, 11, 12];

/** Times that are waited for an end while tokens come. */
const MAX_WAITS = 2;
/** How much later than another a message may come that was sent at once; more is no time. */
const MAX_LATE_MS = 500;
/** How long an end may take that does not come with the last token. */
const END_MS = 600;

export class Requests {
  readonly #frontend: CheckingFrontend;
  readonly #clock: Clock;
  readonly #maxTokens = new Map<string, number>();
  #numRequests = 0;
  #callId = 0;
  /** The engine has been seen to say of no end: a request that has its tokens is over then, for all but the check of that. */
  isOverByTokens = false;

  constructor(frontend: CheckingFrontend, clock: Clock) {
    this.#frontend = frontend;
    this.#clock = clock;
  }

  /** Sent so far. */
  get numRequests(): number {
    return this.#numRequests;
  }

  /** Sends ADD of a request that runs to `max_tokens` unless `params` say otherwise; returns its id. */
  add(
    engine: HeardEngine,
    params: Partial<SamplingParams>,
    fields: Partial<EngineCoreRequest> = {},
  ): string {
    this.#numRequests += 1;
    const requestId = fields.requestId ?? `conform-${this.#numRequests}`;
    const request = createEngineCoreRequest({
      requestId,
      externalReqId: requestId,
      promptTokenIds: PROMPT,
      samplingParams: createSamplingParams({ temperature: 0, ignoreEos: true, ...params }),
      arrivalTime: this.#clock.wallMs() / 1000,
      ...fields,
    });
    this.#maxTokens.set(requestId, request.samplingParams?.maxTokens ?? 0);
    this.#frontend.send(engine, { type: 'ADD', request }, request.clientIndex);
    return requestId;
  }

  abort(engine: HeardEngine, requestIds: readonly string[]): void {
    this.#frontend.send(engine, { type: 'ABORT', requestIds });
  }

  outputsOf(requestId: string): readonly HeardOutput[] {
    return this.#frontend.outputsOf(requestId);
  }

  numTokensOf(requestId: string): number {
    return this.outputsOf(requestId).reduce(
      (sum, { output }) => sum + output.newTokenIds.length,
      0,
    );
  }

  /**
   * Milliseconds from token to token of a request that has ended, by our clock or the engine's, which sees more: messages may
   * come late, and then together. Null where it gave too few to tell.
   */
  paceOf(requestId: string): number | null {
    const outputs = this.outputsOf(requestId);
    const first = outputs[0];
    const last = outputs.at(-1);
    if (first === undefined || last === undefined) return null;
    const count = this.numTokensOf(requestId) - first.output.newTokenIds.length;
    if (count <= 0) return null;
    const secondsOf = ({ heard }: HeardOutput): number => heard.outputs?.timestamp ?? 0;
    const oursMs = last.heard.atMs - first.heard.atMs;
    const theirsMs = 1000 * (secondsOf(last) - secondsOf(first));
    const isTime = theirsMs > oursMs && theirsMs < oursMs + MAX_LATE_MS;
    return (isTime ? theirsMs : oursMs) / count;
  }

  hasFinished(requestId: string): boolean {
    return this.outputsOf(requestId).some(({ output }) => output.finishReason !== null);
  }

  /** Whether it has as many tokens as it may have. */
  hasAllTokens(requestId: string): boolean {
    const max = this.#maxTokens.get(requestId) ?? 0;
    return max > 0 && this.numTokensOf(requestId) >= max;
  }

  isOver(requestId: string): boolean {
    return this.hasFinished(requestId) || (this.isOverByTokens && this.hasAllTokens(requestId));
  }

  /** Whether all of them are over within `ms`, or a while later where tokens still come. */
  async finished(requestIds: readonly string[], ms: number): Promise<boolean> {
    const areOver = (): boolean => requestIds.every((id) => this.isOver(id));
    const count = (): number => requestIds.reduce((sum, id) => sum + this.numTokensOf(id), 0);
    const haveTokens = (): boolean => requestIds.every((id) => this.hasAllTokens(id));
    for (let i = 0; i < MAX_WAITS; i++) {
      const before = count();
      await this.#frontend.wait(() => areOver() || haveTokens(), ms);
      // Behind the last token nothing else is waited for.
      if (haveTokens()) return this.#frontend.wait(areOver, Math.min(ms, END_MS));
      if (areOver()) return true;
      if (count() === before) return false;
    }
    return false;
  }

  /** Sends a call; returns its id. */
  call(
    engine: HeardEngine,
    method: string,
    args: readonly unknown[] = [],
    { client = 0, callId = this.nextCallId() }: { client?: number; callId?: number | bigint } = {},
  ): number | bigint {
    const call = { clientIndex: client, callId, method, args };
    this.#frontend.send(engine, { type: 'UTILITY', call }, client);
    return callId;
  }

  nextCallId(): number {
    this.#callId += 1;
    return this.#callId;
  }

  /** The answer to a call that is made now; null where none comes within `ms`. */
  async ask(
    engine: HeardEngine,
    method: string,
    args: readonly unknown[],
    ms: number,
  ): Promise<UtilityOutput | null> {
    const callId = this.call(engine, method, args);
    await this.#frontend.wait(() => this.#frontend.answersOf(callId).length > 0, ms);
    return this.#frontend.answersOf(callId)[0]?.answer ?? null;
  }
}
