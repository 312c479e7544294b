/**
 * `/v1/completions`: from a checked request to its exchange.
 * Source: vllm/entrypoints/openai/completion/serving.py OpenAIServingCompletion (0.33.0).
 */
import { beamStepParams } from '../../llm/beam-search.ts';
import { badRequest } from '../../llm/errors.ts';
import { buildSamplingParams, type MutableSamplingParams } from '../../llm/sampling-params.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { Exchange } from '../exchange.ts';
import { type Later, whenHere } from '../later.ts';
import type { RenderedPrompt } from '../renderer.ts';
import { baseRequestId, type RequestHeaders } from '../request-headers.ts';
import {
  beamSearchLimitsOf,
  beamSearchParams,
  maxTokensFor,
  samplingFields,
} from '../sampling-fields.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import { CompletionAnswer } from './answer.ts';
import type { CompletionRequest } from './request.ts';

/** Throws, or rejects with, ApiError when there is no answer to begin; else the channel gets it, now or later. */
export function createCompletion(
  context: ServingContext,
  request: CompletionRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): Later<void> {
  if (request.stream === true && request.use_beam_search) {
    throw badRequest('Streaming is not currently supported with beam search');
  }
  checkModel(context, request.model);
  context.llm.preflight(request.n);
  const arrivalTime = context.clock.wallMs() / 1000;
  return whenHere(context.renderer.renderCompletion(request, channel), (rendered) => {
    const id = `cmpl-${baseRequestId(headers, request.request_id)}`;
    const prompts = rendered.map((prompt, index) => {
      const { promptTokenIds, text, promptEmbeds } = prompt;
      const maxTokens = maxTokensFor(context.model, request.max_tokens, promptTokenIds.length);
      const beams = beamSearchParams(request, context.model, maxTokens);
      const params =
        beams === null
          ? completionSamplingParams(context, request, prompt)
          : beamStepParams(beams, beamSearchLimitsOf(context));
      const embedded = promptEmbeds === undefined ? {} : { promptEmbeds };
      return { requestId: `${id}-${index}`, promptTokenIds, ...embedded, text, params, beams };
    });
    // What is wrong with the request was said first: an n that no request may have is not counted.
    const promptLengths = rendered.map(({ promptTokenIds }) => promptTokenIds.length);
    context.llm.ensureRoom(promptLengths, request.n);
    const answer = new CompletionAnswer({ context, request, id, prompts: rendered, channel });
    const log = { id, skipsEmpty: false, onlyFinal: false };
    new Exchange({ context, request, headers, channel, arrivalTime, prompts, answer, log }).start();
  });
}

/** Throws ApiError. */
export function completionSamplingParams(
  { model, maxNumSequences }: ServingContext,
  request: CompletionRequest,
  { promptTokenIds }: RenderedPrompt,
): MutableSamplingParams {
  const isEcho = request.echo === true;
  const isEchoOnly = isEcho && request.max_tokens === 0;
  return buildSamplingParams(
    samplingFields(request, model, {
      maxTokens: isEchoOnly ? 1 : maxTokensFor(model, request.max_tokens, promptTokenIds.length),
      logprobs: request.logprob_token_ids?.length ? null : request.logprobs,
      promptLogprobs: request.prompt_logprobs ?? (isEcho ? request.logprobs : null),
    }),
    maxNumSequences,
  );
}
