/**
 * What `/v1/chat/completions` answers, whole and streamed, built as text in vLLM's key order.
 * Source: vllm/entrypoints/openai/chat_completion/serving.py OpenAIServingChat (0.33.0).
 */
import {
  jsonIntegers,
  jsonNullable,
  jsonString,
  jsonValue,
} from '../../../shared/python/json-text.ts';
import { type ApiError, errorBody } from '../../llm/errors.ts';
import type { CompletionOutput, RequestOutput } from '../../llm/request-output.ts';
import { type AnswerChannel, DONE_EVENT } from '../answer-channel.ts';
import { jsonStopReason, streamUsageJson, usageJson } from '../answer-json.ts';
import { AnswerParts } from '../answer-parts.ts';
import { type Answer, checkFinishReason } from '../exchange.ts';
import { type LogprobsFormat, promptLogprobsJson } from '../logprobs-json.ts';
import type { RenderedChat } from '../renderer.ts';
import type { ServingContext } from '../serving-context.ts';
import { chatLogprobs } from './logprobs.ts';
import type { ParsedChoices, ParsedDelta, ParsedMessage } from './parsed-choices.ts';
import type { ChatCompletionRequest } from './request.ts';

export interface ChatAnswerOptions {
  readonly context: ServingContext;
  readonly request: ChatCompletionRequest;
  readonly id: string;
  readonly prompt: RenderedChat;
  readonly channel: AnswerChannel;
  /** Null where outputs are content as they are. */
  readonly parsed?: ParsedChoices | null;
}

export class ChatAnswer implements Answer {
  readonly #context: ServingContext;
  readonly #request: ChatCompletionRequest;
  readonly #prompt: RenderedChat;
  readonly #channel: AnswerChannel;
  readonly #parts: AnswerParts;
  readonly #id: string;
  readonly #chunkHead: string;
  readonly #role: string;
  readonly #parsed: ParsedChoices | null;
  readonly #numChoices: number;
  readonly #logprobsFormat: LogprobsFormat;
  readonly #numTokens: number[];
  readonly #hasFinished: boolean[];
  #firstOutput: RequestOutput | null = null;

  constructor({ context, request, id, prompt, channel, parsed = null }: ChatAnswerOptions) {
    this.#parsed = parsed;
    this.#context = context;
    this.#request = request;
    this.#prompt = prompt;
    this.#channel = channel;
    this.#id = id;
    this.#parts = new AnswerParts(context, request, 1);
    this.#chunkHead = this.#parts.head(id, 'chat.completion.chunk');
    this.#role = request.add_generation_prompt
      ? context.responseRole
      : String(request.messages.at(-1)?.['role']);
    this.#numChoices = request.n ?? 1;
    const top = request.top_logprobs;
    this.#logprobsFormat = this.#parts.logprobsFormat(top === -1 ? null : top);
    this.#numTokens = new Array<number>(this.#numChoices).fill(0);
    this.#hasFinished = new Array<boolean>(this.#numChoices).fill(false);
  }

  beginStream(): void {}

  streamOutput(output: RequestOutput): void {
    if (this.#firstOutput === null) {
      this.#firstOutput = output;
      this.#streamRoles(output);
      if (this.#request.echo) this.#streamEcho(output);
    }
    for (const completion of output.outputs) this.#streamChoice(output, completion);
  }

  /** Each choice begins with the role. */
  #streamRoles(output: RequestOutput): void {
    const usage = this.#continuousUsage(output, 0, 0);
    const role = jsonString(this.#role);
    for (let i = 0; i < this.#numChoices; i++) {
      this.#channel.event(
        `data: ${this.#chunkHead}{"index":${i},"delta":{"role":${role},"content":""},"logprobs":null,"finish_reason":null}]` +
          `${usage}${this.#promptFields(output)}}\n\n`,
      );
    }
  }

  #streamEcho(output: RequestOutput): void {
    const content = this.#lastMessageContent();
    if (typeof content !== 'string') throw new Error('content of the last message is not text');
    if (content === '') return;
    const usage = this.#continuousUsage(output, 0, 0);
    for (let i = 0; i < this.#numChoices; i++) {
      this.#channel.event(
        `data: ${this.#chunkHead}{"index":${i},"delta":{"content":${jsonString(content)}},"logprobs":null,"finish_reason":null}]${usage}}\n\n`,
      );
    }
  }

  #continuousUsage(
    { promptTokenIds }: RequestOutput,
    completionTokens: number,
    reasoningTokens: number,
  ): string {
    if (!this.#parts.includeContinuousUsage) return '';
    // The field for details of the completion is given, as null, where there is no reasoning parser.
    const details = `,"completion_tokens_details":${this.#completionDetails(reasoningTokens)}`;
    return `,"usage":${streamUsageJson(promptTokenIds.length, completionTokens, details)}`;
  }

  #completionDetails(reasoningTokens: number): string {
    return this.#parsed?.countsReasoning === true
      ? `{"reasoning_tokens":${reasoningTokens}}`
      : 'null';
  }

  #streamChoice(output: RequestOutput, completion: CompletionOutput): void {
    const { index, text, tokenIds, finishReason } = completion;
    if (this.#hasFinished[index] === true) return;
    checkFinishReason(completion);
    const logprobs = this.#logprobs(completion, true);
    const numBefore = this.#numTokens[index] ?? 0;
    const isEmpty = text === '' && tokenIds.length === 0 && numBefore === 0;
    if (isEmpty && finishReason === null) return;
    const numTokens = numBefore + tokenIds.length;
    this.#numTokens[index] = numTokens;
    const shown = this.#shownDelta(completion, isEmpty);
    const ids = this.#tokenIds(tokenIds);
    if (shown.delta === null && finishReason === null && logprobs === 'null' && ids === 'null')
      return;
    const usage = this.#continuousUsage(output, numTokens, this.#reasoningTokensIn(index));
    const head =
      `data: ${this.#chunkHead}{"index":${index},"delta":${shown.delta ?? '{}'},` +
      `"logprobs":${logprobs},"finish_reason":${jsonNullable(shown.finishReason)}`;
    if (finishReason === null) {
      this.#channel.event(`${head},"token_ids":${ids}}]${usage},"kv_transfer_params":null}\n\n`);
      return;
    }
    this.#hasFinished[index] = true;
    this.#channel.event(
      `${head},"stop_reason":${jsonStopReason(completion.stopReason)},"token_ids":${ids},` +
        `"weight_versions":${this.#weightVersions(completion)}}]${usage}${this.#parts.finishFingerprint},` +
        `"kv_transfer_params":${jsonValue(output.kvTransferParams)}}\n\n`,
    );
  }

  #shownDelta(completion: CompletionOutput, isEmpty: boolean): ParsedDelta {
    const { text, finishReason } = completion;
    if (this.#parsed === null) {
      return { delta: isEmpty ? '{}' : `{"content":${jsonString(text)}}`, finishReason };
    }
    if (!isEmpty) return this.#parsed.step(completion);
    return { delta: '{}', finishReason: this.#parsed.finishReasonOf(completion) };
  }

  #reasoningTokensIn(index: number): number {
    const isAsked = this.#parts.includeContinuousUsage && this.#parsed?.countsReasoning === true;
    return isAsked ? (this.#parsed?.reasoningTokens(index) ?? 0) : 0;
  }

  lastEvents(output: RequestOutput): string {
    const completionTokens = this.#numTokens.reduce((sum, count) => sum + count, 0);
    const usage = () => {
      const { numCachedTokens, numCacheCreationTokens } = this.#firstOutput ?? output;
      const details =
        this.#context.enablePromptTokensDetails && numCachedTokens !== null
          ? `,"prompt_tokens_details":{"cached_tokens":${numCachedTokens},"created_cache_tokens":${numCacheCreationTokens}}`
          : '';
      const reasoning =
        this.#parsed?.countsReasoning === true
          ? `,"completion_tokens_details":${this.#completionDetails(this.#parsed.allReasoningTokens)}`
          : '';
      return streamUsageJson(output.promptTokenIds.length, completionTokens, details + reasoning);
    };
    return this.#parts.usageEvent(this.#chunkHead, usage, output, completionTokens) + DONE_EVENT;
  }

  /** A stream knows one name for all that generation reports, whatever its status. */
  errorEvents({ info, isGenerationError }: ApiError): string {
    const shown = isGenerationError ? { ...info, type: 'InternalServerError' } : info;
    return `data: ${errorBody(shown)}\n\n${DONE_EVENT}`;
  }

  wholeAnswer(finals: readonly RequestOutput[]): string {
    const output = finals[0] as RequestOutput;
    const echoed = this.#request.echo ? this.#echoText() : '';
    let completionTokens = 0;
    const choices = output.outputs.map((completion) => {
      completionTokens += completion.tokenIds.length;
      return this.#wholeChoice(completion, echoed);
    });
    const promptTokensDetails =
      this.#context.enablePromptTokensDetails && output.numCachedTokens !== null
        ? `{"cached_tokens":${output.numCachedTokens},"created_cache_tokens":${output.numCacheCreationTokens},"multimodal_tokens":null}`
        : 'null';
    const promptTokens = output.promptTokenIds.length;
    const completionTokensDetails = this.#completionDetails(this.#parsed?.allReasoningTokens ?? 0);
    return (
      `${this.#parts.head(this.#id, 'chat.completion')}${choices.join(',')}],"service_tier":null,` +
      `"system_fingerprint":${this.#parts.fingerprint},` +
      `"usage":${usageJson({ promptTokens, completionTokens, promptTokensDetails, completionTokensDetails })},` +
      `"prompt_logprobs":${promptLogprobsJson(output.promptLogprobs)}${this.#promptFields(output)},` +
      `"kv_transfer_params":${jsonValue(output.kvTransferParams)},"ec_transfer_params":${jsonValue(output.ecTransferParams)},` +
      `"metrics":${this.#parts.metrics(output, completionTokens)}}`
    );
  }

  #wholeChoice(completion: CompletionOutput, echoed: string): string {
    checkFinishReason(completion);
    const { index, tokenIds, stopReason } = completion;
    const { content, toolCalls, reasoning, finishReason } = this.#wholeMessage(completion);
    const shown = echoed !== '' || this.#request.echo ? echoed + (content ?? '') : content;
    return (
      `{"index":${index},"message":{"role":${jsonString(this.#role)},"content":${jsonNullable(shown)},` +
      `"refusal":null,"annotations":null,"audio":null,"function_call":null${toolCalls},"reasoning":${reasoning}},` +
      `"logprobs":${this.#logprobs(completion, false)},"finish_reason":${jsonString(finishReason)},` +
      `"stop_reason":${jsonStopReason(stopReason)},"token_ids":${this.#tokenIds(tokenIds)},"routed_experts":null,` +
      `"weight_versions":${this.#weightVersions(completion)}}`
    );
  }

  #wholeMessage(completion: CompletionOutput): ParsedMessage {
    if (this.#parsed !== null) return this.#parsed.message(completion);
    const { text: content, finishReason } = completion;
    return { content, toolCalls: '', reasoning: 'null', finishReason: finishReason ?? 'stop' };
  }

  #promptFields({ promptTokenIds }: RequestOutput): string {
    const showsText = this.#request.return_prompt_text === true;
    const text = showsText ? jsonNullable(this.#prompt.text) : 'null';
    const ids = this.#request.return_token_ids === true ? jsonIntegers(promptTokenIds) : 'null';
    return `,"prompt_token_ids":${ids},"prompt_text":${text}`;
  }

  #tokenIds(ids: readonly number[]): string {
    const isShown = this.#request.return_token_ids === true && this.#parsed?.hidesTokens !== true;
    return isShown ? jsonIntegers(ids) : 'null';
  }

  #weightVersions({ weightVersions }: CompletionOutput): string {
    return this.#request.return_weight_versions ? jsonValue(weightVersions) : 'null';
  }

  #logprobs({ tokenIds, logprobs }: CompletionOutput, skipUnset: boolean): string {
    if (this.#request.logprobs !== true || this.#parsed?.hidesTokens === true) return 'null';
    return chatLogprobs(tokenIds, logprobs ?? [], this.#logprobsFormat, skipUnset);
  }

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
