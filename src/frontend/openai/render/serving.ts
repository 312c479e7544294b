/**
 * `/v1/…/render`: what a request would be asked of an engine with, for a server that takes token ids.
 * Source: vllm/entrypoints/scale_out/render/serving.py ServingRender (0.33.0). Leaves out: multimodal input.
 */
import { compactDumps } from '../../../shared/python/json-compact.ts';
import { jsonIntegers, jsonString, jsonValue } from '../../../shared/python/json-text.ts';
import type { PyDict } from '../../../shared/python/values.ts';
import { ApiError, badRequest } from '../../llm/errors.ts';
import { randomUuid } from '../../llm/random-uuid.ts';
import type { MutableSamplingParams } from '../../llm/sampling-params.ts';
import { adjustedChat } from '../chat/parsed-chat.ts';
import { parserRequestOf } from '../chat/parser-request.ts';
import type { ChatCompletionRequest } from '../chat/request.ts';
import { chatSamplingParams } from '../chat/serving.ts';
import { dumpTool } from '../chat/templating.ts';
import type { CompletionRequest } from '../completions/request.ts';
import { completionSamplingParams } from '../completions/serving.ts';
import type { GenerationRequest } from '../generation-request.ts';
import { type Later, whenHere } from '../later.ts';
import { baseRequestId, type RequestHeaders } from '../request-headers.ts';
import { responsesMessages } from '../responses/input.ts';
import { adjustedResponse } from '../responses/parsed-response.ts';
import type { ResponsesRequest } from '../responses/request.ts';
import { renderInput, renderRequest, samplingParams } from '../responses/serving.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import type { Departure } from '../workers/worker-lane.ts';
import { samplingParamsJson } from './sampling-params-json.ts';

export interface RenderServing {
  readonly context: ServingContext;
  /** `--default-chat-template-kwargs`, with what vLLM itself puts there. */
  readonly defaultChatTemplateKwargs: Readonly<Record<string, unknown>>;
}

/** The answer's text. Throws, or rejects with, ApiError. */
export function renderChat(
  { context, defaultChatTemplateKwargs }: RenderServing,
  request: ChatCompletionRequest,
  headers: RequestHeaders,
  departure: Departure,
): Later<string> {
  checkModel(context, request.model);
  if (request.use_beam_search)
    throw badRequest('Beam search is not supported by the render endpoint');
  return whenHere(context.renderer.renderChatCompletion(request, departure), (prompt) => {
    const asked = adjustedChat(context, request, prompt);
    const kwargs = templateKwargs(context, request, defaultChatTemplateKwargs);
    return generateRequestJson({
      id: `chatcmpl-${baseRequestId(headers, request.request_id)}`,
      tokenIds: prompt.promptTokenIds,
      params: chatSamplingParams(context, asked.request, prompt),
      request,
      parseContext: parseContextJson(context, request, kwargs),
      reasoningEnded: asked.reasoningEnded,
      reasoningParserKwargs: asked.reasoningParserKwargs === null ? null : kwargs,
    });
  });
}

/** A list of one rendered request a prompt, as text. Throws, or rejects with, ApiError. */
export function renderCompletion(
  { context }: RenderServing,
  request: CompletionRequest,
  headers: RequestHeaders,
  departure: Departure,
): Later<string> {
  checkModel(context, request.model);
  return whenHere(context.renderer.renderCompletion(request, departure), (prompts) => {
    const id = `cmpl-${baseRequestId(headers, request.request_id)}`;
    const rendered = prompts.map((prompt, index) =>
      generateRequestJson({
        id: prompts.length === 1 ? id : `${id}-${index}`,
        tokenIds: prompt.promptTokenIds,
        params: completionSamplingParams(context, request, prompt),
        request,
        parseContext: 'null',
      }),
    );
    return `[${rendered.join(',')}]`;
  });
}

/** The answer's text. Throws, or rejects with, ApiError. */
export function renderResponse(
  { context, defaultChatTemplateKwargs }: RenderServing,
  request: ResponsesRequest,
  departure: Departure,
): Later<string> {
  checkModel(context, request.model);
  if (request.previous_response_id !== null) {
    throw new ApiError({
      message: 'previous_response_id is not supported by the stateless render endpoint.',
      type: 'invalid_request_error',
      param: 'previous_response_id',
      code: 400,
    });
  }
  const messages = responsesMessages(request.instructions, request.input, null);
  const { parsers, renderer } = context;
  return whenHere(renderInput(context, request, messages, departure), ({ promptTokenIds }) => {
    const asked = parsers === null ? request : adjustedResponse(parsers, request);
    const kwargs = renderer.kwargsOf(renderRequest(context, request, messages));
    return generateRequestJson({
      id: request.request_id ?? `resp_${randomUuid()}`,
      tokenIds: promptTokenIds,
      params: samplingParams(context, asked, promptTokenIds.length),
      request: { ...request, stream_options: null, return_token_ids: null },
      parseContext: 'null',
      reasoningParserKwargs:
        parsers?.hasReasoning === true
          ? { ...(defaultChatTemplateKwargs as PyDict), ...kwargs }
          : null,
      keepsExtraArgs: true,
    });
  });
}

interface Rendered {
  readonly id: string;
  readonly tokenIds: readonly number[];
  readonly params: MutableSamplingParams;
  readonly request: Pick<
    GenerationRequest,
    'model' | 'stream' | 'stream_options' | 'return_token_ids' | 'cache_salt' | 'priority'
  >;
  /** JSON. */
  readonly parseContext: string;
  readonly reasoningEnded?: boolean | null;
  /** The template's variables that a reasoning parser is told. */
  readonly reasoningParserKwargs?: PyDict | null;
  /** Also where there are none. */
  readonly keepsExtraArgs?: boolean;
}

function generateRequestJson(rendered: Rendered): string {
  const { id, tokenIds, params, request, parseContext, keepsExtraArgs = false } = rendered;
  if (tokenIds.length === 0) throw badRequest('No token_ids rendered');
  const { kv_transfer_params: kv, ec_transfer_params: ec, ...extra } = params.extraArgs ?? {};
  const hasExtra = keepsExtraArgs || Object.keys(extra).length > 0;
  params.extraArgs = hasExtra ? extra : null;
  const isStream = request.stream === true;
  const { reasoningEnded = null, reasoningParserKwargs: kwargs = null } = rendered;
  const told = kwargs === null ? 'null' : `{"chat_template_kwargs":${compactDumps(kwargs)}}`;
  return (
    `{"request_id":${jsonString(id)},"token_ids":${jsonIntegers(tokenIds)},"token_offsets":null,"features":null,` +
    `"content_parts":null,"sampling_params":${samplingParamsJson(params)},"model":${jsonValue(request.model)},` +
    `"reasoning_ended":${reasoningEnded},"reasoning_parser_kwargs":${told},"return_token_ids":${jsonValue(request.return_token_ids)},` +
    `"output_mode":"tokens","parse_context":${parseContext},"stream":${isStream},` +
    `"stream_options":${isStream ? jsonValue(request.stream_options) : 'null'},` +
    `"cache_salt":${jsonValue(request.cache_salt)},"priority":${request.priority},` +
    `"kv_transfer_params":${jsonValue(kv)},"ec_transfer_params":${jsonValue(ec)}}`
  );
}

function templateKwargs(
  { renderer }: ServingContext,
  request: ChatCompletionRequest,
  defaults: Readonly<Record<string, unknown>>,
): PyDict {
  return { ...(defaults as PyDict), ...renderer.chatTemplateKwargs(request) };
}

/** What a server of token ids needs to read an answer as this chat would. Source: ParseContext, _build_parse_context. */
function parseContextJson(
  { parsers }: ServingContext,
  request: ChatCompletionRequest,
  kwargs: PyDict,
): string {
  const { tools, tool_choice: choice, include_reasoning: includeReasoning } = request;
  const { parallelToolCalls, numHistoryToolCalls } = parserRequestOf(request);
  return (
    `{"tools":${tools === null ? 'null' : JSON.stringify(tools.map(dumpTool))},` +
    `"tool_choice":${compactDumps(choice)},"parallel_tool_calls":${parallelToolCalls},` +
    `"include_reasoning":${includeReasoning},` +
    `"chat_template_kwargs":${parsers?.isHarmony === true ? '{}' : compactDumps(kwargs)},` +
    `"history_tool_call_cnt":${numHistoryToolCalls}}`
  );
}
