/**
 * `/v1/completions`, whole and streamed. Answers are built as text, in vLLM's key order.
 * Source: vllm/entrypoints/openai/completion/serving.py OpenAIServingCompletion (0.33.0). Leaves out: beam search.
 */
import { RequestOutputKind } from '../../../shared/protocol/request.ts';
import type { RequestHandle } from '../../llm/async-llm.ts';
import {
  badRequest,
  errorBody,
  errorBodyPythonJson,
  generationError,
  toApiError,
} from '../../llm/errors.ts';
import type { LogprobsTable } from '../../llm/logprobs.ts';
import type { CompletionOutput, RequestOutput, RequestSink } from '../../llm/request-output.ts';
import { buildSamplingParams, type MutableSamplingParams } from '../../llm/sampling-params.ts';
import { type AnswerChannel, DONE_EVENT } from '../answer-channel.ts';
import { jsonIntegers, jsonNullable, jsonStopReason, jsonString } from '../json-text.ts';
import { completionLogprobs, type LogprobsFormat, promptLogprobsJson } from '../logprobs-json.ts';
import type { RenderedPrompt } from '../renderer.ts';
import type { CompletionRequest } from '../request-types.ts';
import {
  baseRequestId,
  checkModel,
  commonSamplingFields,
  dataParallelRank,
  jsonValue,
  maxTokensFor,
  type RequestHeaders,
  requestMetricsJson,
  requestPriority,
  requestSessionId,
  type ServingContext,
  streamUsageJson,
  usageJson,
  usageOptions,
} from '../serving-context.ts';

/** Throws ApiError when there is no answer to begin; else the channel gets it, now or later. */
export function createCompletion(
  context: ServingContext,
  request: CompletionRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): void {
  if (request.stream === true && request.use_beam_search) {
    throw badRequest('Streaming is not currently supported with beam search');
  }
  checkModel(context, request.model);
  context.llm.preflight(request.n);
  const arrivalTime = context.clock.wallMs() / 1000;
  const prompts = context.renderer.renderCompletion(request);
  const requestId = `cmpl-${baseRequestId(headers, request.request_id)}`;
  const params = prompts.map((prompt) => samplingParams(context, request, prompt));
  const exchange = new CompletionExchange({ context, request, requestId, prompts, channel });
  exchange.start((index, sink) =>
    context.llm.generate(
      {
        requestId: `${requestId}-${index}`,
        promptTokenIds: (prompts[index] as RenderedPrompt).promptTokenIds,
        params: params[index] as MutableSamplingParams,
        arrivalTime,
        priority: requestPriority(headers, request.priority),
        dataParallelRank: dataParallelRank(headers),
        cacheSalt: request.cache_salt,
        sessionId: requestSessionId(headers, request),
        loraRequest: context.models.lora(request.model),
      },
      sink,
    ),
  );
}

function samplingParams(
  context: ServingContext,
  request: CompletionRequest,
  prompt: RenderedPrompt,
): MutableSamplingParams {
  const { model } = context;
  const maxTokens = maxTokensFor(model, request.max_tokens, prompt.promptTokenIds.length);
  const isEcho = request.echo === true;
  const isEchoOnly = isEcho && request.max_tokens === 0;
  return buildSamplingParams(
    {
      ...commonSamplingFields(request, model),
      maxTokens: isEchoOnly ? 1 : maxTokens,
      logprobs: request.logprob_token_ids?.length ? null : request.logprobs,
      promptLogprobs: request.prompt_logprobs ?? (isEcho ? request.logprobs : null),
      outputKind: request.stream === true ? RequestOutputKind.DELTA : RequestOutputKind.FINAL_ONLY,
    },
    context.maxNumSequences,
  );
}

interface ExchangeOptions {
  readonly context: ServingContext;
  readonly request: CompletionRequest;
  readonly requestId: string;
  readonly prompts: readonly RenderedPrompt[];
  readonly channel: AnswerChannel;
}

/** One request's answer while it is being made. */
class CompletionExchange {
  readonly #context: ServingContext;
  readonly #request: CompletionRequest;
  readonly #prompts: readonly RenderedPrompt[];
  readonly #channel: AnswerChannel;
  readonly #handles: RequestHandle[] = [];
  readonly #head: string;
  readonly #logprobsFormat: LogprobsFormat;
  readonly #isStream: boolean;
  readonly #includeUsage: boolean;
  readonly #includeContinuousUsage: boolean;
  #numOpen: number;
  #isOver = false;
  /** Streams: one entry per choice. */
  readonly #choices: ChoiceState[];
  readonly #numPromptTokens: number[];
  #numCachedTokens: number | null = null;
  #lastOutput: RequestOutput | null = null;
  /** Whole answers: the final output of each prompt. */
  readonly #finals: RequestOutput[] = [];

  constructor({ context, request, requestId, prompts, channel }: ExchangeOptions) {
    this.#context = context;
    this.#request = request;
    this.#prompts = prompts;
    this.#channel = channel;
    this.#isStream = request.stream === true;
    this.#numOpen = prompts.length;
    const created = Math.floor(context.clock.wallMs() / 1000);
    const model = context.models.shownName(context.models.lora(request.model));
    this.#head = `{"id":${jsonString(requestId)},"object":"text_completion","created":${created},"model":${jsonString(model)},"choices":[`;
    const { includeUsage, includeContinuousUsage } = usageOptions(context, request.stream_options);
    this.#includeUsage = includeUsage;
    this.#includeContinuousUsage = includeContinuousUsage;
    const { logprobs } = request;
    this.#logprobsFormat = {
      tokenizer: context.tokenizer,
      limit:
        request.logprob_token_ids?.length || logprobs === null || logprobs === -1
          ? null
          : Math.max(logprobs + 1, 0),
      asTokenIds: request.return_tokens_as_token_ids ?? context.returnTokensAsTokenIds,
    };
    this.#choices = this.#isStream
      ? Array.from({ length: prompts.length * request.n }, () => new ChoiceState())
      : [];
    this.#numPromptTokens = prompts.map(() => 0);
  }

  /** In a stream what `generate` throws is an event: the answer has begun. */
  start(generate: (index: number, sink: RequestSink) => RequestHandle): void {
    this.#channel.onDisconnect(() => this.#abort());
    if (this.#isStream) this.#channel.beginStream();
    for (let index = 0; index < this.#prompts.length; index++) {
      if (this.#isOver) return;
      try {
        this.#handles.push(
          generate(index, {
            onOutput: (output) => this.#onOutput(index, output),
            onError: (error) => this.#fail(error),
          }),
        );
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
  }

  #abort(): void {
    this.#isOver = true;
    for (const handle of this.#handles) handle.abort();
  }

  /** A whole answer becomes an error body; a stream ends with the error as an event, then `[DONE]`. */
  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#abort();
    const { info } = toApiError(error);
    if (this.#isStream) {
      this.#channel.event(`data: ${errorBodyPythonJson(info)}\n\n${DONE_EVENT}`);
      this.#channel.endStream();
    } else {
      this.#channel.json(info.code, errorBody(info));
    }
  }

  #onOutput(promptIndex: number, output: RequestOutput): void {
    if (this.#isOver) return;
    try {
      if (this.#isStream) this.#streamOutput(promptIndex, output);
      else this.#finals[promptIndex] = output;
      if (!output.isFinished) return;
      this.#numOpen -= 1;
      if (this.#numOpen > 0) return;
      if (this.#isStream) this.#endStream();
      else this.#channel.json(200, this.#wholeAnswer());
      this.#isOver = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  // Streams

  #streamOutput(promptIndex: number, output: RequestOutput): void {
    this.#lastOutput = output;
    this.#numCachedTokens ??= output.numCachedTokens;
    this.#numPromptTokens[promptIndex] = output.promptTokenIds.length;
    for (const completion of output.outputs) this.#streamChoice(promptIndex, output, completion);
  }

  #streamChoice(promptIndex: number, output: RequestOutput, completion: CompletionOutput): void {
    const request = this.#request;
    const index = completion.index + promptIndex * request.n;
    const choice = this.#choices[index] as ChoiceState;
    const { finishReason } = completion;
    if (finishReason === 'error') throw generationError('Internal server error', false);
    let text = completion.text;
    let tokenIds = completion.tokenIds;
    let logprobs: LogprobsTable | null = completion.logprobs;
    let promptIds: readonly number[] | null = null;
    if (request.echo === true && !choice.hasEchoed) {
      const echoed = this.#echo(promptIndex, output, completion);
      text = echoed.text;
      tokenIds = echoed.tokenIds;
      logprobs = echoed.logprobs;
      promptIds = output.promptTokenIds;
      choice.hasEchoed = true;
    } else {
      if (!choice.hasEchoed && request.return_token_ids === true) {
        promptIds = output.promptTokenIds;
        choice.hasEchoed = true;
      }
      if (text === '' && tokenIds.length === 0 && choice.numTokens === 0 && finishReason === null)
        return;
    }
    const shownLogprobs = this.#streamLogprobs(choice, tokenIds, logprobs);
    choice.numTokens += completion.tokenIds.length;
    const shownIds = request.return_token_ids === true ? jsonIntegers(completion.tokenIds) : 'null';
    const versions = request.return_weight_versions ? jsonValue(completion.weightVersions) : 'null';
    let tail = ']';
    if (this.#includeContinuousUsage) {
      tail += `,"usage":${streamUsageJson(this.#numPromptTokens[promptIndex] ?? 0, choice.numTokens)}`;
    }
    if (finishReason !== null && !this.#includeUsage && this.#context.model.fingerprint !== null) {
      tail += `,"system_fingerprint":${jsonString(this.#context.model.fingerprint)}`;
    }
    const kv = finishReason === null ? 'null' : jsonValue(output.kvTransferParams);
    this.#channel.event(
      `data: ${this.#head}{"index":${index},"text":${jsonString(text)},"logprobs":${shownLogprobs},` +
        `"finish_reason":${jsonNullable(finishReason)},"stop_reason":${jsonStopReason(completion.stopReason)},` +
        `"prompt_token_ids":${promptIds === null ? 'null' : jsonIntegers(promptIds)},"token_ids":${shownIds},` +
        `"weight_versions":${versions}}${tail},"kv_transfer_params":${kv}}\n\n`,
    );
  }

  #streamLogprobs(
    choice: ChoiceState,
    tokenIds: readonly number[],
    table: LogprobsTable | null,
  ): string {
    if (this.#request.logprobs === null) return 'null';
    const { json, nextOffset } = completionLogprobs(
      tokenIds,
      table ?? [],
      this.#logprobsFormat,
      choice.nextTextOffset,
    );
    choice.nextTextOffset = nextOffset;
    return json;
  }

  #endStream(): void {
    if (this.#includeUsage) {
      const promptTokens = this.#numPromptTokens.reduce((sum, count) => sum + count, 0);
      const completionTokens = this.#choices.reduce((sum, choice) => sum + choice.numTokens, 0);
      const details =
        this.#context.enablePromptTokensDetails && this.#numCachedTokens !== null
          ? `,"prompt_tokens_details":{"cached_tokens":${this.#numCachedTokens}}`
          : '';
      const { fingerprint } = this.#context.model;
      const print = fingerprint === null ? '' : `,"system_fingerprint":${jsonString(fingerprint)}`;
      const metrics = this.#hasOneStream
        ? this.#metrics(this.#lastOutput, completionTokens, true)
        : null;
      this.#channel.event(
        `data: ${this.#head}],"usage":${streamUsageJson(promptTokens, completionTokens, details)}${print}` +
          `${metrics === null ? '' : `,"metrics":${metrics}`}}\n\n`,
      );
    }
    this.#channel.event(DONE_EVENT);
    this.#channel.endStream();
  }

  // Whole answers

  #wholeAnswer(): string {
    const choices: string[] = [];
    let promptTokens = 0;
    let completionTokens = 0;
    for (let promptIndex = 0; promptIndex < this.#finals.length; promptIndex++) {
      const output = this.#finals[promptIndex] as RequestOutput;
      promptTokens += output.promptTokenIds.length;
      for (const completion of output.outputs) {
        choices.push(this.#wholeChoice(choices.length, promptIndex, output, completion));
        completionTokens += completion.tokenIds.length;
      }
    }
    const first = this.#finals[0];
    const last = this.#finals.at(-1) ?? null;
    const details =
      this.#context.enablePromptTokensDetails && last !== null
        ? `{"cached_tokens":${last.numCachedTokens},"created_cache_tokens":null,"multimodal_tokens":null}`
        : 'null';
    const usage = usageJson({ promptTokens, completionTokens, promptTokensDetails: details });
    const metrics = this.#hasOneStream ? this.#metrics(last, completionTokens, false) : null;
    return (
      `${this.#head}${choices.join(',')}],"service_tier":null,` +
      `"system_fingerprint":${jsonNullable(this.#context.model.fingerprint)},"usage":${usage},` +
      `"kv_transfer_params":${jsonValue(first?.kvTransferParams)},"ec_transfer_params":${jsonValue(first?.ecTransferParams)},` +
      `"metrics":${metrics ?? 'null'}}`
    );
  }

  #wholeChoice(
    index: number,
    promptIndex: number,
    output: RequestOutput,
    completion: CompletionOutput,
  ): string {
    const request = this.#request;
    if (completion.finishReason === 'error') throw generationError('Internal server error', false);
    const shown = request.echo === true ? this.#echo(promptIndex, output, completion) : completion;
    const logprobs =
      request.logprobs === null
        ? 'null'
        : completionLogprobs(shown.tokenIds, shown.logprobs ?? [], this.#logprobsFormat, 0).json;
    const ids = request.return_token_ids === true;
    return (
      `{"index":${index},"text":${jsonString(shown.text)},"logprobs":${logprobs},` +
      `"finish_reason":${jsonNullable(completion.finishReason)},"stop_reason":${jsonStopReason(completion.stopReason)},` +
      `"token_ids":${ids ? jsonIntegers(completion.tokenIds) : 'null'},` +
      `"prompt_logprobs":${promptLogprobsJson(output.promptLogprobs)},` +
      `"prompt_token_ids":${ids ? jsonIntegers(output.promptTokenIds) : 'null'},"routed_experts":null,` +
      `"weight_versions":${request.return_weight_versions ? jsonValue(completion.weightVersions) : 'null'}}`
    );
  }

  // Both

  /** The prompt in front of the answer; with max_tokens 0 the prompt alone. */
  #echo(promptIndex: number, output: RequestOutput, completion: CompletionOutput) {
    const request = this.#request;
    const promptText =
      request.return_token_ids === true ? '' : (this.#prompts[promptIndex]?.text ?? '');
    if (request.max_tokens === 0) {
      return { text: promptText, tokenIds: output.promptTokenIds, logprobs: output.promptLogprobs };
    }
    return {
      text: promptText + completion.text,
      tokenIds: [...output.promptTokenIds, ...completion.tokenIds],
      logprobs:
        request.logprobs === null
          ? null
          : [...(output.promptLogprobs ?? []), ...(completion.logprobs ?? [])],
    };
  }

  /** Timings make sense for one prompt and one answer only. */
  get #hasOneStream(): boolean {
    return this.#prompts.length === 1 && this.#request.n === 1;
  }

  #metrics(output: RequestOutput | null, numTokens: number, skipNull: boolean): string | null {
    if (!this.#context.enablePerRequestMetrics || output === null) return null;
    return requestMetricsJson(output.stats, numTokens, skipNull);
  }
}

class ChoiceState {
  hasEchoed = false;
  numTokens = 0;
  nextTextOffset = 0;
}
