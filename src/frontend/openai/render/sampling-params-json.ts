/**
 * Sampling parameters as a request carries them to another server: vLLM's struct without what is at its default. Pure.
 * Source: vllm/v1/serial_utils.py PydanticMsgspecMixin._serialize_msgspec (0.33.0).
 */
import { jsonFloat, jsonIntegers, jsonValue } from '../../../shared/python/json-text.ts';
import type { MutableSamplingParams } from '../../llm/sampling-params.ts';

/** The struct's own default. */
const DEFAULT_MAX_TOKENS = 16;

/** msgspec leaves out what is the very object of the default: floats and lists that were set never are. */
export function samplingParamsJson(params: MutableSamplingParams): string {
  const strings = (values: readonly string[] | null) => JSON.stringify(values ?? []);
  // Greedy sampling sets these to the default itself.
  const isGreedy = params.temperature === 0;
  const fields: readonly (readonly [string, string | null])[] = [
    ['n', params.n === 1 ? null : String(params.n)],
    ['presence_penalty', jsonFloat(params.presencePenalty)],
    ['frequency_penalty', jsonFloat(params.frequencyPenalty)],
    ['repetition_penalty', jsonFloat(params.repetitionPenalty)],
    ['temperature', jsonFloat(params.temperature)],
    ['top_p', isGreedy ? null : jsonFloat(params.topP)],
    ['top_k', params.topK === 0 ? null : String(params.topK)],
    ['min_p', isGreedy ? null : jsonFloat(params.minP)],
    ['seed', given(params.seed)],
    ['stop', strings(params.stop)],
    ['stop_token_ids', jsonIntegers(params.stopTokenIds ?? [])],
    ['ignore_eos', flag(params.ignoreEos, false)],
    ['max_tokens', params.maxTokens === DEFAULT_MAX_TOKENS ? null : String(params.maxTokens)],
    ['min_tokens', params.minTokens === 0 ? null : String(params.minTokens)],
    ['logprobs', given(params.logprobs)],
    ['prompt_logprobs', given(params.promptLogprobs)],
    ['logprob_token_ids', ids(params.logprobTokenIds)],
    ['skip_special_tokens', flag(params.skipSpecialTokens, true)],
    ['spaces_between_special_tokens', flag(params.spacesBetweenSpecialTokens, true)],
    ['include_stop_str_in_output', flag(params.includeStopStrInOutput, false)],
    ['output_kind', params.outputKind === 0 ? null : String(params.outputKind)],
    ['stream_interval', given(params.streamInterval)],
    ['skip_clone', flag(params.skipClone, false)],
    [
      'output_text_buffer_length',
      params.outputTextBufferLength === 0 ? null : String(params.outputTextBufferLength),
    ],
    [
      'structured_outputs',
      params.structuredOutputs === null ? null : jsonValue(params.structuredOutputs),
    ],
    ['logit_bias', params.logitBias === null ? null : biasJson(params.logitBias)],
    ['allowed_token_ids', ids(params.allowedTokenIds)],
    ['extra_args', params.extraArgs === null ? null : jsonValue(params.extraArgs)],
    ['bad_words', strings(params.badWords)],
    ['skip_reading_prefix_cache', String(params.skipReadingPrefixCache)],
    ['thinking_token_budget', given(params.thinkingTokenBudget)],
    [
      'routed_experts_prompt_start',
      params.routedExpertsPromptStart === 0 ? null : String(params.routedExpertsPromptStart),
    ],
  ];
  const shown = fields
    .filter(([, json]) => json !== null)
    .map(([name, json]) => `"${name}":${json}`);
  return `{${shown.join(',')}}`;
}

function given(value: number | bigint | null): string | null {
  return value === null ? null : String(value);
}

function flag(value: boolean, fallback: boolean): string | null {
  return value === fallback ? null : String(value);
}

function ids(values: readonly number[] | null): string | null {
  return values === null ? null : jsonIntegers(values);
}

function biasJson(bias: Readonly<Record<string, number>>): string {
  return `{${Object.entries(bias)
    .map(([id, value]) => `"${id}":${jsonFloat(value)}`)
    .join(',')}}`;
}
