/**
 * One request while it is answered, the same for every generating endpoint: its prompts go to the engines, their
 * outputs to the endpoint's own Answer, and whatever fails ends it once. A client that leaves aborts what still runs.
 * Source: vllm/entrypoints/generate/base/serving.py (0.33.0).
 */
import type { RequestHandle } from '../llm/async-llm.ts';
import { searchBeams } from '../llm/beam-search.ts';
import type { BeamSearchParams } from '../llm/beams.ts';
import { type ApiError, errorBody, generationError, toApiError } from '../llm/errors.ts';
import type { GenerateRequest } from '../llm/input-processor.ts';
import type { CompletionOutput, RequestOutput, RequestSink } from '../llm/request-output.ts';
import type { AnswerChannel } from './answer-channel.ts';
import { OutputLog, type OutputLogRules } from './output-log.ts';
import {
  dataParallelRank,
  type RequestHeaders,
  requestPriority,
  requestSessionId,
} from './request-headers.ts';
import { beamSearchLimitsOf } from './sampling-fields.ts';
import type { ServingContext } from './serving-context.ts';

/** What an endpoint makes of the outputs. Each method may throw; the exchange then ends with that error. */
export interface Answer {
  /** A stream has begun; there is no output yet. */
  beginStream(): void;
  streamOutput(output: RequestOutput, promptIndex: number): void;
  /** The events after the output that was the last one of all prompts. */
  lastEvents(output: RequestOutput): string;
  /** `finals` has the last output of each prompt. */
  wholeAnswer(finals: readonly RequestOutput[]): string;
  /** The events that end a stream with an error; null: there is none, the stream breaks off. */
  errorEvents(error: ApiError): string | null;
}

/** What of a request does not depend on its endpoint. */
export interface ExchangeRequest {
  readonly model: string | null;
  readonly stream: boolean | null;
  readonly priority: number | bigint;
  readonly cache_salt: string | null;
  readonly session_id: string | null;
  readonly vllm_xargs: Readonly<Record<string, unknown>> | null;
}

/** One prompt's part of a request. */
export type ExchangePrompt = Pick<
  GenerateRequest,
  | 'requestId'
  | 'promptTokenIds'
  | 'promptEmbeds'
  | 'params'
  | 'reasoningEnded'
  | 'reasoningParserKwargs'
> & {
  /** Null where the request came as token ids. */
  readonly text: string | null;
  /** Left out or null for a request that the engines answer as a whole. */
  readonly beams?: BeamSearchParams | null;
};

export interface ExchangeOptions {
  readonly context: ServingContext;
  readonly request: ExchangeRequest;
  readonly headers: RequestHeaders;
  readonly channel: AnswerChannel;
  /** Wall-clock seconds. */
  readonly arrivalTime: number;
  readonly prompts: readonly ExchangePrompt[];
  readonly answer: Answer;
  readonly log: OutputLogRules;
}

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #channel: AnswerChannel;
  readonly #answer: Answer;
  readonly #isStream: boolean;
  readonly #handles: RequestHandle[] = [];
  readonly #finals: RequestOutput[] = [];
  /** Null where outputs are not logged. */
  readonly #outputLog: OutputLog | null;
  #numOpen: number;
  #isOver = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#channel = options.channel;
    this.#answer = options.answer;
    this.#isStream = options.request.stream === true;
    this.#numOpen = options.prompts.length;
    const { requestLogger } = options.context;
    this.#outputLog =
      requestLogger?.logsOutputs === true
        ? new OutputLog(requestLogger, options.log, numOutputsOf(options.prompts[0]))
        : null;
  }

  /** From here on every error is part of the answer; in a stream it is an event, for the answer has begun. */
  start(): void {
    this.#channel.onDisconnect(() => this.#abort());
    if (this.#isStream) {
      this.#channel.beginStream();
      try {
        this.#answer.beginStream();
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
    this.#generateFrom(0);
  }

  /** The prompts from an index on, as fast as the engines take them: others have their turn in between. */
  #generateFrom(firstIndex: number): void {
    const { prompts, context } = this.#options;
    for (let index = firstIndex; index < prompts.length; index++) {
      if (this.#isOver) return;
      if (index > 0 && !context.llm.whenRoom(() => this.#generateFrom(index))) return;
      try {
        this.#handles.push(this.#generate(prompts[index] as ExchangePrompt, index));
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #generate(prompt: ExchangePrompt, index: number): RequestHandle {
    const { context, request, headers, arrivalTime } = this.#options;
    const { requestId, promptTokenIds, promptEmbeds, params, text } = prompt;
    const { reasoningEnded = null, reasoningParserKwargs = null } = prompt;
    const loraRequest = context.models.lora(request.model);
    context.requestLogger?.logInputs({
      requestId,
      prompt: text,
      promptTokenIds,
      promptEmbeds,
      params,
      loraRequest,
    });
    const generateRequest = {
      requestId,
      promptTokenIds,
      ...(promptEmbeds === undefined ? {} : { promptEmbeds }),
      params,
      arrivalTime,
      priority: requestPriority(headers, request.priority),
      dataParallelRank: dataParallelRank(headers),
      cacheSalt: request.cache_salt,
      sessionId: requestSessionId(headers, request),
      loraRequest,
      reasoningEnded,
      reasoningParserKwargs,
    };
    const sink: RequestSink = {
      onOutput: (output) => this.#onOutput(output, index),
      onError: (error) => this.#fail(error),
    };
    const { beams = null } = prompt;
    if (beams === null) return context.llm.generate(generateRequest, sink);
    // An engine sees a request a token, on whichever rank.
    const eachOfThem = { ...generateRequest, dataParallelRank: null };
    return searchBeams(beamSearchPartsOf(context), eachOfThem, beams, sink);
  }

  #abort(): void {
    this.#isOver = true;
    for (const handle of this.#handles) handle.abort();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#abort();
    const apiError = toApiError(error);
    const { info } = apiError;
    if (!this.#isStream) {
      this.#channel.json(info.code, errorBody(info));
      return;
    }
    const events = this.#answer.errorEvents(apiError);
    if (events === null) {
      this.#channel.breakStream();
      return;
    }
    this.#channel.event(events);
    this.#channel.endStream();
  }

  #onOutput(output: RequestOutput, index: number): void {
    if (this.#isOver) return;
    try {
      if (this.#isStream) {
        this.#answer.streamOutput(output, index);
        this.#outputLog?.streamed(output, index);
      } else this.#finals[index] = output;
      if (!output.isFinished) return;
      this.#numOpen -= 1;
      if (this.#numOpen > 0) return;
      this.#end(output);
      this.#isOver = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  #end(output: RequestOutput): void {
    if (!this.#isStream) {
      this.#channel.json(200, this.#answer.wholeAnswer(this.#finals));
      this.#outputLog?.whole(this.#finals);
      return;
    }
    this.#channel.event(this.#answer.lastEvents(output));
    this.#channel.endStream();
    this.#outputLog?.endStream();
  }
}

function numOutputsOf(prompt: ExchangePrompt | undefined): number {
  return prompt?.beams?.beamWidth ?? prompt?.params.n ?? 1;
}

function beamSearchPartsOf(context: ServingContext) {
  const { llm, tokenizer, model, clock } = context;
  const eos = tokenizer.eosTokenId ?? model.eosTokenId;
  const eosTokenIds = new Set([...(eos === null ? [] : [eos]), ...model.generationEosTokenIds]);
  const nowSeconds = () => clock.wallMs() / 1000;
  return { ...beamSearchLimitsOf(context), llm, tokenizer, eosTokenIds, nowSeconds };
}

/** An engine's own failure ends the whole request. Throws ApiError. */
export function checkFinishReason({ finishReason }: CompletionOutput): void {
  if (finishReason === 'error') throw generationError('Internal server error', false);
}
