/** Requests and calls of the checks: each under an id of its own, with what came back for it. */
import type { Clock } from '../../shared/clock.ts';
import { createEngineCoreRequest, createSamplingParams } from '../../shared/protocol/defaults.ts';
import type { UtilityOutput } from '../../shared/protocol/outputs.ts';
import type { EngineCoreRequest, SamplingParams } from '../../shared/protocol/request.ts';
import type { CheckingFrontend } from './checking-frontend.ts';
import type { HeardEngine, HeardOutput } from './heard.ts';

/** Ids that every model's vocabulary has. */
const PROMPT = [5, 6, 7, 8, 9, 10, 11, 12];

export class Requests {
  readonly #frontend: CheckingFrontend;
  readonly #clock: Clock;
  #numRequests = 0;
  #callId = 0;

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

  hasFinished(requestId: string): boolean {
    return this.outputsOf(requestId).some(({ output }) => output.finishReason !== null);
  }

  /** Whether all of them have ended within `ms`. */
  finished(requestIds: readonly string[], ms: number): Promise<boolean> {
    return this.#frontend.wait(() => requestIds.every((id) => this.hasFinished(id)), ms);
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
