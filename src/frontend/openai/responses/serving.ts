/**
 * `/v1/responses`: from a checked request to its exchange, kept where there is a store.
 * Source: vllm/entrypoints/openai/responses/serving.py OpenAIServingResponses (0.33.0). Leaves out: built-in tools, for
 * no tool server is called.
 */
import type { PyDict } from '../../../shared/python/values.ts';
import { randomUuid } from '../../llm/random-uuid.ts';
import { buildSamplingParams, type MutableSamplingParams } from '../../llm/sampling-params.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import type { ChatMessageParam } from '../chat/request.ts';
import type { ChatRenderRequest } from '../chat/templating.ts';
import { Exchange, type ExchangeOptions } from '../exchange.ts';
import { type Later, whenHere } from '../later.ts';
import { type RenderedChat, reusedTokenIds } from '../renderer.ts';
import type { RequestHeaders } from '../request-headers.ts';
import { maxTokensFor, samplingFields } from '../sampling-fields.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import type { Departure } from '../workers/worker-lane.ts';
import { ResponseAnswer, type ResponseAnswerOptions } from './answer.ts';
import { BackgroundChannel } from './background.ts';
import { responseConstraint } from './constraint.ts';
import { EventLog } from './event-log.ts';
import { continuesFinalMessage, responsesMessages } from './input.ts';
import { type ParsedResponse, parsedResponse, type ResponseParser } from './parsed-response.ts';
import { type ResponsesRequest, wantsLogprobs } from './request.ts';
import type { ResponseStore } from './store.ts';
import { invalidRequest, storedResponse } from './stored.ts';
import { functionTools, toChatTool } from './tools.ts';

/** Throws, or rejects with, ApiError when there is no answer to begin; else the channel gets it, now or later. */
export function createResponse(
  context: ServingContext,
  request: ResponsesRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): Later<void> {
  checkModel(context, request.model);
  checkRequest(context, request);
  context.llm.preflight(1);
  const previousId = request.previous_response_id;
  const previous = previousId === null ? null : storedResponse(context.responses, previousId);
  const arrivalTime = context.clock.wallMs() / 1000;
  const messages = responsesMessages(request.instructions, request.input, previous);
  return whenHere(renderInput(context, request, messages, channel), (prompt) => {
    const promptLength = prompt.promptTokenIds.length;
    const { maxModelLen } = context.model;
    if (promptLength >= maxModelLen) {
      throw invalidRequest(
        `The engine prompt length ${promptLength} exceeds the max_model_len ${maxModelLen}. Please reduce prompt.`,
        'input',
      );
    }
    const parsed = parsedOf(context, request, messages, prompt.promptTokenIds);
    const { request: asked, parser, reasoningParserKwargs } = parsed;
    const params = samplingParams(context, asked, promptLength);
    const id = request.request_id ?? `resp_${randomUuid()}`;
    const { promptTokenIds, text } = prompt;
    const prompts = [{ requestId: `${id}_0`, promptTokenIds, text, params, reasoningParserKwargs }];
    const isKept = request.store === true;
    const store = isKept ? context.responses : null;
    const log = { id, skipsEmpty: false, onlyFinal: true };
    const common = { context, request, headers, arrivalTime, prompts, log };
    const made = { context, request: asked, id, params, promptText: text, parser };
    if (store !== null && request.background === true) {
      const background = { ...common, ...made, store, messages };
      runInBackground(background, channel);
      return;
    }
    const answer = new ResponseAnswer({
      ...made,
      channel,
      onFinal: (final) => store?.finish({ ...final, id, messages, log: null }),
    });
    new Exchange({ ...common, channel, answer }).start();
  });
}

interface BackgroundOptions
  extends Omit<ExchangeOptions, 'channel' | 'answer' | 'request'>,
    Omit<ResponseAnswerOptions, 'channel' | 'onFinal'> {
  readonly store: ResponseStore;
  readonly messages: readonly ChatMessageParam[];
}

/** The client gets the queued response, or the stream of what happens to it; either way it may leave. */
function runInBackground(options: BackgroundOptions, channel: AnswerChannel): void {
  const { request, store, id, messages } = options;
  const log = request.stream === true ? new EventLog() : null;
  const background = new BackgroundChannel(store, id, log);
  const answer = new ResponseAnswer({
    ...options,
    channel: background,
    onFinal: (final) => store.finish({ ...final, id, messages, log }),
  });
  const body = answer.emptyResponse('queued');
  store.begin(
    { id, status: 'queued', body, messages, outputTexts: [], log },
    { bodyOf: (status) => answer.emptyResponse(status), abort: () => background.abort() },
  );
  new Exchange({ ...options, channel: background, answer }).start();
  if (log === null) channel.json(200, body);
  else log.follow(channel, 0);
}

function checkRequest({ responses, model }: ServingContext, request: ResponsesRequest): void {
  if (model.modelType === 'gpt_oss' && wantsLogprobs(request)) {
    throw invalidRequest('logprobs are not supported with gpt-oss models', 'logprobs');
  }
  if (responses === null && request.store === true && request.background === true) {
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

function shownTools(
  { renderer }: ServingContext,
  { tools, tool_choice: choice }: ResponsesRequest,
): readonly PyDict[] | null {
  const isExcluded = choice === 'none' && renderer.excludesToolsWhenToolChoiceNone;
  return tools.length === 0 || isExcluded ? null : functionTools(tools).map(toChatTool);
}

/** Throws, or rejects with, ApiError. */
export function renderInput(
  context: ServingContext,
  request: ResponsesRequest,
  messages: readonly ChatMessageParam[],
  departure: Departure,
): Later<RenderedChat> {
  return context.renderer.renderChat(
    renderRequest(context, request, messages),
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

/** What rendering looks at. */
export function renderRequest(
  context: ServingContext,
  request: ResponsesRequest,
  messages: readonly ChatMessageParam[],
): ChatRenderRequest {
  const isContinued = continuesFinalMessage(request.input);
  const effort = request.reasoning?.['effort'];
  return {
    messages,
    chatTemplate: null,
    chatTemplateKwargs: request.chat_template_kwargs,
    mmProcessorKwargs: request.mm_processor_kwargs,
    mediaIoKwargs: request.media_io_kwargs,
    addGenerationPrompt: !isContinued,
    continueFinalMessage: isContinued,
    documents: null,
    reasoningEffort: typeof effort === 'string' ? effort : null,
    tools: shownTools(context, request),
    reusedTokenIds: reusedTokenIds(request),
  };
}

type MaybeParsed = Omit<ParsedResponse, 'parser'> & { readonly parser: ResponseParser | null };

function parsedOf(
  context: ServingContext,
  request: ResponsesRequest,
  messages: readonly ChatMessageParam[],
  promptTokenIds: readonly number[],
): MaybeParsed {
  const { parsers, renderer, toolCallRate } = context;
  if (parsers === null) return { request, parser: null, reasoningParserKwargs: null };
  const chatTemplateKwargs = renderer.kwargsOf(renderRequest(context, request, messages));
  const common = { parsers, request, messages, chatTemplateKwargs, promptTokenIds };
  return parsedResponse({ ...common, toolCallRate });
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
  allowed_token_ids: null,
  repetition_detection: null,
  routed_experts_prompt_start: 0,
} as const;

/** Throws ApiError. */
export function samplingParams(
  { model, maxNumSequences }: ServingContext,
  request: ResponsesRequest,
  promptLength: number,
): MutableSamplingParams {
  const fields = samplingFields(
    {
      ...request,
      ...NOT_OFFERED,
      stop: request.stop || [],
      structured_outputs: responseConstraint(request),
    },
    model,
    {
      maxTokens: maxTokensFor(model, request.max_output_tokens, promptLength),
      logprobs: wantsLogprobs(request) ? request.top_logprobs : null,
      promptLogprobs: null,
    },
  );
  return buildSamplingParams({ ...fields, extraArgs: fields.extraArgs ?? {} }, maxNumSequences);
}
