/**
 * `/v1/…/derender`: what a server of token ids answered, as the answer of chat completions or completions.
 * Source: vllm/entrypoints/scale_out/derender/serving.py ServingDerender (0.33.0).
 */
import {
  jsonIntegers,
  jsonNullable,
  jsonString,
  jsonValue,
} from '../../../shared/python/json-text.ts';
import { badRequest } from '../../llm/errors.ts';
import { jsonStopReason, usageJson } from '../answer-json.ts';
import { chatLogprobs } from '../chat/logprobs.ts';
import type { ParsedMessage } from '../chat/parsed-choices.ts';
import { completionLogprobs } from '../completions/logprobs.ts';
import { checkModel, createdSeconds, type ServingContext, shownModel } from '../serving-context.ts';
import { checkGenerated, checkPromptIds, type DerenderBounds } from './bounds.ts';
import { type Decoded, decodeChunk, decodeWhole, FIRST_STATE } from './decoding.ts';
import { resolveLogprobs } from './logprobs.ts';
import { type ParsedChunk, parsedChunk, parsedMessage } from './parsed.ts';
import type {
  DerenderChatRequest,
  DerenderCompletionRequest,
  DerenderStreamState,
  Generated,
  GeneratedChoice,
} from './request.ts';

const STOP_STRINGS =
  'stop strings are not supported by streaming derender because text already sent cannot be cut. Use non-streaming ' +
  'derender or output_mode=text on /inference/v1/generate which holds stop strings back.';
const NO_CHAT_REQUEST =
  'chat_request is required when a tool or reasoning parser is configured because plain detokenization would leak raw ' +
  'parser markup into content.';

const NO_PROMPT =
  'prompt_token_ids is required when a tool or reasoning parser is configured. Without it parse_delta cannot tell whether ' +
  'the prompt left reasoning open (e.g. a chat template that pre-opens <think>) and would misclassify reasoning content ' +
  'as plain content.';

/** The answer's text. Throws ApiError. */
export function derenderChat(
  context: ServingContext,
  bounds: DerenderBounds,
  request: DerenderChatRequest,
): string {
  checkModel(context, request.model);
  const original = request.chat_request;
  if (request.stream) {
    if ((original?.stop ?? []).length > 0) throw badRequest(STOP_STRINGS);
    if (context.parsers !== null && original === null) throw badRequest(NO_CHAT_REQUEST);
    if (context.parsers !== null && request.prompt_token_ids === null) throw badRequest(NO_PROMPT);
    checkChunk(bounds, request);
    return chatChunk(context, request);
  }
  const generated = request.generate_response;
  checkGenerated([generated], bounds);
  checkPromptIds([request.prompt_token_ids], bounds);
  if (context.parsers !== null && original === null) throw badRequest(NO_CHAT_REQUEST);
  const seed = request.prompt_token_ids ?? generated.prompt_token_ids ?? [];
  const choices = generated.choices.map((choice) => {
    if ((choice.token_ids ?? []).length === 0)
      throw badRequest(`choice ${choice.index} has empty or null token_ids`);
    const { content, toolCalls, reasoning, finishReason, stopReason } = wholeChoice(
      context,
      { generated, original, seed },
      choice,
    );
    const isHidden = hidesTokens(context, original);
    const ids = original?.return_token_ids === true && !isHidden ? choice.token_ids : null;
    return (
      `{"index":${choice.index},"message":{"role":"assistant","content":${jsonNullable(content)},"refusal":null,` +
      `"annotations":null,"audio":null,"function_call":null${toolCalls},"reasoning":${reasoning}},` +
      `"logprobs":${isHidden ? 'null' : chatLogprobsJson(context, choice, chatLimit(original))},` +
      `"finish_reason":${jsonString(finishReason)},"stop_reason":${jsonStopReason(stopReason)},` +
      `"token_ids":${ids === null ? 'null' : jsonIntegers(ids)},"routed_experts":null,"weight_versions":null}`
    );
  });
  const usage = usageJson({
    promptTokens: request.prompt_tokens ?? 0,
    completionTokens: countTokens([generated]),
    promptTokensDetails: 'null',
  });
  const promptIds = original?.return_token_ids === true ? generated.prompt_token_ids : null;
  return (
    `${head(context, generated, request.model, 'chat.completion')}${choices.join(',')}],"service_tier":null,` +
    `"system_fingerprint":null,"usage":${usage},"prompt_logprobs":${jsonValue(generated.prompt_logprobs)},` +
    `"prompt_token_ids":${jsonValue(promptIds)},"prompt_text":null,` +
    `"kv_transfer_params":${jsonValue(generated.kv_transfer_params)},"ec_transfer_params":null,` +
    `"metrics":${jsonValue(generated.metrics)}}`
  );
}

interface DerenderedChat {
  readonly generated: Generated;
  readonly original: DerenderChatRequest['chat_request'];
  readonly seed: readonly number[];
}

function wholeChoice(
  context: ServingContext,
  { generated, original, seed }: DerenderedChat,
  choice: GeneratedChoice,
): ParsedMessage & Pick<Decoded, 'stopReason'> {
  const { parsers } = context;
  if (parsers !== null && original !== null) {
    const promptTokenIds = generated.prompt_token_ids ?? [];
    return parsedMessage(context, { parsers, original, promptTokenIds }, choice, seed);
  }
  const { text: content, stopReason } = decodeWhole(context, choice, original, seed);
  const finishReason = choice.finish_reason ?? 'stop';
  return { content, toolCalls: '', reasoning: 'null', finishReason, stopReason };
}

/** What would tell the reasoning that is not to be shown. */
function hidesTokens(
  { parsers }: ServingContext,
  original: DerenderChatRequest['chat_request'],
): boolean {
  return parsers !== null && original?.include_reasoning === false;
}

function chatChunk(
  context: ServingContext,
  request: Extract<DerenderChatRequest, { stream: true }>,
): string {
  const { generate_chunk: chunk, chat_request: original, stream_state: carried } = request;
  let state = carried ?? FIRST_STATE;
  const isHidden = hidesTokens(context, original);
  const choices = chunk.choices.map((choice) => {
    const part = chunkChoice(context, request, choice, state);
    ({ state } = part);
    const ids = original?.return_token_ids === true && !isHidden ? choice.token_ids : null;
    return (
      `{"index":${choice.index},"delta":${part.delta},` +
      `"logprobs":${isHidden ? 'null' : chatLogprobsJson(context, choice, chatLimit(original))},` +
      `"finish_reason":${jsonNullable(part.finishReason)},"stop_reason":${jsonStopReason(part.stopReason)},` +
      `"token_ids":${ids === null ? 'null' : jsonIntegers(ids)},"weight_versions":null}`
    );
  });
  const promptIds = original?.return_token_ids === true ? chunk.prompt_token_ids : null;
  return (
    `{"chunk":${head(context, chunk, request.model, 'chat.completion.chunk')}${choices.join(',')}],` +
    `"usage":${chunkUsage(chunk, request.prompt_tokens)},"system_fingerprint":null,` +
    `"prompt_token_ids":${jsonValue(promptIds)},"prompt_text":null,"metrics":${jsonValue(chunk.metrics)},` +
    `"kv_transfer_params":null},"stream_state":${JSON.stringify(state)}}`
  );
}

function chunkChoice(
  context: ServingContext,
  request: Extract<DerenderChatRequest, { stream: true }>,
  choice: GeneratedChoice,
  state: DerenderStreamState,
): ParsedChunk {
  const { chat_request: original, generate_chunk: chunk, prompt_token_ids: prompt } = request;
  const { parsers } = context;
  if (parsers !== null && original !== null) {
    try {
      return parsedChunk(
        context,
        { parsers, original, promptTokenIds: prompt ?? [] },
        choice,
        state,
      );
    } catch {
      throw badRequest('invalid stream_state: derender failed');
    }
  }
  const isFirst = request.stream_state === null;
  const promptTokenIds = isFirst ? (prompt ?? chunk.prompt_token_ids ?? []) : [];
  const decoded = decodeChunk(context, choice, original, { state, promptTokenIds });
  const { text, stopReason } = decoded;
  const content = text === '' ? 'null' : jsonString(text);
  return {
    delta: `{"role":${state.role_sent ? 'null' : '"assistant"'},"content":${content},"reasoning":null}`,
    finishReason: choice.finish_reason,
    stopReason,
    state: { ...decoded.state, role_sent: true },
  };
}

/** The answer's text. Throws ApiError. */
export function derenderCompletion(
  context: ServingContext,
  bounds: DerenderBounds,
  request: DerenderCompletionRequest,
): string {
  checkModel(context, request.model);
  const original = request.completion_request;
  if (request.stream) {
    if ((original?.stop ?? []).length > 0) throw badRequest(STOP_STRINGS);
    checkPromptIds([request.prompt_token_ids], bounds);
    return completionChunk(context, request);
  }
  const responses = request.generate_responses;
  const [first] = responses;
  if (first === undefined) throw badRequest('generate_responses must not be empty');
  checkGenerated(responses, bounds);
  checkPromptIds(request.prompt_token_ids ?? [], bounds);
  const choices = responses.flatMap((generated, i) =>
    generated.choices.map((choice) => ({
      generated,
      choice,
      seed: request.prompt_token_ids?.[i] ?? generated.prompt_token_ids ?? [],
    })),
  );
  const shown = choices.map(({ generated, choice, seed }, index) => {
    if ((choice.token_ids ?? []).length === 0) {
      throw badRequest(
        `choice ${choice.index} in response ${generated.request_id} has empty or null token_ids`,
      );
    }
    const { text, stopReason } = decodeWhole(context, choice, original, seed);
    const showsIds = original?.return_token_ids === true;
    return (
      `{"index":${index},"text":${jsonString(text)},"logprobs":${completionLogprobsJson(context, choice, original, 0).json},` +
      `"finish_reason":${jsonNullable(choice.finish_reason)},"stop_reason":${jsonStopReason(stopReason)},` +
      `"token_ids":${jsonValue(showsIds ? choice.token_ids : null)},"prompt_logprobs":null,` +
      `"prompt_token_ids":${jsonValue(showsIds ? generated.prompt_token_ids : null)},"routed_experts":null,"weight_versions":null}`
    );
  });
  const transfer = new Set(responses.map(({ kv_transfer_params: kv }) => jsonValue(kv)));
  const usage = usageJson({
    promptTokens: (request.prompt_tokens ?? []).reduce((sum, count) => sum + count, 0),
    completionTokens: countTokens(responses),
    promptTokensDetails: 'null',
  });
  return (
    `${head(context, first, request.model, 'text_completion')}${shown.join(',')}],"service_tier":null,` +
    `"system_fingerprint":null,"usage":${usage},` +
    `"kv_transfer_params":${transfer.size === 1 ? jsonValue(first.kv_transfer_params) : 'null'},"ec_transfer_params":null,` +
    `"metrics":${responses.length === 1 ? jsonValue(first.metrics) : 'null'}}`
  );
}

function completionChunk(
  context: ServingContext,
  request: Extract<DerenderCompletionRequest, { stream: true }>,
): string {
  const { generate_chunk: chunk, completion_request: original, stream_state: carried } = request;
  if (chunk.choices.length > 1)
    throw badRequest('derender_completion_stream expects at most one choice per chunk');
  let state = carried ?? FIRST_STATE;
  const promptTokenIds =
    carried === null ? (request.prompt_token_ids ?? chunk.prompt_token_ids ?? []) : [];
  const choices = chunk.choices.map((choice) => {
    const decoded = decodeChunk(context, choice, original, { state, promptTokenIds });
    const logprobs = completionLogprobsJson(context, choice, original, state.logprob_text_offset);
    const offset = logprobs.nextOffset ?? state.logprob_text_offset + [...decoded.text].length;
    state = { ...decoded.state, logprob_text_offset: offset };
    const showsIds = original?.return_token_ids === true;
    return (
      `{"index":${choice.index},"text":${jsonString(decoded.text)},"logprobs":${logprobs.json},` +
      `"finish_reason":${jsonNullable(choice.finish_reason)},"stop_reason":${jsonStopReason(decoded.stopReason)},` +
      `"prompt_token_ids":${jsonValue(showsIds ? chunk.prompt_token_ids : null)},` +
      `"token_ids":${jsonValue(showsIds ? choice.token_ids : null)},"weight_versions":null}`
    );
  });
  return (
    `{"chunk":${head(context, chunk, request.model, 'text_completion')}${choices.join(',')}],` +
    `"usage":${chunkUsage(chunk, request.prompt_tokens)},"system_fingerprint":null,"metrics":${jsonValue(chunk.metrics)},` +
    `"kv_transfer_params":null},"stream_state":${JSON.stringify(state)}}`
  );
}

function checkChunk(
  { maxModelLen }: DerenderBounds,
  {
    generate_chunk: chunk,
    stream_state: state,
    prompt_token_ids: prompt,
  }: Extract<DerenderChatRequest, { stream: true }>,
): void {
  const count = chunk.choices.length;
  if (count > 1) {
    throw badRequest(`derender_chat_stream expects at most one choice per chunk (got ${count}).`);
  }
  const promptLength = prompt?.length ?? 0;
  const prior = state?.output_token_ids.length ?? 0;
  const delta = countTokens([chunk]);
  if (promptLength + prior + delta <= maxModelLen) return;
  throw badRequest(
    `prompt_token_ids length (${promptLength}) plus output_token_ids length (${prior}) plus delta (${delta}) exceeds ` +
      `max_model_len (${maxModelLen}).`,
  );
}

function head(
  context: ServingContext,
  { request_id: id }: Generated,
  model: string | null,
  object: string,
): string {
  const name = model || shownModel(context, null);
  return `{"id":${jsonString(id ?? '')},"object":"${object}","created":${createdSeconds(context)},"model":${jsonString(name)},"choices":[`;
}

function countTokens(responses: readonly Generated[]): number {
  return responses
    .flatMap(({ choices }) => choices)
    .reduce((sum, { token_ids: ids }) => sum + (ids?.length ?? 0), 0);
}

function chunkUsage({ usage }: Generated, promptTokens: number | null): string {
  if (usage === null) return 'null';
  return usageJson({
    promptTokens: promptTokens ?? usage.prompt_tokens ?? 0,
    completionTokens: usage.completion_tokens ?? 0,
    promptTokensDetails: 'null',
  });
}

/** Candidates that a chat shows; null: all there are. */
function chatLimit(original: DerenderChatRequest['chat_request']): number | null {
  if (original?.logprobs !== true || (original.logprob_token_ids ?? []).length > 0) return null;
  return original.top_logprobs === -1 ? null : original.top_logprobs;
}

function chatLogprobsJson(
  { tokenizer }: ServingContext,
  choice: GeneratedChoice,
  limit: number | null,
): string {
  const resolved = resolveLogprobs(choice, tokenizer);
  if (resolved === null) return 'null';
  return chatLogprobs(
    resolved.tokenIds,
    resolved.table,
    { tokenizer, limit, asTokenIds: false },
    false,
  );
}

function completionLogprobsJson(
  { tokenizer }: ServingContext,
  choice: GeneratedChoice,
  original: DerenderCompletionRequest['completion_request'],
  offset: number,
): { readonly json: string; readonly nextOffset: number | null } {
  const resolved = resolveLogprobs(choice, tokenizer);
  if (resolved === null) return { json: 'null', nextOffset: null };
  const count = original?.logprobs ?? null;
  const hasIds = (original?.logprob_token_ids ?? []).length > 0;
  const limit = count === null || count === -1 || hasIds ? null : count + 1;
  return completionLogprobs(
    resolved.tokenIds,
    resolved.table,
    { tokenizer, limit, asTokenIds: false },
    offset,
  );
}
