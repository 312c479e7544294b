/**
 * What `/v1/completions` answers, whole and streamed, built as text in vLLM's key order.
 * Source: vllm/entrypoints/openai/completion/serving.py OpenAIServingCompletion (0.33.0).
 */
import {
  jsonIntegers,
  jsonNullable,
  jsonString,
  jsonValue,
} from '../../../shared/python/json-text.ts';
import { type ApiError, errorBodyPythonJson } from '../../llm/errors.ts';
import type { LogprobsTable } from '../../llm/logprobs.ts';
import type { CompletionOutput, RequestOutput } from '../../llm/request-output.ts';
import { type AnswerChannel, DONE_EVENT } from '../answer-channel.ts';
import { jsonStopReason, streamUsageJson, usageJson } from '../answer-json.ts';
import { AnswerParts } from '../answer-parts.ts';
import { type Answer, checkFinishReason } from '../exchange.ts';
import type { LogprobsFormat } from '../logprobs-json.ts';
import { promptLogprobsJson } from '../logprobs-json.ts';
import type { RenderedPrompt } from '../renderer.ts';
import type { ServingContext } from '../serving-context.ts';
import { completionLogprobs } from './logprobs.ts';
import type { CompletionRequest } from './request.ts';

export interface CompletionAnswerOptions {
  readonly context: ServingContext;
  readonly request: CompletionRequest;
  readonly id: string;
  readonly prompts: readonly RenderedPrompt[];
  readonly channel: AnswerChannel;
}

/** What a choice shows of its prompt and its own output. */
type Shown = Pick<CompletionOutput, 'text' | 'tokenIds'> & {
  readonly logprobs: LogprobsTable | null;
};

export class CompletionAnswer implements Answer {
  readonly #context: ServingContext;
  readonly #request: CompletionRequest;
  readonly #prompts: readonly RenderedPrompt[];
  readonly #channel: AnswerChannel;
  readonly #parts: AnswerParts;
  readonly #head: string;
  readonly #logprobsFormat: LogprobsFormat;
  /** Streams: one entry per choice. */
  readonly #choices: ChoiceState[] = [];
  readonly #numPromptTokens: number[] = [];
  #numCachedTokens: number | null = null;

  constructor({ context, request, id, prompts, channel }: CompletionAnswerOptions) {
    this.#context = context;
    this.#request = request;
    this.#prompts = prompts;
    this.#channel = channel;
    this.#parts = new AnswerParts(context, request, prompts.length);
    this.#head = this.#parts.head(id, 'text_completion');
    const { logprobs } = request;
    this.#logprobsFormat = this.#parts.logprobsFormat(
      logprobs === null || logprobs === -1 ? null : Math.max(logprobs + 1, 0),
    );
  }

  beginStream(): void {
    for (let i = 0; i < this.#prompts.length * this.#request.n; i++) {
      this.#choices.push(new ChoiceState());
    }
  }

  streamOutput(output: RequestOutput, promptIndex: number): void {
    this.#numCachedTokens ??= output.numCachedTokens;
    this.#numPromptTokens[promptIndex] = output.promptTokenIds.length;
    for (const completion of output.outputs) this.#streamChoice(promptIndex, output, completion);
  }

  #streamChoice(promptIndex: number, output: RequestOutput, completion: CompletionOutput): void {
    checkFinishReason(completion);
    const request = this.#request;
    const index = completion.index + promptIndex * request.n;
    const choice = this.#choices[index] as ChoiceState;
    const { finishReason } = completion;
    const showsIds = request.return_token_ids === true;
    const isEcho = request.echo === true && !choice.hasShownPrompt;
    const showsPrompt = isEcho || (showsIds && !choice.hasShownPrompt);
    const shown = isEcho ? this.#echo(promptIndex, output, completion) : completion;
    if (showsPrompt) choice.hasShownPrompt = true;
    const isEmpty = shown.text === '' && shown.tokenIds.length === 0;
    if (!isEcho && isEmpty && choice.numTokens === 0 && finishReason === null) return;
    const logprobs = this.#streamLogprobs(choice, shown);
    choice.numTokens += completion.tokenIds.length;
    let tail = ']';
    if (this.#parts.includeContinuousUsage) {
      tail += `,"usage":${streamUsageJson(output.promptTokenIds.length, choice.numTokens)}`;
    }
    if (finishReason !== null) tail += this.#parts.finishFingerprint;
    const kv = finishReason === null ? 'null' : jsonValue(output.kvTransferParams);
    this.#channel.event(
      `data: ${this.#head}{"index":${index},"text":${jsonString(shown.text)},"logprobs":${logprobs},` +
        `"finish_reason":${jsonNullable(finishReason)},"stop_reason":${jsonStopReason(completion.stopReason)},` +
        `"prompt_token_ids":${showsPrompt ? jsonIntegers(output.promptTokenIds) : 'null'},` +
        `"token_ids":${showsIds ? jsonIntegers(completion.tokenIds) : 'null'},` +
        `"weight_versions":${this.#weightVersions(completion)}}${tail},"kv_transfer_params":${kv}}\n\n`,
    );
  }

  #streamLogprobs(choice: ChoiceState, { tokenIds, logprobs }: Shown): string {
    if (this.#request.logprobs === null) return 'null';
    const { json, nextOffset } = completionLogprobs(
      tokenIds,
      logprobs ?? [],
      this.#logprobsFormat,
      choice.nextTextOffset,
    );
    choice.nextTextOffset = nextOffset;
    return json;
  }

  lastEvents(output: RequestOutput): string {
    const completionTokens = this.#choices.reduce((sum, choice) => sum + choice.numTokens, 0);
    const usage = () => {
      const promptTokens = this.#numPromptTokens.reduce((sum, count) => sum + count, 0);
      const details =
        this.#context.enablePromptTokensDetails && this.#numCachedTokens !== null
          ? `,"prompt_tokens_details":{"cached_tokens":${this.#numCachedTokens}}`
          : '';
      return streamUsageJson(promptTokens, completionTokens, details);
    };
    return this.#parts.usageEvent(this.#head, usage, output, completionTokens) + DONE_EVENT;
  }

  errorEvents({ info }: ApiError): string {
    return `data: ${errorBodyPythonJson(info)}\n\n${DONE_EVENT}`;
  }

  wholeAnswer(finals: readonly RequestOutput[]): string {
    const choices: string[] = [];
    let promptTokens = 0;
    let completionTokens = 0;
    for (const [promptIndex, output] of finals.entries()) {
      promptTokens += output.promptTokenIds.length;
      for (const completion of output.outputs) {
        choices.push(this.#wholeChoice(choices.length, promptIndex, output, completion));
        completionTokens += completion.tokenIds.length;
      }
    }
    const first = finals[0] as RequestOutput;
    const last = finals.at(-1) as RequestOutput;
    const promptTokensDetails =
      this.#context.enablePromptTokensDetails && last.numCachedTokens !== null
        ? `{"cached_tokens":${last.numCachedTokens},"created_cache_tokens":null,"multimodal_tokens":null}`
        : 'null';
    return (
      `${this.#head}${choices.join(',')}],"service_tier":null,"system_fingerprint":${this.#parts.fingerprint},` +
      `"usage":${usageJson({ promptTokens, completionTokens, promptTokensDetails })},` +
      `"kv_transfer_params":${jsonValue(first.kvTransferParams)},"ec_transfer_params":${jsonValue(first.ecTransferParams)},` +
      `"metrics":${this.#parts.metrics(last, completionTokens)}}`
    );
  }

  #wholeChoice(
    index: number,
    promptIndex: number,
    output: RequestOutput,
    completion: CompletionOutput,
  ): string {
    checkFinishReason(completion);
    const request = this.#request;
    const shown = request.echo === true ? this.#echo(promptIndex, output, completion) : completion;
    const logprobs =
      request.logprobs === null
        ? 'null'
        : completionLogprobs(shown.tokenIds, shown.logprobs ?? [], this.#logprobsFormat, 0).json;
    const showsIds = request.return_token_ids === true;
    return (
      `{"index":${index},"text":${jsonString(shown.text)},"logprobs":${logprobs},` +
      `"finish_reason":${jsonNullable(completion.finishReason)},"stop_reason":${jsonStopReason(completion.stopReason)},` +
      `"token_ids":${showsIds ? jsonIntegers(completion.tokenIds) : 'null'},` +
      `"prompt_logprobs":${promptLogprobsJson(output.promptLogprobs)},` +
      `"prompt_token_ids":${showsIds ? jsonIntegers(output.promptTokenIds) : 'null'},"routed_experts":null,` +
      `"weight_versions":${this.#weightVersions(completion)}}`
    );
  }

  /** The prompt in front of the answer; with max_tokens 0 the prompt alone. */
  #echo(promptIndex: number, output: RequestOutput, completion: CompletionOutput): Shown {
    const request = this.#request;
    const { promptTokenIds, promptLogprobs } = output;
    const promptText =
      request.return_token_ids === true ? '' : (this.#prompts[promptIndex]?.text ?? '');
    if (request.max_tokens === 0) {
      return { text: promptText, tokenIds: promptTokenIds, logprobs: promptLogprobs };
    }
    return {
      text: promptText + completion.text,
      tokenIds: [...promptTokenIds, ...completion.tokenIds],
      logprobs:
        request.logprobs === null
          ? null
          : [...(promptLogprobs ?? []), ...(completion.logprobs ?? [])],
    };
  }

  #weightVersions({ weightVersions }: CompletionOutput): string {
    return this.#request.return_weight_versions ? jsonValue(weightVersions) : 'null';
  }
}

class ChoiceState {
  hasShownPrompt = false;
  numTokens = 0;
  nextTextOffset = 0;
}
