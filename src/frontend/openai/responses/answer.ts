/**
 * What `/v1/responses` answers, whole and streamed.
 * Source: vllm/entrypoints/openai/responses/serving.py OpenAIServingResponses (0.33.0).
 */
import { internalError } from '../../llm/errors.ts';
import { randomUuid } from '../../llm/random-uuid.ts';
import type { CompletionOutput, RequestOutput } from '../../llm/request-output.ts';
import type { MutableSamplingParams } from '../../llm/sampling-params.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { requestMetricsJson } from '../answer-json.ts';
import { type Answer, checkFinishReason } from '../exchange.ts';
import type { DeltaMessage } from '../parsing/types.ts';
import { createdSeconds, type ServingContext, shownModel } from '../serving-context.ts';
import { ItemStream, type ShownLogprobs } from './item-stream.ts';
import { type ItemStatus, messageItem, textPart } from './items-json.ts';
import { responseLogprobs } from './logprobs.ts';
import { outputItems } from './output-items.ts';
import type { ResponseParser } from './parsed-response.ts';
import { type ResponsesRequest, wantsLogprobs } from './request.ts';
import { NO_PARTS, type ResponseFrame, rawMessage, responseJson } from './response-json.ts';
import { ToolCallNames } from './tools.ts';

export interface ResponseAnswerOptions {
  readonly context: ServingContext;
  /** As its parser has adjusted it. */
  readonly request: ResponsesRequest;
  readonly id: string;
  readonly params: MutableSamplingParams;
  readonly channel: AnswerChannel;
  /** The text that the engine was asked with. */
  readonly promptText: string | null;
  /** Null: the whole output is content. */
  readonly parser: ResponseParser | null;
  /** Told of the answer once it is whole, before its client is. */
  readonly onFinal?: (final: FinalResponse) => void;
}

export interface FinalResponse {
  readonly status: ItemStatus;
  /** The answer's JSON. */
  readonly body: string;
  readonly outputTexts: readonly string[];
}

const NO_LOGPROBS: ShownLogprobs = { ofDelta: '', ofItem: '' };

export class ResponseAnswer implements Answer {
  readonly #options: ResponseAnswerOptions;
  readonly #frame: ResponseFrame;
  readonly #names: ToolCallNames;
  readonly #stream: ItemStream;
  #sequenceNumber = 0;
  /** Events that were made and not sent yet. */
  #events = '';
  /** What the engine said in a stream, before any parser. */
  #text = '';
  readonly #tokenIds: number[] = [];

  constructor(options: ResponseAnswerOptions) {
    const { context, request, id, params } = options;
    this.#options = options;
    const model = shownModel(context, request.model);
    this.#frame = { request, id, params, created: createdSeconds(context), model };
    this.#names = new ToolCallNames(request.tools);
    this.#stream = new ItemStream((...event) => this.#add(...event), this.#names);
  }

  wholeAnswer(finals: readonly RequestOutput[]): string {
    const output = finals[0] as RequestOutput;
    const completion = output.outputs[0] as CompletionOutput;
    checkFinishReason(completion);
    const { items, texts } = this.#wholeItems(completion);
    return this.#finish(
      output,
      items,
      { text: completion.text, tokenIds: completion.tokenIds },
      texts,
    );
  }

  #wholeItems(completion: CompletionOutput): {
    items: readonly string[];
    texts: readonly string[];
  } {
    const { request, parser } = this.#options;
    const { text, tokenIds } = completion;
    const hasLogprobs = wantsLogprobs(request) && (completion.logprobs?.length ?? 0) > 0;
    const logprobs = hasLogprobs ? `[${this.#logprobs(completion, true)}]` : 'null';
    const status = statusOf(completion);
    if (parser === null) {
      const content = text === '' ? '[]' : `[${textPart(text, logprobs)}]`;
      const item = messageItem(`msg_${randomUuid()}`, content, status);
      return { items: [item], texts: text === '' ? [] : [text] };
    }
    const parsed = parser.parser.parse(text, tokenIds, parser.wholeRequest);
    const isHidden = !request.include_reasoning;
    const isSingle = request.parallel_tool_calls === false;
    const items = outputItems(
      {
        reasoning: isHidden ? null : parsed.reasoning,
        content: parsed.content,
        toolCalls: isSingle ? parsed.toolCalls.slice(0, 1) : parsed.toolCalls,
      },
      { status, logprobs: isHidden ? 'null' : logprobs, names: this.#names },
    );
    return { items, texts: parsed.content ? [parsed.content] : [] };
  }

  /** The response before anything has come of it. */
  emptyResponse(status: string): string {
    return responseJson(this.#frame, { ...NO_PARTS, status });
  }

  // Streams

  beginStream(): void {
    const response = this.emptyResponse('in_progress');
    this.#add('response.created', `"response":${response}`);
    this.#add('response.in_progress', `"response":${response}`);
    this.#sendEvents();
  }

  streamOutput(output: RequestOutput): void {
    const completion = output.outputs[0] as CompletionOutput;
    checkFinishReason(completion);
    const { text, tokenIds } = completion;
    this.#text += text;
    for (const id of tokenIds) this.#tokenIds.push(id);
    const delta = this.#deltaOf(completion);
    if (delta === null) return;
    this.#stream.add(delta, () => this.#shownLogprobs(completion));
    this.#sendEvents();
  }

  #deltaOf({ text, tokenIds, finishReason }: CompletionOutput): DeltaMessage | null {
    const { parser, request } = this.#options;
    if (parser === null) return { content: text };
    const { promptTokenIds: promptIds } = parser;
    const isFinished = finishReason !== null;
    const delta = parser.parser.parseDelta(
      { text, ids: tokenIds, promptIds, isFinished },
      parser.request,
    );
    if (delta === null || request.parallel_tool_calls !== false) return delta;
    const calls = delta.tool_calls?.filter(({ index }) => index === 0);
    return calls === undefined ? delta : { ...delta, tool_calls: calls };
  }

  #shownLogprobs(completion: CompletionOutput): ShownLogprobs {
    const { request, parser } = this.#options;
    const isHidden = parser !== null && !request.include_reasoning;
    if (!wantsLogprobs(request) || isHidden) return NO_LOGPROBS;
    return {
      ofDelta: this.#logprobs(completion, false),
      ofItem: this.#logprobs(completion, true),
    };
  }

  lastEvents(output: RequestOutput): string {
    this.#stream.close(statusOf(output.outputs[0] as CompletionOutput));
    const said = { text: this.#text, tokenIds: this.#tokenIds };
    const response = this.#finish(output, this.#stream.items, said, this.#stream.texts);
    const status = statusOf(output.outputs[0] as CompletionOutput);
    this.#add(`response.${status}`, `"response":${response}`);
    return this.#takeEvents();
  }

  #add(type: string, fields: string, afterNumber = '', afterType = ''): void {
    const number = this.#sequenceNumber;
    this.#sequenceNumber += 1;
    this.#events +=
      `event: ${type}\ndata: {${fields},"sequence_number":${number}${afterNumber},` +
      `"type":"${type}"${afterType}}\n\n`;
  }

  #sendEvents(): void {
    const events = this.#takeEvents();
    if (events !== '') this.#options.channel.event(events);
  }

  #takeEvents(): string {
    const events = this.#events;
    this.#events = '';
    return events;
  }

  /** A stream has no event for an error: it breaks off. */
  errorEvents(): null {
    return null;
  }

  // Both

  #finish(
    output: RequestOutput,
    items: readonly string[],
    said: { readonly text: string; readonly tokenIds: readonly number[] },
    outputTexts: readonly string[],
  ): string {
    const { context, request, promptText } = this.#options;
    const { text, tokenIds } = said;
    const status = statusOf(output.outputs[0] as CompletionOutput);
    const showsMessages = request.enable_response_messages;
    const hasSaid = text !== '' || tokenIds.length > 0;
    const body = responseJson(this.#frame, {
      status,
      output: `[${items.join(',')}]`,
      usage: this.#usageJson(output, tokenIds),
      metrics: context.enablePerRequestMetrics
        ? requestMetricsJson(output.stats, tokenIds.length, false)
        : null,
      kvTransferParams: output.kvTransferParams,
      ecTransferParams: output.ecTransferParams,
      inputMessages: showsMessages
        ? `[${rawMessage(promptText ?? '', output.promptTokenIds)}]`
        : 'null',
      outputMessages: showsMessages ? `[${hasSaid ? rawMessage(text, tokenIds) : ''}]` : 'null',
    });
    this.#options.onFinal?.({ status, body, outputTexts });
    return body;
  }

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

  #usageJson(output: RequestOutput, tokenIds: readonly number[]): string {
    const inputTokens = output.promptTokenIds.length;
    const reasoningTokens = this.#options.parser?.parser.countReasoningTokens(tokenIds) ?? 0;
    return (
      `{"input_tokens":${inputTokens},"input_tokens_details":{"cached_tokens":${output.numCachedTokens},` +
      `"cache_write_tokens":${output.numCacheCreationTokens},"input_tokens_per_turn":[],"cached_tokens_per_turn":[]},` +
      `"output_tokens":${tokenIds.length},"output_tokens_details":{"reasoning_tokens":${reasoningTokens},"tool_output_tokens":0,` +
      `"output_tokens_per_turn":[],"tool_output_tokens_per_turn":[]},"total_tokens":${inputTokens + tokenIds.length}}`
    );
  }
}

function statusOf({ finishReason }: CompletionOutput): ItemStatus {
  return finishReason === 'length' ? 'incomplete' : 'completed';
}
