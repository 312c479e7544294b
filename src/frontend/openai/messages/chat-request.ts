/**
 * From a message request to the chat completion request that serves it.
 * Source: vllm/entrypoints/anthropic/serving.py to_chat_completion_request (0.33.0).
 */
import { isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import type { ChatCompletionRequest } from '../chat/request.ts';
import type { RequestParser } from '../request-parser.ts';
import { type ConversionOptions, toChatMessages } from './chat-messages.ts';
import type { CountTokensRequest, MessagesRequest } from './request.ts';
import { chatToolChoice, chatTools } from './tools.ts';

export interface ChatRequestOptions extends ConversionOptions {
  /** What `thinking: disabled` asks the template for. */
  readonly disabledThinkingEffort: string;
}

type Mutable = { -readonly [Key in keyof ChatCompletionRequest]: ChatCompletionRequest[Key] };

/**
 * Tools, streaming and thinking are set on the checked request, past the checks that a chat request's own body has.
 * Throws ApiError.
 */
export function toChatRequest(
  parser: RequestParser,
  request: MessagesRequest | CountTokensRequest,
  options: ChatRequestOptions,
): ChatCompletionRequest {
  const body: Record<string, PyValue> = {
    model: request.model,
    messages: toChatMessages(request, options),
  };
  if ('max_tokens' in request) Object.assign(body, samplingOf(request));
  if (request.chat_template_kwargs !== null)
    body['chat_template_kwargs'] = request.chat_template_kwargs;
  const chat = parser.check('chat-completion-request', body) as Mutable & {
    parallel_tool_calls?: boolean;
  };
  if ('stream' in request && request.stream === true) {
    chat.stream = true;
    chat.stream_options = { include_usage: true, continuous_usage_stats: true };
  }
  setOutputConfig(chat, request);
  setThinking(chat, request, options);
  const choice = request.tool_choice;
  chat.tool_choice = chatToolChoice(choice);
  if (choice !== null) chat.parallel_tool_calls = choice.disable_parallel_tool_use !== true;
  const tools = chatTools(request);
  if (tools !== null) {
    chat.tool_choice ??= 'auto';
    chat.tools = tools;
  }
  return chat;
}

/** What is set of the fields that both APIs have. */
function samplingOf(request: MessagesRequest): PyDict {
  const fields: Record<string, PyValue> = {
    max_tokens: request.max_tokens,
    max_completion_tokens: request.max_tokens,
    stop: request.stop_sequences,
    temperature: request.temperature,
    top_p: request.top_p,
    top_k: request.top_k,
    watermarking: request.watermarking,
    cache_salt: request.cache_salt,
    kv_transfer_params: request.kv_transfer_params,
    ec_transfer_params: request.ec_transfer_params,
    vllm_xargs: request.vllm_xargs,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

function setOutputConfig(chat: Mutable, { output_config: config }: CountTokensRequest): void {
  const schema = config?.format?.schema ?? null;
  if (config?.format && isDict(schema) && Object.keys(schema).length > 0) {
    const { type } = config.format;
    chat.response_format = { type, json_schema: { name: type, schema } };
  }
  if (config !== null && config.effort !== null) chat.reasoning_effort = config.effort;
}

function setThinking(
  chat: Mutable,
  { thinking }: CountTokensRequest,
  { disabledThinkingEffort }: ChatRequestOptions,
): void {
  if (thinking?.type === 'disabled') chat.reasoning_effort = disabledThinkingEffort;
  else if (thinking?.type === 'enabled')
    chat.thinking_token_budget = thinking.budget_tokens ?? null;
}
