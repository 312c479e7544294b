/**
 * What `/inference/v1/generate` answers, whole and streamed, built as text in vLLM's key order.
 * Source: vllm/entrypoints/scale_out/token_in_token_out/serving.py ServingTokens (0.33.0).
 */
import {
  jsonIntegers,
  jsonNullable,
  jsonString,
  jsonValue,
} from '../../../shared/python/json-text.ts';
import { type ApiError, errorBodyPythonJson } from '../../llm/errors.ts';
import type { CompletionOutput, RequestOutput } from '../../llm/request-output.ts';
import type { MutableSamplingParams } from '../../llm/sampling-params.ts';
import { type AnswerChannel, DONE_EVENT } from '../answer-channel.ts';
import { jsonStopReason, streamUsageJson, usageJson } from '../answer-json.ts';
import { chatLogprobs } from '../chat/logprobs.ts';
import { ParsedChoices, type ParsedMessage } from '../chat/parsed-choices.ts';
import { parserRequestOfContext } from '../chat/parser-request.ts';
import { type Answer, checkFinishReason } from '../exchange.ts';
import { promptLogprobsJson } from '../logprobs-json.ts';
import type { OutputParsers } from '../parsing/output-parsers.ts';
import { createdSeconds, type ServingContext, shownModel } from '../serving-context.ts';
import { tokensLogprobs } from './logprobs.ts';
import type { GenerateTokensRequest } from './request.ts';

export interface TokensAnswerOptions {
  readonly context: ServingContext;
  readonly request: GenerateTokensRequest;
  readonly params: MutableSamplingParams;
  readonly id: string;
  readonly channel: AnswerChannel;
  /** What reads the output; null: a message's content is the text. */
  readonly parsers: OutputParsers | null;
}

export class TokensAnswer implements Answer {
  readonly #options: TokensAnswerOptions;
  readonly #created: number;
  readonly #numTokens: number[];
  readonly #includesUsage: boolean;
  readonly #includesContinuousUsage: boolean;
  #first: RequestOutput | null = null;

  constructor(options: TokensAnswerOptions) {
    this.#options = options;
    const { context, request, params } = options;
    this.#created = createdSeconds(context);
    this.#numTokens = new Array<number>(params.n).fill(0);
    this.#includesUsage = request.stream_options?.include_usage === true;
    this.#includesContinuousUsage =
      this.#includesUsage && request.stream_options?.continuous_usage_stats === true;
  }

  beginStream(): void {}

  streamOutput(output: RequestOutput): void {
    let showsPrompt = this.#first === null && this.#options.request.return_token_ids === true;
    this.#first ??= output;
    for (const completion of output.outputs) {
      checkFinishReason(completion);
      const { index, tokenIds, finishReason, text } = completion;
      this.#numTokens[index] = (this.#numTokens[index] ?? 0) + tokenIds.length;
      const hasText = this.#mode === 'text' && text !== '';
      if (tokenIds.length === 0 && finishReason === null && !hasText) continue;
      const prompt = showsPrompt
        ? `,"prompt_token_ids":${jsonIntegers(output.promptTokenIds)}`
        : '';
      showsPrompt = false;
      this.#options.channel.event(
        `data: {"request_id":${jsonString(this.#options.id)},"usage":${this.#chunkUsage(output, index)}${prompt},` +
          `"output_mode":"${this.#mode}","choices":[${this.#choice(completion, finishReason)}]}\n\n`,
      );
    }
  }

  lastEvents(output: RequestOutput): string {
    if (!this.#includesUsage) return DONE_EVENT;
    const { numCachedTokens } = this.#first ?? output;
    const details = this.#options.context.enablePromptTokensDetails
      ? `,"prompt_tokens_details":{"cached_tokens":${numCachedTokens}}`
      : '';
    const total = this.#numTokens.reduce((sum, count) => sum + count, 0);
    const usage = streamUsageJson(output.promptTokenIds.length, total, details);
    return (
      `data: {"request_id":${jsonString(this.#options.id)},"usage":${usage},"output_mode":"${this.#mode}","choices":[]}\n\n` +
      DONE_EVENT
    );
  }

  errorEvents({ info }: ApiError): string {
    return `data: ${errorBodyPythonJson(info)}\n\n${DONE_EVENT}`;
  }

  wholeAnswer(finals: readonly RequestOutput[]): string {
    const output = finals[0] as RequestOutput;
    const { context, request, id } = this.#options;
    let completionTokens = 0;
    const choices = output.outputs.map((completion) => {
      checkFinishReason(completion);
      completionTokens += completion.tokenIds.length;
      return this.#mode === 'derender'
        ? this.#derendered(output, completion)
        : this.#choice(completion, completion.finishReason ?? 'stop');
    });
    const promptTokensDetails = context.enablePromptTokensDetails
      ? `{"cached_tokens":${output.numCachedTokens},"created_cache_tokens":null,"multimodal_tokens":null}`
      : 'null';
    const promptTokens = output.promptTokenIds.length;
    const ids = request.return_token_ids === true ? jsonIntegers(output.promptTokenIds) : 'null';
    return (
      `{"request_id":${jsonString(id)},"model":${jsonString(shownModel(context, request.model))},"created":${this.#created},` +
      `"usage":${usageJson({ promptTokens, completionTokens, promptTokensDetails })},` +
      `"prompt_logprobs":${promptLogprobsJson(output.promptLogprobs)},"prompt_token_id_logprobs":null,` +
      `"prompt_token_ids":${ids},"mm_placeholders":null,"metrics":null,` +
      `"kv_transfer_params":${jsonValue(output.kvTransferParams)},"ec_transfer_params":${jsonValue(output.ecTransferParams)},` +
      `"output_mode":"${this.#mode}","choices":[${choices.join(',')}]}`
    );
  }

  get #mode() {
    return this.#options.request.output_mode;
  }

  #chunkUsage({ promptTokenIds }: RequestOutput, index: number): string {
    if (!this.#includesContinuousUsage) return 'null';
    return usageJson({
      promptTokens: promptTokenIds.length,
      completionTokens: this.#numTokens[index] ?? 0,
      promptTokensDetails: 'null',
    });
  }

  #choice(completion: CompletionOutput, finishReason: string | null): string {
    const logprobs = `"logprobs":${this.#logprobs(completion)}}`;
    const head = choiceHead(completion, finishReason, completion.tokenIds);
    return this.#mode === 'text'
      ? `${head}"text":${jsonString(completion.text)},${logprobs}`
      : head + logprobs;
  }

  /** Where the reasoning is hidden, what would tell it is too. */
  #derendered({ promptTokenIds }: RequestOutput, completion: CompletionOutput): string {
    const { content, toolCalls, reasoning, finishReason, isHidden } = this.#message(
      promptTokenIds,
      completion,
    );
    return (
      `${choiceHead(completion, finishReason, isHidden ? null : completion.tokenIds)}"message":{"role":"assistant",` +
      `"content":${jsonNullable(content)},"refusal":null,"annotations":null,"audio":null,"function_call":null${toolCalls},` +
      `"reasoning":${reasoning}},"logprobs":${isHidden ? 'null' : this.#logprobs(completion)}}`
    );
  }

  #message(
    promptTokenIds: readonly number[],
    completion: CompletionOutput,
  ): ParsedMessage & { readonly isHidden: boolean } {
    const { parsers, request } = this.#options;
    const { parse_context: context } = request;
    if (parsers === null || context === null) {
      const finishReason = completion.finishReason ?? 'stop';
      const content = completion.text;
      return { content, toolCalls: '', reasoning: 'null', finishReason, isHidden: false };
    }
    const parserRequest = parserRequestOfContext(context);
    const choices = new ParsedChoices({
      parsers,
      request: parserRequest,
      chatTemplateKwargs: parserRequest.chatTemplateKwargs ?? {},
      promptTokenIds,
    });
    return { ...choices.message(completion), isHidden: choices.hidesTokens };
  }

  #logprobs({ tokenIds, logprobs }: CompletionOutput): string {
    const { context, params } = this.#options;
    const isDerender = this.#mode === 'derender';
    const hasIds = params.logprobTokenIds !== null && params.logprobTokenIds.length > 0;
    const wanted = params.logprobs !== null || (isDerender && hasIds);
    if (!wanted) return 'null';
    if (this.#mode === 'tokens') return tokensLogprobs(tokenIds, logprobs ?? []);
    const count = params.logprobs;
    const limit = isDerender && !hasIds && count !== -1 ? count : null;
    const format = {
      tokenizer: context.tokenizer,
      limit,
      asTokenIds: context.returnTokensAsTokenIds,
    };
    return chatLogprobs(tokenIds, logprobs ?? [], format, false);
  }
}

function choiceHead(
  { index, stopReason, weightVersions, samplingMask }: CompletionOutput,
  finishReason: string | null,
  tokenIds: readonly number[] | null,
): string {
  return (
    `{"index":${index},"finish_reason":${jsonNullable(finishReason)},"stop_reason":${jsonStopReason(stopReason)},` +
    `"token_ids":${tokenIds === null ? 'null' : jsonIntegers(tokenIds)},"routed_experts":null,` +
    `"sampling_mask":${tokenIds === null ? 'null' : jsonValue(samplingMask)},` +
    `"weight_versions":${jsonValue(weightVersions)},`
  );
}
