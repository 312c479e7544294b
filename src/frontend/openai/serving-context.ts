/** What the completion, chat and other endpoints share. Source: vllm/entrypoints/generate/base/serving.py (0.33.0). */

import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { AsyncLLM } from '../llm/async-llm.ts';
import { notFound } from '../llm/errors.ts';
import { randomUuid } from '../llm/random-uuid.ts';
import type { SamplingFields } from '../llm/sampling-params.ts';
import type { ServedModel } from '../llm/served-model.ts';
import type { RequestStateStats } from '../metrics/iteration-stats.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { jsonFloat } from './json-text.ts';
import type { ModelRegistry } from './model-registry.ts';
import type { OnlineRenderer } from './renderer.ts';
import type { GenerationRequest, StreamOptions } from './request-types.ts';

export interface ServingContext {
  readonly llm: AsyncLLM;
  readonly models: ModelRegistry;
  readonly renderer: OnlineRenderer;
  readonly tokenizer: Tokenizer;
  readonly model: ServedModel;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxNumSequences: number;
  readonly responseRole: string;
  readonly returnTokensAsTokenIds: boolean;
  readonly enablePromptTokensDetails: boolean;
  readonly enableForceIncludeUsage: boolean;
  readonly enablePerRequestMetrics: boolean;
  readonly skipModelNameValidation: boolean;
}

/** The headers that change how a request is served; names are lower case. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

function header(headers: RequestHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : (value?.[0] ?? null);
}

/** The id from `X-Request-Id`, the body, or a new one. */
export function baseRequestId(headers: RequestHeaders, requestId: string | null): string {
  return header(headers, 'x-request-id') ?? requestId ?? randomUuid();
}

/** Python's int(): null for what it would not take. */
function parsePyInt(text: string | null): number | null {
  if (text === null || !/^\s*[+-]?\d+(_\d+)*\s*$/.test(text)) return null;
  return Number(text.replaceAll('_', ''));
}

/** A rank that is no number is ignored. */
export function dataParallelRank(headers: RequestHeaders): number | null {
  return parsePyInt(header(headers, 'x-data-parallel-rank'));
}

export function requestPriority(headers: RequestHeaders, priority: number | bigint): number {
  return parsePyInt(header(headers, 'x-vllm-priority')) ?? Number(priority);
}

export function requestSessionId(
  headers: RequestHeaders,
  request: { session_id: string | null; vllm_xargs: Readonly<Record<string, unknown>> | null },
): string | null {
  if (request.session_id) return request.session_id;
  const fromHeader = header(headers, 'x-session-id');
  if (fromHeader) return fromHeader;
  const fromArgs = request.vllm_xargs?.['session_id'];
  return typeof fromArgs === 'string' && fromArgs !== '' ? fromArgs : null;
}

/** Throws the 404 of a model that is not served. */
export function checkModel(context: ServingContext, model: string | null): void {
  if (!model || context.skipModelNameValidation || context.models.has(model)) return;
  const aliases = context.model.servedModelNames.join(', ');
  throw notFound(`The model \`${model}\` does not exist. Valid aliases: ${aliases}.`, 'model');
}

export interface UsageOptions {
  readonly includeUsage: boolean;
  readonly includeContinuousUsage: boolean;
}

export function usageOptions(context: ServingContext, options: StreamOptions | null): UsageOptions {
  if (context.enableForceIncludeUsage) return { includeUsage: true, includeContinuousUsage: true };
  const includeUsage = options?.include_usage === true;
  return {
    includeUsage,
    includeContinuousUsage: includeUsage && options?.continuous_usage_stats === true,
  };
}

/** How many tokens may be generated: what fits, what was asked for, what the server allows. Source: get_max_tokens. */
export function maxTokensFor(
  model: ServedModel,
  asked: number | null,
  promptLength: number,
): number {
  const fits = model.maxModelLen - promptLength;
  const wanted = asked ?? model.defaultSamplingParams['max_tokens'] ?? null;
  return wanted === null ? fits : Math.min(fits, wanted);
}

const OPENAI_DEFAULTS = {
  repetition_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  temperature: 1,
  top_p: 1,
  top_k: 0,
  min_p: 0,
} as const;

/** The sampling fields that both APIs fill alike. */
export function commonSamplingFields(
  request: GenerationRequest,
  model: ServedModel,
): Omit<SamplingFields, 'logprobs' | 'promptLogprobs' | 'maxTokens' | 'outputKind'> {
  const defaults = model.defaultSamplingParams;
  const pick = (name: keyof typeof OPENAI_DEFAULTS): number =>
    request[name] ?? defaults[name] ?? OPENAI_DEFAULTS[name];
  return {
    n: request.n,
    repetitionPenalty: pick('repetition_penalty'),
    presencePenalty: pick('presence_penalty'),
    frequencyPenalty: pick('frequency_penalty'),
    temperature: pick('temperature'),
    topP: pick('top_p'),
    topK: pick('top_k'),
    minP: pick('min_p'),
    seed: request.seed,
    stop: request.stop,
    stopTokenIds: request.stop_token_ids,
    badWords: request.bad_words,
    thinkingTokenBudget: request.thinking_token_budget,
    includeStopStrInOutput: request.include_stop_str_in_output,
    ignoreEos: request.ignore_eos,
    minTokens: request.min_tokens,
    logprobTokenIds: request.logprob_token_ids?.length ? request.logprob_token_ids : null,
    skipSpecialTokens: request.skip_special_tokens ?? true,
    spacesBetweenSpecialTokens: request.spaces_between_special_tokens,
    streamInterval: request.stream_interval,
    structuredOutputs: structuredOutputs(request),
    logitBias: request.logit_bias,
    allowedTokenIds: request.allowed_token_ids,
    extraArgs: extraArgs(request),
    repetitionDetection: request.repetition_detection,
    routedExpertsPromptStart: request.routed_experts_prompt_start,
  };
}

function extraArgs(request: GenerationRequest): Readonly<Record<string, unknown>> | null {
  const { vllm_xargs: xargs, kv_transfer_params: kv, ec_transfer_params: ec } = request;
  const args: Record<string, unknown> = { ...xargs };
  if (kv !== null && Object.keys(kv).length > 0) args['kv_transfer_params'] = kv;
  if (ec !== null && Object.keys(ec).length > 0) args['ec_transfer_params'] = ec;
  return Object.keys(args).length === 0 ? null : args;
}

const NO_STRUCTURE = {
  json: null,
  regex: null,
  choice: null,
  grammar: null,
  json_object: null,
  disable_any_whitespace: false,
  disable_additional_properties: false,
  whitespace_pattern: null,
  structural_tag: null,
  _backend: null,
  _backend_was_auto: false,
} as const;

/** response_format overrides structured_outputs. Source: structured_outputs_from_response_format. */
function structuredOutputs(request: GenerationRequest): unknown {
  const { structured_outputs: given, response_format: format } = request;
  const base = given === null ? null : { ...NO_STRUCTURE, ...given };
  if (format === null || format['type'] === 'text') return base;
  const start = base ?? NO_STRUCTURE;
  if (format['type'] === 'json_object') return { ...start, json_object: true };
  if (format['type'] === 'json_schema') {
    const schema = format['json_schema'] as { schema?: unknown } | null;
    return { ...start, json: schema?.schema ?? null };
  }
  return { ...start, structural_tag: JSON.stringify(format) };
}

/** `usage` of a whole answer: every field. */
export function usageJson({
  promptTokens,
  completionTokens,
  promptTokensDetails,
}: {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly promptTokensDetails: string;
}): string {
  return (
    `{"prompt_tokens":${promptTokens},"total_tokens":${promptTokens + completionTokens},` +
    `"completion_tokens":${completionTokens},"prompt_tokens_details":${promptTokensDetails},"completion_tokens_details":null}`
  );
}

/** `usage` inside a stream: only what is set. */
export function streamUsageJson(
  promptTokens: number,
  completionTokens: number,
  details = '',
): string {
  return (
    `{"prompt_tokens":${promptTokens},"total_tokens":${promptTokens + completionTokens},` +
    `"completion_tokens":${completionTokens}${details}}`
  );
}

/** `metrics` of an answer with `--enable-per-request-metrics`. Source: build_per_request_timing_metrics. */
export function requestMetricsJson(
  stats: RequestStateStats,
  numTokens: number,
  skipNull: boolean,
): string {
  const { queuedTs, scheduledTs, firstTokenTs, lastTokenTs } = stats;
  const hasBoth = (from: number, to: number) => from > 0 && to > 0;
  const span = (from: number, to: number) => (hasBoth(from, to) ? (to - from) * 1000 : null);
  const decode = span(firstTokenTs, lastTokenTs);
  const inference = span(scheduledTs, lastTokenTs);
  const values: readonly (readonly [string, number | null])[] = [
    ['time_to_first_token_ms', span(scheduledTs, firstTokenTs)],
    ['generation_time_ms', decode],
    ['queue_time_ms', span(queuedTs, scheduledTs)],
    ['mean_itl_ms', decode !== null && numTokens > 1 ? decode / (numTokens - 1) : null],
    [
      'tokens_per_second',
      inference !== null && inference > 0 ? (numTokens / inference) * 1000 : null,
    ],
  ];
  const parts = values
    .filter(([, value]) => !skipNull || value !== null)
    .map(([name, value]) => `"${name}":${value === null ? 'null' : jsonFloat(value)}`);
  if (!skipNull) parts.push('"speculative_decoding":null');
  return `{${parts.join(',')}}`;
}

/** Values of kv_transfer_params and the like: whatever the engine sent. */
export function jsonValue(value: unknown): string {
  return value === null || value === undefined ? 'null' : JSON.stringify(value);
}
