/**
 * `/v1/chat/completions`: from a checked request to its exchange.
 * Source: vllm/entrypoints/openai/chat_completion/serving.py OpenAIServingChat (0.33.0). Leaves out: beam search.
 */
import { buildSamplingParams, type MutableSamplingParams } from '../../llm/sampling-params.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { Exchange } from '../exchange.ts';
import { type Later, whenHere } from '../later.ts';
import type { RenderedChat } from '../renderer.ts';
import { baseRequestId, type RequestHeaders } from '../request-headers.ts';
import { maxTokensFor, samplingFields } from '../sampling-fields.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import { ChatAnswer } from './answer.ts';
import { type ParsedChat, parsedChat } from './parsed-chat.ts';
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
    const params = chatSamplingParams(context, parsed.request, prompt);
    const { reasoningEnded, reasoningParserKwargs } = parsed;
    const prompts = [
      { requestId: id, promptTokenIds, text, params, reasoningEnded, reasoningParserKwargs },
    ];
    const { choices } = parsed;
    const answer = new ChatAnswer({ context, request, id, prompt, channel, parsed: choices });
    const log = { id, skipsEmpty: true, onlyFinal: false };
    new Exchange({ context, request, headers, channel, arrivalTime, prompts, answer, log }).start();
  });
}

function parsedOf(
  context: ServingContext,
  request: ChatCompletionRequest,
  prompt: RenderedChat,
): ParsedChat {
  if (context.parsers !== null) return parsedChat(context, context.parsers, request, prompt);
  const reasoningEnded = request.include_reasoning ? null : true;
  return { request, choices: null, reasoningEnded, reasoningParserKwargs: null };
}

/** Throws ApiError. */
export function chatSamplingParams(
  { model, maxNumSequences }: ServingContext,
  request: ChatCompletionRequest,
  { promptTokenIds }: RenderedChat,
): MutableSamplingParams {
  const asked = request.max_completion_tokens ?? request.max_tokens;
  const wantsLogprobs = request.logprobs === true && !request.logprob_token_ids?.length;
  return buildSamplingParams(
    samplingFields(request, model, {
      maxTokens: maxTokensFor(model, asked, promptTokenIds.length),
      logprobs: wantsLogprobs ? request.top_logprobs : null,
      promptLogprobs: request.prompt_logprobs ?? (request.echo ? request.top_logprobs : null),
    }),
    maxNumSequences,
  );
}
