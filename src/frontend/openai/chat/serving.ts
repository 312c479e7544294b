/**
 * `/v1/chat/completions`: from a checked request to its exchange.
 * Source: vllm/entrypoints/openai/chat_completion/serving.py OpenAIServingChat (0.33.0).
 */
import { beamStepParams } from '../../llm/beam-search.ts';
import { buildSamplingParams, type MutableSamplingParams } from '../../llm/sampling-params.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { Exchange } from '../exchange.ts';
import { type Later, whenHere } from '../later.ts';
import type { RenderedChat } from '../renderer.ts';
import { baseRequestId, type RequestHeaders } from '../request-headers.ts';
import {
  beamSearchLimitsOf,
  beamSearchParams,
  maxTokensFor,
  samplingFields,
} from '../sampling-fields.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import { ChatAnswer } from './answer.ts';
import { adjustedChat, type ParsedChat, parsedChat } from './parsed-chat.ts';
import type { ChatCompletionRequest } from './request.ts';

/** Throws, or rejects with, ApiError when there is no answer to begin; else the channel gets it, now or later. */
export function createChatCompletion(
  context: ServingContext,
  request: ChatCompletionRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): Later<void> {
  checkModel(context, request.model);
  context.llm.preflight(request.n ?? 1);
  const arrivalTime = context.clock.wallMs() / 1000;
  return whenHere(context.renderer.renderChatCompletion(request, channel), (prompt) => {
    const { promptTokenIds, text } = prompt;
    const id = `chatcmpl-${baseRequestId(headers, request.request_id)}`;
    const parsed = parsedOf(context, request, prompt);
    const asked = parsed.request;
    const beams = beamSearchParams(asked, context.model, maxTokensOf(context, asked, prompt));
    const params =
      beams === null
        ? chatSamplingParams(context, asked, prompt)
        : beamStepParams(beams, beamSearchLimitsOf(context));
    const { choices, reasoningEnded, reasoningParserKwargs } = parsed;
    const prompts = [
      { requestId: id, promptTokenIds, text, params, beams, reasoningEnded, reasoningParserKwargs },
    ];
    const answer = new ChatAnswer({ context, request, id, prompt, channel, parsed: choices });
    const log = { id, skipsEmpty: true, onlyFinal: false };
    new Exchange({ context, request, headers, channel, arrivalTime, prompts, answer, log }).start();
  });
}

/** Throws ApiError for tools that no call can be made of. */
export function parsedOf(
  context: ServingContext,
  request: ChatCompletionRequest,
  prompt: RenderedChat,
): ParsedChat {
  if (context.parsers !== null) return parsedChat(context, context.parsers, request, prompt);
  return { ...adjustedChat(context, request, prompt), choices: null };
}

function maxTokensOf(
  { model }: ServingContext,
  request: ChatCompletionRequest,
  { promptTokenIds }: RenderedChat,
): number {
  const asked = request.max_completion_tokens ?? request.max_tokens;
  return maxTokensFor(model, asked, promptTokenIds.length);
}

/** Throws ApiError. */
export function chatSamplingParams(
  context: ServingContext,
  request: ChatCompletionRequest,
  prompt: RenderedChat,
): MutableSamplingParams {
  const { model, maxNumSequences } = context;
  const wantsLogprobs = request.logprobs === true && !request.logprob_token_ids?.length;
  return buildSamplingParams(
    samplingFields(request, model, {
      maxTokens: maxTokensOf(context, request, prompt),
      logprobs: wantsLogprobs ? request.top_logprobs : null,
      promptLogprobs: request.prompt_logprobs ?? (request.echo ? request.top_logprobs : null),
    }),
    maxNumSequences,
  );
}
