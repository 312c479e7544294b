/**
 * A whole response as text, in vLLM's key order.
 * Source: vllm/entrypoints/openai/responses/protocol.py ResponsesResponse.from_request (0.33.0).
 */
import {
  jsonFloat,
  jsonNullable,
  jsonString,
  jsonValue,
} from '../../../shared/python/json-text.ts';
import { isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { badRequest } from '../../llm/errors.ts';
import type { MutableSamplingParams } from '../../llm/sampling-params.ts';
import { pydanticErrorText } from '../../pydantic/error-text.ts';
import type { LineError } from '../../pydantic/validation-walk.ts';
import type { ResponsesRequest } from './request.ts';

export interface ResponseFrame {
  readonly request: ResponsesRequest;
  readonly id: string;
  readonly params: MutableSamplingParams;
  /** Seconds. */
  readonly created: number;
  readonly model: string;
}

/** What there is of an answer; each text is JSON. */
export interface ResponseParts {
  readonly status: string;
  readonly output: string;
  readonly usage: string;
  /** Null: the server does not tell them. */
  readonly metrics: string | null;
  readonly kvTransferParams: unknown;
  readonly ecTransferParams: unknown;
  readonly inputMessages: string;
  readonly outputMessages: string;
}

export const NO_PARTS: ResponseParts = {
  status: 'queued',
  output: '[]',
  usage: 'null',
  metrics: null,
  kvTransferParams: null,
  ecTransferParams: null,
  inputMessages: 'null',
  outputMessages: 'null',
};

/** Throws ApiError where the request's own fields are none that a response can have. */
export function responseJson(
  { request, id, params, created, model }: ResponseFrame,
  parts: ResponseParts,
): string {
  checkEchoed(request);
  const { status } = parts;
  return (
    `{"id":${jsonString(id)},"created_at":${created},` +
    `"incomplete_details":${status === 'incomplete' ? '{"reason":"max_output_tokens"}' : 'null'},` +
    `"instructions":${jsonNullable(request.instructions)},"metadata":${jsonValue(request.metadata)},"model":${jsonString(model)},` +
    `"object":"response","output":${parts.output},"parallel_tool_calls":${request.parallel_tool_calls ?? true},` +
    `"temperature":${jsonFloat(params.temperature)},"tool_choice":${jsonValue(request.tool_choice)},"tools":${jsonValue(request.tools)},` +
    `"top_p":${jsonFloat(params.topP)},"background":${jsonValue(request.background)},"max_output_tokens":${params.maxTokens},` +
    `"max_tool_calls":${jsonValue(request.max_tool_calls)},"previous_response_id":${jsonNullable(request.previous_response_id)},"prompt":null,` +
    `"prompt_cache_options":${jsonValue(cacheOptions(request.prompt_cache_options))},"prompt_cache_key":${jsonValue(request.prompt_cache_key)},` +
    `"prompt_cache_retention":${jsonValue(request.prompt_cache_retention)},"reasoning":${jsonValue(request.reasoning)},` +
    `"safety_identifier":${jsonValue(request.safety_identifier)},"service_tier":${jsonValue(request.service_tier)},"status":"${status}",` +
    `"text":${jsonValue(request.text)},"top_logprobs":${params.logprobs},"truncation":${jsonValue(request.truncation)},` +
    `"usage":${parts.usage},"user":${jsonValue(request.user)},${parts.metrics === null ? '' : `"metrics":${parts.metrics},`}` +
    `"presence_penalty":${jsonFloat(params.presencePenalty)},"frequency_penalty":${jsonFloat(params.frequencyPenalty)},` +
    `"kv_transfer_params":${jsonValue(parts.kvTransferParams)},"ec_transfer_params":${jsonValue(parts.ecTransferParams)},` +
    `"input_messages":${parts.inputMessages},"output_messages":${parts.outputMessages}}`
  );
}

/** `prewarm` is a request's alone. */
function cacheOptions(options: unknown): unknown {
  if (!isDict(options as PyValue)) return options;
  const { prewarm: _, ...shown } = options as PyDict;
  return shown;
}

/** Requests may leave null what a response has to say. */
function checkEchoed({ background, truncation }: ResponsesRequest): void {
  const errors: LineError[] = [];
  const base = { input: null, ctx: [] };
  if (background === null) {
    const msg = 'Input should be a valid boolean';
    errors.push({ ...base, type: 'bool_type', loc: ['background'], msg });
  }
  if (truncation === null) {
    const msg = "Input should be 'auto' or 'disabled'";
    errors.push({ ...base, type: 'literal_error', loc: ['truncation'], msg });
  }
  if (errors.length > 0) throw badRequest(pydanticErrorText('ResponsesResponse', errors));
}

export function rawMessage(text: string, tokenIds: readonly number[]): string {
  return `{"message":${jsonString(text)},"tokens":[${tokenIds.join(',')}],"type":"raw_message_tokens"}`;
}
