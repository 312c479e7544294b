/**
 * `/v1/chat/completions`, whole and streamed. Answers are built as text, in vLLM's key order.
 * Source: vllm/entrypoints/openai/chat_completion/serving.py OpenAIServingChat (0.33.0). Leaves out: beam search, tool
 * and reasoning parsers.
 */
import { RequestOutputKind } from '../../../shared/protocol/request.ts';
import type { RequestHandle } from '../../llm/async-llm.ts';
import { errorBody, generationError, toApiError } from '../../llm/errors.ts';
import type { CompletionOutput, RequestOutput, RequestSink } from '../../llm/request-output.ts';
import { buildSamplingParams, type MutableSamplingParams } from '../../llm/sampling-params.ts';
import { type AnswerChannel, DONE_EVENT } from '../answer-channel.ts';
import { jsonIntegers, jsonNullable, jsonStopReason, jsonString } from '../json-text.ts';
import { chatLogprobs, type LogprobsFormat, promptLogprobsJson } from '../logprobs-json.ts';
import type { RenderedChat } from '../renderer.ts';
import type { ChatCompletionRequest } from '../request-types.ts';
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
export function createChatCompletion(
  context: ServingContext,
  request: ChatCompletionRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): void {
  checkModel(context, request.model);
  context.llm.preflight(request.n ?? 1);
  const arrivalTime = context.clock.wallMs() / 1000;
  const prompt = context.renderer.renderChatCompletion(request);
  const requestId = `chatcmpl-${baseRequestId(headers, request.request_id)}`;
  const params = samplingParams(context, request, prompt);
  const exchange = new ChatExchange({ context, request, requestId, prompt, channel });
  exchange.start((sink) =>
    context.llm.generate(
      {
        requestId,
        promptTokenIds: prompt.promptTokenIds,
        params,
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
  request: ChatCompletionRequest,
  prompt: RenderedChat,
): MutableSamplingParams {
  const { model } = context;
  const asked = request.max_completion_tokens ?? request.max_tokens;
  const wantsLogprobs = request.logprobs === true && !request.logprob_token_ids?.length;
  return buildSamplingParams(
    {
      ...commonSamplingFields(request, model),
      maxTokens: maxTokensFor(model, asked, prompt.promptTokenIds.length),
      logprobs: wantsLogprobs ? request.top_logprobs : null,
      promptLogprobs: request.prompt_logprobs ?? (request.echo ? request.top_logprobs : null),
      outputKind: request.stream === true ? RequestOutputKind.DELTA : RequestOutputKind.FINAL_ONLY,
    },
    context.maxNumSequences,
  );
}

interface ExchangeOptions {
  readonly context: ServingContext;
  readonly request: ChatCompletionRequest;
  readonly requestId: string;
  readonly prompt: RenderedChat;
  readonly channel: AnswerChannel;
}

/** One request's answer while it is being made. */
class ChatExchange {
  readonly #context: ServingContext;
  readonly #request: ChatCompletionRequest;
  readonly #prompt: RenderedChat;
  readonly #channel: AnswerChannel;
  readonly #requestId: string;
  readonly #created: number;
  readonly #model: string;
  /** Up to the choices of a chunk. */
  readonly #chunkHead: string;
  readonly #role: string;
  readonly #numChoices: number;
  readonly #isStream: boolean;
  readonly #includeUsage: boolean;
  readonly #includeContinuousUsage: boolean;
  readonly #logprobsFormat: LogprobsFormat;
  #handle: RequestHandle | null = null;
  #isOver = false;
  #hasBegun = false;
  readonly #numTokens: number[];
  readonly #hasFinished: boolean[];
  #numPromptTokens = 0;
  #firstOutput: RequestOutput | null = null;

  constructor({ context, request, requestId, prompt, channel }: ExchangeOptions) {
    this.#context = context;
    this.#request = request;
    this.#prompt = prompt;
    this.#channel = channel;
    this.#requestId = requestId;
    this.#created = Math.floor(context.clock.wallMs() / 1000);
    this.#model = context.models.shownName(context.models.lora(request.model));
    this.#chunkHead = `{"id":${jsonString(requestId)},"object":"chat.completion.chunk","created":${this.#created},"model":${jsonString(this.#model)},"choices":[`;
    this.#role = request.add_generation_prompt
      ? context.responseRole
      : String(request.messages.at(-1)?.['role']);
    this.#numChoices = request.n ?? 1;
    this.#isStream = request.stream === true;
    const { includeUsage, includeContinuousUsage } = usageOptions(context, request.stream_options);
    this.#includeUsage = includeUsage;
    this.#includeContinuousUsage = includeContinuousUsage;
    const top = request.top_logprobs;
    this.#logprobsFormat = {
      tokenizer: context.tokenizer,
      limit: request.logprob_token_ids?.length || top === -1 ? null : top,
      asTokenIds: request.return_tokens_as_token_ids ?? context.returnTokensAsTokenIds,
    };
    this.#numTokens = new Array<number>(this.#numChoices).fill(0);
    this.#hasFinished = new Array<boolean>(this.#numChoices).fill(false);
  }

  /** In a stream what `generate` throws is an event: the answer has begun. */
  start(generate: (sink: RequestSink) => RequestHandle): void {
    this.#channel.onDisconnect(() => this.#abort());
    if (this.#isStream) this.#channel.beginStream();
    try {
      this.#handle = generate({
        onOutput: (output) => this.#onOutput(output),
        onError: (error) => this.#fail(error),
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  #abort(): void {
    this.#isOver = true;
    this.#handle?.abort();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#abort();
    const apiError = toApiError(error);
    const { info } = apiError;
    if (this.#isStream) {
      // The stream knows one name for all that generation reports, whatever its status.
      const shown = apiError.isGenerationError ? { ...info, type: 'InternalServerError' } : info;
      this.#channel.event(`data: ${errorBody(shown)}\n\n${DONE_EVENT}`);
      this.#channel.endStream();
    } else {
      this.#channel.json(info.code, errorBody(info));
    }
  }

  #onOutput(output: RequestOutput): void {
    if (this.#isOver) return;
    try {
      if (this.#isStream) {
        this.#streamOutput(output);
        if (output.isFinished) this.#endStream(output);
      } else if (output.isFinished) {
        this.#channel.json(200, this.#wholeAnswer(output));
      }
      if (output.isFinished) this.#isOver = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  // Streams

  #streamOutput(output: RequestOutput): void {
    this.#numPromptTokens = output.promptTokenIds.length;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#firstOutput = output;
      this.#streamRoles(output);
      if (this.#request.echo) this.#streamEcho();
    }
    for (const completion of output.outputs) this.#streamChoice(output, completion);
  }

  /** Each choice begins with the role. */
  #streamRoles(output: RequestOutput): void {
    const request = this.#request;
    const ids = request.return_token_ids === true ? jsonIntegers(output.promptTokenIds) : 'null';
    const text = request.return_prompt_text === true ? jsonNullable(this.#prompt.text) : 'null';
    const usage = this.#continuousUsage(0);
    const role = jsonString(this.#role);
    for (let i = 0; i < this.#numChoices; i++) {
      this.#channel.event(
        `data: ${this.#chunkHead}{"index":${i},"delta":{"role":${role},"content":""},"logprobs":null,"finish_reason":null}]` +
          `${usage},"prompt_token_ids":${ids},"prompt_text":${text}}\n\n`,
      );
    }
  }

  #streamEcho(): void {
    const content = this.#lastMessageContent();
    if (typeof content !== 'string') throw new Error('content of the last message is not text');
    if (content === '') return;
    const usage = this.#continuousUsage(0);
    for (let i = 0; i < this.#numChoices; i++) {
      this.#channel.event(
        `data: ${this.#chunkHead}{"index":${i},"delta":{"content":${jsonString(content)}},"logprobs":null,"finish_reason":null}]${usage}}\n\n`,
      );
    }
  }

  #continuousUsage(completionTokens: number): string {
    if (!this.#includeContinuousUsage) return '';
    const usage = streamUsageJson(this.#numPromptTokens, completionTokens);
    // The field for details of the completion is given, as null, where there is no reasoning parser.
    return `,"usage":${usage.slice(0, -1)},"completion_tokens_details":null}`;
  }

  #streamChoice(output: RequestOutput, completion: CompletionOutput): void {
    const { index, text, tokenIds, finishReason } = completion;
    if (this.#hasFinished[index] === true) return;
    if (finishReason === 'error') throw generationError('Internal server error', false);
    const request = this.#request;
    const logprobs =
      request.logprobs === true
        ? chatLogprobs(tokenIds, completion.logprobs ?? [], this.#logprobsFormat, true)
        : 'null';
    const numBefore = this.#numTokens[index] ?? 0;
    const isEmpty = text === '' && tokenIds.length === 0 && numBefore === 0;
    if (isEmpty && finishReason === null) return;
    this.#numTokens[index] = numBefore + tokenIds.length;
    const delta = isEmpty ? '{}' : `{"content":${jsonString(text)}}`;
    const ids = request.return_token_ids === true ? jsonIntegers(tokenIds) : 'null';
    let tail = ']';
    if (finishReason !== null) {
      this.#hasFinished[index] = true;
      const versions = request.return_weight_versions
        ? jsonValue(completion.weightVersions)
        : 'null';
      const { fingerprint } = this.#context.model;
      tail = `,"weight_versions":${versions}}]${this.#continuousUsage(this.#numTokens[index] ?? 0)}`;
      if (!this.#includeUsage && fingerprint !== null) {
        tail += `,"system_fingerprint":${jsonString(fingerprint)}`;
      }
      this.#channel.event(
        `data: ${this.#chunkHead}{"index":${index},"delta":${delta},"logprobs":${logprobs},` +
          `"finish_reason":${jsonString(finishReason)},"stop_reason":${jsonStopReason(completion.stopReason)},` +
          `"token_ids":${ids}${tail},"kv_transfer_params":${jsonValue(output.kvTransferParams)}}\n\n`,
      );
      return;
    }
    if (this.#includeContinuousUsage) tail += this.#continuousUsage(this.#numTokens[index] ?? 0);
    this.#channel.event(
      `data: ${this.#chunkHead}{"index":${index},"delta":${delta},"logprobs":${logprobs},` +
        `"finish_reason":null,"token_ids":${ids}}${tail},"kv_transfer_params":null}\n\n`,
    );
  }

  #endStream(output: RequestOutput): void {
    if (this.#includeUsage) {
      const completionTokens = this.#numTokens.reduce((sum, count) => sum + count, 0);
      const first = this.#firstOutput ?? output;
      const details = this.#context.enablePromptTokensDetails
        ? `,"prompt_tokens_details":{"cached_tokens":${first.numCachedTokens},"created_cache_tokens":${first.numCacheCreationTokens}}`
        : '';
      const usage = streamUsageJson(this.#numPromptTokens, completionTokens, details);
      const { fingerprint } = this.#context.model;
      const print = fingerprint === null ? '' : `,"system_fingerprint":${jsonString(fingerprint)}`;
      const metrics =
        this.#numChoices === 1 && this.#context.enablePerRequestMetrics
          ? `,"metrics":${requestMetricsJson(output.stats, completionTokens, true)}`
          : '';
      this.#channel.event(`data: ${this.#chunkHead}],"usage":${usage}${print}${metrics}}\n\n`);
    }
    this.#channel.event(DONE_EVENT);
    this.#channel.endStream();
  }

  // Whole answers

  #wholeAnswer(output: RequestOutput): string {
    const request = this.#request;
    const echoed = request.echo ? this.#echoText() : '';
    let completionTokens = 0;
    const choices = output.outputs.map((completion) => {
      completionTokens += completion.tokenIds.length;
      return this.#wholeChoice(completion, echoed);
    });
    const details = this.#context.enablePromptTokensDetails
      ? `{"cached_tokens":${output.numCachedTokens},"created_cache_tokens":${output.numCacheCreationTokens},"multimodal_tokens":null}`
      : 'null';
    const usage = usageJson({
      promptTokens: output.promptTokenIds.length,
      completionTokens,
      promptTokensDetails: details,
    });
    const metrics =
      this.#numChoices === 1 && this.#context.enablePerRequestMetrics
        ? requestMetricsJson(output.stats, completionTokens, false)
        : 'null';
    const ids = request.return_token_ids === true ? jsonIntegers(output.promptTokenIds) : 'null';
    const text = request.return_prompt_text === true ? jsonNullable(this.#prompt.text) : 'null';
    return (
      `{"id":${jsonString(this.#requestId)},"object":"chat.completion","created":${this.#created},"model":${jsonString(this.#model)},` +
      `"choices":[${choices.join(',')}],"service_tier":null,"system_fingerprint":${jsonNullable(this.#context.model.fingerprint)},` +
      `"usage":${usage},"prompt_logprobs":${promptLogprobsJson(output.promptLogprobs)},"prompt_token_ids":${ids},` +
      `"prompt_text":${text},"kv_transfer_params":${jsonValue(output.kvTransferParams)},` +
      `"ec_transfer_params":${jsonValue(output.ecTransferParams)},"metrics":${metrics}}`
    );
  }

  #wholeChoice(completion: CompletionOutput, echoed: string): string {
    const request = this.#request;
    if (completion.finishReason === 'error') throw generationError('Internal server error', false);
    const logprobs =
      request.logprobs === true
        ? chatLogprobs(completion.tokenIds, completion.logprobs ?? [], this.#logprobsFormat, false)
        : 'null';
    const ids = request.return_token_ids === true ? jsonIntegers(completion.tokenIds) : 'null';
    const versions = request.return_weight_versions ? jsonValue(completion.weightVersions) : 'null';
    return (
      `{"index":${completion.index},"message":{"role":${jsonString(this.#role)},"content":${jsonString(echoed + completion.text)},` +
      '"refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":null},' +
      `"logprobs":${logprobs},"finish_reason":${jsonString(completion.finishReason ?? 'stop')},` +
      `"stop_reason":${jsonStopReason(completion.stopReason)},"token_ids":${ids},"routed_experts":null,"weight_versions":${versions}}`
    );
  }

  // Both

  /** With echo the last message comes first, where it has the answer's role. */
  #lastMessageContent(): unknown {
    const last = this.#prompt.conversation.at(-1);
    if (last === undefined || last['role'] !== this.#role) return '';
    return last['content'] || '';
  }

  #echoText(): string {
    const content = this.#lastMessageContent();
    if (!Array.isArray(content)) return String(content);
    return (content as readonly { text?: unknown }[]).map(({ text }) => String(text)).join('\n');
  }
}
