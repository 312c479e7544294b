/**
 * `/v1/responses`, for plain text answers: from a checked request to its exchange; nothing is stored.
 * Source: vllm/entrypoints/openai/responses/serving.py OpenAIServingResponses (0.33.0). Leaves out: the response store
 * and background mode, tools and their parsers, reasoning parsers.
 */
import type { PyDict } from '../../../shared/python/values.ts';
import { ApiError } from '../../llm/errors.ts';
import { randomUuid } from '../../llm/random-uuid.ts';
import { buildSamplingParams, type MutableSamplingParams } from '../../llm/sampling-params.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { Exchange } from '../exchange.ts';
import { type Later, whenHere } from '../later.ts';
import type { RenderedChat } from '../renderer.ts';
import type { RequestHeaders } from '../request-headers.ts';
import { commonSamplingFields, maxTokensFor } from '../sampling-fields.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import type { Departure } from '../workers/worker-lane.ts';
import { ResponseAnswer } from './answer.ts';
import { continuesFinalMessage, responsesMessages } from './input.ts';
import { type ResponsesRequest, wantsLogprobs } from './request.ts';

/** Throws, or rejects with, ApiError when there is no answer to begin; else the channel gets it, now or later. */
export function createResponse(
  context: ServingContext,
  request: ResponsesRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): Later<void> {
  checkModel(context, request.model);
  checkRequest(request);
  context.llm.preflight(1);
  if (request.previous_response_id !== null) throw responseNotFound(request.previous_response_id);
  const arrivalTime = context.clock.wallMs() / 1000;
  return whenHere(renderInput(context, request, channel), (prompt) => {
    const promptLength = prompt.promptTokenIds.length;
    const { maxModelLen } = context.model;
    if (promptLength >= maxModelLen) {
      throw invalidRequest(
        `The engine prompt length ${promptLength} exceeds the max_model_len ${maxModelLen}. Please reduce prompt.`,
        'input',
      );
    }
    const params = samplingParams(context, request, promptLength);
    const id = request.request_id ?? `resp_${randomUuid()}`;
    const { promptTokenIds, text } = prompt;
    const prompts = [{ requestId: `${id}_0`, promptTokenIds, text, params }];
    const answer = new ResponseAnswer({ context, request, id, params, channel });
    const log = { id, skipsEmpty: false, onlyFinal: true };
    new Exchange({ context, request, headers, channel, arrivalTime, prompts, answer, log }).start();
  });
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

function renderInput(
  context: ServingContext,
  request: ResponsesRequest,
  departure: Departure,
): Later<RenderedChat> {
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
    departure,
  );
}

/** A function tool in the form that chat templates know. */
function toChatTool(tool: PyDict): PyDict {
  const { type = 'function', ...fn } = tool;
  return { type, function: fn };
}

/** Sampling fields that this endpoint does not offer, whatever a body says. */
const NOT_OFFERED = {
  n: 1,
  bad_words: [],
  thinking_token_budget: null,
  min_tokens: 0,
  logprob_token_ids: null,
  stream_interval: null,
  response_format: null,
  structured_outputs: null,
  allowed_token_ids: null,
  kv_transfer_params: null,
  ec_transfer_params: null,
  repetition_detection: null,
  routed_experts_prompt_start: 0,
} as const;

function samplingParams(
  { model, maxNumSequences }: ServingContext,
  request: ResponsesRequest,
  promptLength: number,
): MutableSamplingParams {
  return buildSamplingParams(
    {
      ...commonSamplingFields({ ...request, ...NOT_OFFERED, stop: request.stop || [] }, model),
      maxTokens: maxTokensFor(model, request.max_output_tokens, promptLength),
      logprobs: wantsLogprobs(request) ? request.top_logprobs : null,
      promptLogprobs: null,
      extraArgs: request.vllm_xargs ?? {},
    },
    maxNumSequences,
  );
}
