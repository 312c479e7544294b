/**
 * `/v1/responses`, whole and streamed, for plain text answers; nothing is stored.
 * Source: vllm/entrypoints/openai/responses/serving.py OpenAIServingResponses (0.33.0). Leaves out: the response store
 * and background mode, tools and their parsers, reasoning parsers.
 */
import { RequestOutputKind } from '../../../shared/protocol/request.ts';
import type { PyDict } from '../../../shared/python/values.ts';
import type { RequestHandle } from '../../llm/async-llm.ts';
import {
  ApiError,
  errorBody,
  generationError,
  internalError,
  toApiError,
} from '../../llm/errors.ts';
import { randomUuid } from '../../llm/random-uuid.ts';
import type { CompletionOutput, RequestOutput, RequestSink } from '../../llm/request-output.ts';
import { buildSamplingParams, type MutableSamplingParams } from '../../llm/sampling-params.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { jsonFloat, jsonNullable, jsonString } from '../json-text.ts';
import type { RenderedChat } from '../renderer.ts';
import {
  checkModel,
  dataParallelRank,
  maxTokensFor,
  type RequestHeaders,
  requestPriority,
  requestSessionId,
  type ServingContext,
} from '../serving-context.ts';
import { continuesFinalMessage, responsesMessages } from './input.ts';
import { responseLogprobs } from './logprobs.ts';

export interface ResponsesRequest {
  readonly model: string | null;
  readonly input: string | readonly PyDict[];
  readonly instructions: string | null;
  readonly max_output_tokens: number | null;
  readonly stream: boolean | null;
  readonly store: boolean | null;
  readonly background: boolean | null;
  readonly previous_response_id: string | null;
  readonly previous_input_messages: readonly unknown[] | null;
  readonly request_id: string | null;
  readonly include: readonly string[] | null;
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly top_k: number | null;
  readonly min_p: number | null;
  readonly top_logprobs: number;
  readonly repetition_penalty: number | null;
  readonly presence_penalty: number | null;
  readonly frequency_penalty: number | null;
  readonly seed: number | bigint | null;
  readonly stop: string | readonly string[] | null;
  readonly stop_token_ids: readonly number[] | null;
  readonly ignore_eos: boolean;
  readonly logit_bias: Readonly<Record<string, number>> | null;
  readonly vllm_xargs: Readonly<Record<string, unknown>> | null;
  readonly kv_transfer_params: Readonly<Record<string, unknown>> | null;
  readonly skip_special_tokens: boolean | null;
  readonly spaces_between_special_tokens: boolean;
  readonly include_stop_str_in_output: boolean;
  readonly truncation: string | null;
  readonly chat_template_kwargs: PyDict | null;
  readonly mm_processor_kwargs: PyDict | null;
  readonly media_io_kwargs: PyDict | null;
  readonly reasoning: PyDict | null;
  readonly tools: readonly PyDict[];
  readonly tool_choice: unknown;
  readonly parallel_tool_calls: boolean | null;
  readonly metadata: unknown;
  readonly service_tier: string;
  readonly text: PyDict | null;
  readonly user: string | null;
  readonly max_tool_calls: number | null;
  readonly prompt_cache_key: string | null;
  readonly prompt_cache_retention: string | null;
  readonly prompt_cache_options: unknown;
  readonly safety_identifier: string | null;
  readonly structured_outputs: PyDict | null;
  readonly priority: number | bigint;
  readonly session_id: string | null;
  readonly cache_salt: string | null;
}

/** Throws ApiError when there is no answer to begin; else the channel gets it, now or later. */
export function createResponse(
  context: ServingContext,
  request: ResponsesRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): void {
  checkModel(context, request.model);
  checkRequest(request);
  context.llm.preflight(1);
  if (request.previous_response_id !== null) throw responseNotFound(request.previous_response_id);
  const arrivalTime = context.clock.wallMs() / 1000;
  const prompt = renderInput(context, request);
  const promptLength = prompt.promptTokenIds.length;
  const { maxModelLen } = context.model;
  if (promptLength >= maxModelLen) {
    throw invalidRequest(
      `The engine prompt length ${promptLength} exceeds the max_model_len ${maxModelLen}. Please reduce prompt.`,
      'input',
    );
  }
  const params = samplingParams(context, request, promptLength);
  const responseId = request.request_id ?? `resp_${randomUuid()}`;
  new ResponseExchange({ context, request, responseId, params, channel }).start((sink) =>
    context.llm.generate(
      {
        requestId: `${responseId}_0`,
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

function invalidRequest(message: string, param: string, code = 400): ApiError {
  return new ApiError({ message, type: 'invalid_request_error', param, code });
}

/** Nothing is stored, so no id is ever known. */
export function responseNotFound(responseId: string): ApiError {
  return invalidRequest(`Response with id '${responseId}' not found.`, 'response_id', 404);
}

function checkRequest(request: ResponsesRequest): void {
  if (request.store === true && request.background === true) {
    throw invalidRequest(
      'This vLLM engine does not support `store=True` and therefore does not support the background mode. To enable ' +
        'these features, set the environment variable `VLLM_ENABLE_RESPONSES_API_STORE=1` when launching the vLLM server.',
      'background',
    );
  }
  if (request.previous_input_messages?.length && request.previous_response_id) {
    throw invalidRequest(
      'Only one of `previous_input_messages` and `previous_response_id` can be set.',
      'previous_response_id',
    );
  }
}

function renderInput(context: ServingContext, request: ResponsesRequest): RenderedChat {
  const isContinued = continuesFinalMessage(request.input);
  const effort = request.reasoning?.['effort'];
  return context.renderer.renderChat(
    {
      messages: responsesMessages(request.instructions, request.input),
      chatTemplate: null,
      chatTemplateKwargs: request.chat_template_kwargs,
      mmProcessorKwargs: request.mm_processor_kwargs,
      mediaIoKwargs: request.media_io_kwargs,
      addGenerationPrompt: !isContinued,
      continueFinalMessage: isContinued,
      documents: null,
      reasoningEffort: typeof effort === 'string' ? effort : null,
      tools: request.tools.length === 0 ? null : request.tools.map(toChatTool),
      reusedTokenIds: null,
    },
    {
      maxTotalTokens: context.model.maxModelLen,
      maxOutputTokens: request.max_output_tokens,
      truncatePromptTokens: request.truncation === 'disabled' ? null : -1,
      truncationSide: null,
      addSpecialTokens: true,
      maxOutputTokensParam: 'max_output_tokens',
    },
  );
}

/** A function tool in the form that chat templates know. */
function toChatTool(tool: PyDict): PyDict {
  const { type = 'function', ...fn } = tool;
  return { type, function: fn };
}

function samplingParams(
  context: ServingContext,
  request: ResponsesRequest,
  promptLength: number,
): MutableSamplingParams {
  const { model, maxNumSequences } = context;
  const defaults = model.defaultSamplingParams;
  const fits = maxTokensFor(model, request.max_output_tokens, promptLength);
  return buildSamplingParams(
    {
      n: 1,
      temperature: request.temperature ?? defaults['temperature'] ?? 1,
      topP: request.top_p ?? defaults['top_p'] ?? 1,
      topK: request.top_k ?? defaults['top_k'] ?? 0,
      minP: request.min_p ?? defaults['min_p'] ?? 0,
      repetitionPenalty: request.repetition_penalty ?? defaults['repetition_penalty'] ?? 1,
      presencePenalty: request.presence_penalty ?? 0,
      frequencyPenalty: request.frequency_penalty ?? 0,
      seed: request.seed,
      stop: request.stop || [],
      stopTokenIds: request.stop_token_ids,
      badWords: null,
      thinkingTokenBudget: null,
      includeStopStrInOutput: request.include_stop_str_in_output,
      ignoreEos: request.ignore_eos,
      maxTokens: fits,
      minTokens: 0,
      logprobs: wantsLogprobs(request) ? request.top_logprobs : null,
      promptLogprobs: null,
      logprobTokenIds: null,
      skipSpecialTokens: request.skip_special_tokens ?? true,
      spacesBetweenSpecialTokens: request.spaces_between_special_tokens,
      outputKind: request.stream === true ? RequestOutputKind.DELTA : RequestOutputKind.FINAL_ONLY,
      streamInterval: null,
      structuredOutputs: null,
      logitBias: request.logit_bias,
      allowedTokenIds: null,
      extraArgs: request.vllm_xargs ?? {},
      repetitionDetection: null,
      routedExpertsPromptStart: 0,
    },
    maxNumSequences,
  );
}

function wantsLogprobs(request: ResponsesRequest): boolean {
  return request.include?.includes('message.output_text.logprobs') === true;
}

interface ExchangeOptions {
  readonly context: ServingContext;
  readonly request: ResponsesRequest;
  readonly responseId: string;
  readonly params: MutableSamplingParams;
  readonly channel: AnswerChannel;
}

/** One response while it is being made. */
class ResponseExchange {
  readonly #context: ServingContext;
  readonly #request: ResponsesRequest;
  readonly #responseId: string;
  readonly #params: MutableSamplingParams;
  readonly #channel: AnswerChannel;
  readonly #created: number;
  readonly #isStream: boolean;
  readonly #messageId = `msg_${randomUuid()}`;
  #handle: RequestHandle | null = null;
  #isOver = false;
  #sequenceNumber = 0;
  #hasItem = false;
  #text = '';
  /** What the deltas showed, for the whole item at the end. */
  readonly #logprobParts: string[] = [];
  #numTokens = 0;

  constructor({ context, request, responseId, params, channel }: ExchangeOptions) {
    this.#context = context;
    this.#request = request;
    this.#responseId = responseId;
    this.#params = params;
    this.#channel = channel;
    this.#created = Math.floor(context.clock.wallMs() / 1000);
    this.#isStream = request.stream === true;
  }

  start(generate: (sink: RequestSink) => RequestHandle): void {
    this.#channel.onDisconnect(() => this.#abort());
    if (this.#isStream) {
      this.#channel.beginStream();
      const response = this.#responseJson('in_progress', '[]', null);
      this.#event('response.created', `"response":${response}`);
      this.#event('response.in_progress', `"response":${response}`);
    }
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

  /** A stream has no event for an error: it breaks off. */
  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#abort();
    const { info } = toApiError(error);
    if (this.#isStream) this.#channel.breakStream();
    else this.#channel.json(info.code, errorBody(info));
  }

  #onOutput(output: RequestOutput): void {
    if (this.#isOver) return;
    const completion = output.outputs[0];
    if (completion === undefined) return;
    try {
      if (completion.finishReason === 'error')
        throw generationError('Internal server error', false);
      if (this.#isStream) this.#streamOutput(output, completion);
      else if (output.isFinished) this.#channel.json(200, this.#wholeAnswer(output, completion));
      if (output.isFinished) this.#isOver = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  #wholeAnswer(output: RequestOutput, completion: CompletionOutput): string {
    const { text, tokenIds, finishReason } = completion;
    const hasLogprobs = wantsLogprobs(this.#request) && completion.logprobs !== null;
    const logprobs = hasLogprobs ? `[${this.#logprobs(completion, true)}]` : 'null';
    const content = text === '' ? '[]' : `[${textPart(text, logprobs)}]`;
    const item = this.#messageJson(content, itemStatus(finishReason));
    this.#numTokens = tokenIds.length;
    return this.#responseJson(responseStatus(finishReason), `[${item}]`, output);
  }

  // Streams

  #event(type: string, fields: string): void {
    this.#channel.event(
      `event: ${type}\ndata: {${fields},"sequence_number":${this.#sequenceNumber},"type":"${type}"}\n\n`,
    );
    this.#sequenceNumber += 1;
  }

  #streamOutput(output: RequestOutput, completion: CompletionOutput): void {
    const { text, tokenIds, finishReason } = completion;
    this.#numTokens += tokenIds.length;
    if (text !== '') {
      if (!this.#hasItem) this.#openItem();
      this.#streamDelta(completion);
    }
    if (!output.isFinished) return;
    const items = this.#hasItem ? this.#closeItem(itemStatus(finishReason)) : '';
    const response = this.#responseJson(responseStatus(finishReason), `[${items}]`, output);
    const type =
      responseStatus(finishReason) === 'incomplete' ? 'response.incomplete' : 'response.completed';
    this.#event(type, `"response":${response}`);
    this.#channel.endStream();
  }

  #openItem(): void {
    this.#hasItem = true;
    this.#event(
      'response.output_item.added',
      `"item":${this.#messageJson('[]', 'in_progress')},"output_index":0`,
    );
    this.#event(
      'response.content_part.added',
      `"content_index":0,"item_id":"${this.#messageId}","output_index":0,"part":${textPart('', '[]')}`,
    );
  }

  #streamDelta(completion: CompletionOutput): void {
    const hasLogprobs = wantsLogprobs(this.#request);
    const shown = hasLogprobs ? this.#logprobs(completion, false) : '';
    if (shown !== '') this.#logprobParts.push(this.#logprobs(completion, true));
    this.#text += completion.text;
    this.#event(
      'response.output_text.delta',
      `"content_index":0,"delta":${jsonString(completion.text)},"item_id":"${this.#messageId}","logprobs":[${shown}],"output_index":0`,
    );
  }

  #closeItem(status: string): string {
    const logprobs = this.#logprobParts;
    const part = textPart(this.#text, logprobs.length === 0 ? 'null' : `[${logprobs.join(',')}]`);
    const item = this.#messageJson(`[${part}]`, status);
    const place = `"item_id":"${this.#messageId}"`;
    const text = jsonString(this.#text);
    // The text comes after the sequence number here.
    this.#channel.event(
      'event: response.output_text.done\n' +
        `data: {"content_index":0,${place},"logprobs":[],"output_index":0,"sequence_number":${this.#sequenceNumber},` +
        `"text":${text},"type":"response.output_text.done"}\n\n`,
    );
    this.#sequenceNumber += 1;
    this.#event(
      'response.content_part.done',
      `"content_index":0,${place},"output_index":0,"part":${part}`,
    );
    this.#event('response.output_item.done', `"item":${item},"output_index":0`);
    return item;
  }

  // Both

  #logprobs({ tokenIds, logprobs }: CompletionOutput, hasBytes: boolean): string {
    if (logprobs === null) throw internalError('logprobs must be provided');
    return responseLogprobs(tokenIds, logprobs, {
      tokenizer: this.#context.tokenizer,
      limit: this.#request.top_logprobs,
      asTokenIds: this.#context.returnTokensAsTokenIds,
      hasBytes,
    });
  }

  #messageJson(content: string, status: string): string {
    return `{"id":"${this.#messageId}","content":${content},"role":"assistant","status":"${status}","type":"message","phase":null}`;
  }

  #usageJson(output: RequestOutput): string {
    const inputTokens = output.promptTokenIds.length;
    return (
      `{"input_tokens":${inputTokens},"input_tokens_details":{"cached_tokens":${output.numCachedTokens},` +
      `"cache_write_tokens":${output.numCacheCreationTokens},"input_tokens_per_turn":[],"cached_tokens_per_turn":[]},` +
      `"output_tokens":${this.#numTokens},"output_tokens_details":{"reasoning_tokens":0,"tool_output_tokens":0,` +
      `"output_tokens_per_turn":[],"tool_output_tokens_per_turn":[]},"total_tokens":${inputTokens + this.#numTokens}}`
    );
  }

  #responseJson(status: string, output: string, final: RequestOutput | null): string {
    const request = this.#request;
    const params = this.#params;
    const model = this.#context.models.shownName(this.#context.models.lora(request.model));
    const value = (item: unknown) => JSON.stringify(item ?? null);
    return (
      `{"id":${jsonString(this.#responseId)},"created_at":${this.#created},` +
      `"incomplete_details":${status === 'incomplete' ? '{"reason":"max_output_tokens"}' : 'null'},` +
      `"instructions":${jsonNullable(request.instructions)},"metadata":${value(request.metadata)},"model":${jsonString(model)},` +
      `"object":"response","output":${output},"parallel_tool_calls":${request.parallel_tool_calls ?? true},` +
      `"temperature":${jsonFloat(params.temperature)},"tool_choice":${value(request.tool_choice)},"tools":${value(request.tools)},` +
      `"top_p":${jsonFloat(params.topP)},"background":${value(request.background)},"max_output_tokens":${params.maxTokens},` +
      `"max_tool_calls":${value(request.max_tool_calls)},"previous_response_id":null,"prompt":null,` +
      `"prompt_cache_options":${value(request.prompt_cache_options)},"prompt_cache_key":${value(request.prompt_cache_key)},` +
      `"prompt_cache_retention":${value(request.prompt_cache_retention)},"reasoning":${value(request.reasoning)},` +
      `"safety_identifier":${value(request.safety_identifier)},"service_tier":${value(request.service_tier)},"status":"${status}",` +
      `"text":${value(request.text)},"top_logprobs":${params.logprobs},"truncation":${value(request.truncation)},` +
      `"usage":${final === null ? 'null' : this.#usageJson(final)},"user":${value(request.user)},` +
      `"presence_penalty":${jsonFloat(params.presencePenalty)},"frequency_penalty":${jsonFloat(params.frequencyPenalty)},` +
      `"kv_transfer_params":${value(final?.kvTransferParams)},"ec_transfer_params":${value(final?.ecTransferParams)},` +
      '"input_messages":null,"output_messages":null}'
    );
  }
}

function textPart(text: string, logprobs: string): string {
  return `{"annotations":[],"text":${jsonString(text)},"type":"output_text","logprobs":${logprobs}}`;
}

function itemStatus(finishReason: string | null): string {
  return finishReason === 'length' ? 'incomplete' : 'completed';
}

function responseStatus(finishReason: string | null): string {
  return finishReason === 'length' ? 'incomplete' : 'completed';
}
