/**
 * What `/v1/responses` answers, whole and streamed, built as text in vLLM's key order.
 * Source: vllm/entrypoints/openai/responses/serving.py OpenAIServingResponses (0.33.0).
 */
import {
  jsonFloat,
  jsonNullable,
  jsonString,
  jsonValue,
} from '../../../shared/python/json-text.ts';
import { internalError } from '../../llm/errors.ts';
import { randomUuid } from '../../llm/random-uuid.ts';
import type { CompletionOutput, RequestOutput } from '../../llm/request-output.ts';
import type { MutableSamplingParams } from '../../llm/sampling-params.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { type Answer, checkFinishReason } from '../exchange.ts';
import { createdSeconds, type ServingContext, shownModel } from '../serving-context.ts';
import { responseLogprobs } from './logprobs.ts';
import { type ResponsesRequest, wantsLogprobs } from './request.ts';

export interface ResponseAnswerOptions {
  readonly context: ServingContext;
  readonly request: ResponsesRequest;
  readonly id: string;
  readonly params: MutableSamplingParams;
  readonly channel: AnswerChannel;
  /** Told of the answer once it is whole, before its client is. */
  readonly onFinal?: (final: FinalResponse) => void;
}

export interface FinalResponse {
  readonly status: ItemStatus;
  /** The answer's JSON. */
  readonly body: string;
  readonly outputTexts: readonly string[];
}

type ItemStatus = 'completed' | 'incomplete';

export class ResponseAnswer implements Answer {
  readonly #options: ResponseAnswerOptions;
  readonly #created: number;
  readonly #messageId = `msg_${randomUuid()}`;
  #sequenceNumber = 0;
  #hasItem = false;
  #text = '';
  /** What the deltas showed, for the whole item at the end. */
  readonly #logprobParts: string[] = [];
  #numTokens = 0;

  constructor(options: ResponseAnswerOptions) {
    this.#options = options;
    this.#created = createdSeconds(options.context);
  }

  wholeAnswer(finals: readonly RequestOutput[]): string {
    const output = finals[0] as RequestOutput;
    const completion = output.outputs[0] as CompletionOutput;
    checkFinishReason(completion);
    const { text, tokenIds } = completion;
    const hasLogprobs = wantsLogprobs(this.#options.request) && completion.logprobs !== null;
    const logprobs = hasLogprobs ? `[${this.#logprobs(completion, true)}]` : 'null';
    const content = text === '' ? '[]' : `[${textPart(text, logprobs)}]`;
    const status = statusOf(completion);
    this.#numTokens = tokenIds.length;
    const body = this.#responseJson(status, `[${this.#messageJson(content, status)}]`, output);
    this.#options.onFinal?.({ status, body, outputTexts: text === '' ? [] : [text] });
    return body;
  }

  /** The response before anything has come of it. */
  emptyResponse(status: string): string {
    return this.#responseJson(status, '[]', null);
  }

  // Streams

  beginStream(): void {
    const response = this.emptyResponse('in_progress');
    this.#send('response.created', `"response":${response}`);
    this.#send('response.in_progress', `"response":${response}`);
  }

  streamOutput(output: RequestOutput): void {
    const completion = output.outputs[0] as CompletionOutput;
    checkFinishReason(completion);
    this.#numTokens += completion.tokenIds.length;
    if (completion.text === '') return;
    if (!this.#hasItem) this.#openItem();
    this.#streamDelta(completion);
  }

  #openItem(): void {
    this.#hasItem = true;
    this.#send(
      'response.output_item.added',
      `"item":${this.#messageJson('[]', 'in_progress')},"output_index":0`,
    );
    this.#send(
      'response.content_part.added',
      `"content_index":0,"item_id":"${this.#messageId}","output_index":0,"part":${textPart('', '[]')}`,
    );
  }

  #streamDelta(completion: CompletionOutput): void {
    const shown = wantsLogprobs(this.#options.request) ? this.#logprobs(completion, false) : '';
    if (shown !== '') this.#logprobParts.push(this.#logprobs(completion, true));
    this.#text += completion.text;
    this.#send(
      'response.output_text.delta',
      `"content_index":0,"delta":${jsonString(completion.text)},"item_id":"${this.#messageId}","logprobs":[${shown}],"output_index":0`,
    );
  }

  lastEvents(output: RequestOutput): string {
    const status = statusOf(output.outputs[0] as CompletionOutput);
    const { events, item } = this.#hasItem ? this.#closeItem(status) : { events: '', item: '' };
    const response = this.#responseJson(status, `[${item}]`, output);
    this.#options.onFinal?.({
      status,
      body: response,
      outputTexts: this.#text === '' ? [] : [this.#text],
    });
    return events + this.#event(`response.${status}`, `"response":${response}`);
  }

  #closeItem(status: ItemStatus): { events: string; item: string } {
    const logprobs = this.#logprobParts;
    const part = textPart(this.#text, logprobs.length === 0 ? 'null' : `[${logprobs.join(',')}]`);
    const item = this.#messageJson(`[${part}]`, status);
    const place = `"content_index":0,"item_id":"${this.#messageId}"`;
    // The text comes after the sequence number here.
    const text = `,"text":${jsonString(this.#text)}`;
    const events = [
      this.#event('response.output_text.done', `${place},"logprobs":[],"output_index":0`, text),
      this.#event('response.content_part.done', `${place},"output_index":0,"part":${part}`),
      this.#event('response.output_item.done', `"item":${item},"output_index":0`),
    ];
    return { events: events.join(''), item };
  }

  #send(type: string, fields: string): void {
    this.#options.channel.event(this.#event(type, fields));
  }

  #event(type: string, fields: string, lateFields = ''): string {
    const number = this.#sequenceNumber;
    this.#sequenceNumber += 1;
    return `event: ${type}\ndata: {${fields},"sequence_number":${number}${lateFields},"type":"${type}"}\n\n`;
  }

  /** A stream has no event for an error: it breaks off. */
  errorEvents(): null {
    return null;
  }

  // Both

  #logprobs({ tokenIds, logprobs }: CompletionOutput, hasBytes: boolean): string {
    if (logprobs === null) throw internalError('logprobs must be provided');
    const { context, request } = this.#options;
    return responseLogprobs(tokenIds, logprobs, {
      tokenizer: context.tokenizer,
      limit: request.top_logprobs,
      asTokenIds: context.returnTokensAsTokenIds,
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
    const { context, request, params, id } = this.#options;
    const model = shownModel(context, request.model);
    return (
      `{"id":${jsonString(id)},"created_at":${this.#created},` +
      `"incomplete_details":${status === 'incomplete' ? '{"reason":"max_output_tokens"}' : 'null'},` +
      `"instructions":${jsonNullable(request.instructions)},"metadata":${jsonValue(request.metadata)},"model":${jsonString(model)},` +
      `"object":"response","output":${output},"parallel_tool_calls":${request.parallel_tool_calls ?? true},` +
      `"temperature":${jsonFloat(params.temperature)},"tool_choice":${jsonValue(request.tool_choice)},"tools":${jsonValue(request.tools)},` +
      `"top_p":${jsonFloat(params.topP)},"background":${jsonValue(request.background)},"max_output_tokens":${params.maxTokens},` +
      `"max_tool_calls":${jsonValue(request.max_tool_calls)},"previous_response_id":${jsonNullable(request.previous_response_id)},"prompt":null,` +
      `"prompt_cache_options":${jsonValue(request.prompt_cache_options)},"prompt_cache_key":${jsonValue(request.prompt_cache_key)},` +
      `"prompt_cache_retention":${jsonValue(request.prompt_cache_retention)},"reasoning":${jsonValue(request.reasoning)},` +
      `"safety_identifier":${jsonValue(request.safety_identifier)},"service_tier":${jsonValue(request.service_tier)},"status":"${status}",` +
      `"text":${jsonValue(request.text)},"top_logprobs":${params.logprobs},"truncation":${jsonValue(request.truncation)},` +
      `"usage":${final === null ? 'null' : this.#usageJson(final)},"user":${jsonValue(request.user)},` +
      `"presence_penalty":${jsonFloat(params.presencePenalty)},"frequency_penalty":${jsonFloat(params.frequencyPenalty)},` +
      `"kv_transfer_params":${jsonValue(final?.kvTransferParams)},"ec_transfer_params":${jsonValue(final?.ecTransferParams)},` +
      '"input_messages":null,"output_messages":null}'
    );
  }
}

function textPart(text: string, logprobs: string): string {
  return `{"annotations":[],"text":${jsonString(text)},"type":"output_text","logprobs":${logprobs}}`;
}

function statusOf({ finishReason }: CompletionOutput): ItemStatus {
  return finishReason === 'length' ? 'incomplete' : 'completed';
}
