/**
 * From a request's fields to those of its sampling parameters. Pure.
 * Source: vllm/entrypoints/openai/{completion,chat_completion}/protocol.py to_sampling_params (0.33.0).
 */
import { RequestOutputKind } from '../../shared/protocol/request.ts';
import type { BeamSearchLimits } from '../llm/beam-search.ts';
import type { BeamSearchParams } from '../llm/beams.ts';
import type { SamplingFields } from '../llm/sampling-params.ts';
import type { ServedModel } from '../llm/served-model.ts';
import type { GenerationRequest, SamplingRequest } from './generation-request.ts';
import type { ServingContext } from './serving-context.ts';

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

/** Null for a request that searches no beams. Source: to_beam_search_params. */
export function beamSearchParams(
  request: GenerationRequest,
  model: ServedModel,
  maxTokens: number,
): BeamSearchParams | null {
  if (!request.use_beam_search) return null;
  return {
    beamWidth: request.n ?? 1,
    maxTokens,
    ignoreEos: request.ignore_eos,
    temperature: request.temperature ?? model.defaultSamplingParams['temperature'] ?? 1,
    lengthPenalty: request.length_penalty,
    includeStopStrInOutput: request.include_stop_str_in_output,
    skipSpecialTokens: request.skip_special_tokens ?? true,
    allowedTokenIds: request.allowed_token_ids,
  };
}

export function beamSearchLimitsOf({
  model,
  maxNumSequences,
}: Pick<ServingContext, 'model' | 'maxNumSequences'>): BeamSearchLimits {
  return { maxNumSequences, asksForWatermarks: model.asksForWatermarks };
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

/** What each endpoint works out in its own way. */
type OwnSamplingFields = Pick<SamplingFields, 'logprobs' | 'promptLogprobs' | 'maxTokens'>;

/** The sampling fields of a request: most of them all endpoints fill alike. */
export function samplingFields(
  request: SamplingRequest,
  model: ServedModel,
  own: OwnSamplingFields,
): SamplingFields {
  const defaults = model.defaultSamplingParams;
  const pick = (name: keyof typeof OPENAI_DEFAULTS): number =>
    request[name] ?? defaults[name] ?? OPENAI_DEFAULTS[name];
  return {
    watermarking: model.asksForWatermarks ? request.watermarking : false,
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
    maxTokens: own.maxTokens,
    minTokens: request.min_tokens,
    logprobs: own.logprobs,
    promptLogprobs: own.promptLogprobs,
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
    outputKind: request.stream === true ? RequestOutputKind.DELTA : RequestOutputKind.FINAL_ONLY,
  };
}

function extraArgs(request: SamplingRequest): Readonly<Record<string, unknown>> | null {
  const { vllm_xargs: xargs, kv_transfer_params: kv, ec_transfer_params: ec } = request;
  if (xargs === null && kv === null && ec === null) return null;
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
function structuredOutputs(request: SamplingRequest): unknown {
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
