/**
 * Sampling parameters that come as vLLM's own struct, with the struct's defaults for what was left out.
 * Source: vllm/sampling_params.py SamplingParams, vllm/v1/serial_utils.py PydanticMsgspecMixin (0.33.0).
 */
import { RequestOutputKind } from '../../../shared/protocol/request.ts';
import { validationError } from '../../llm/errors.ts';
import { buildSamplingParams, type MutableSamplingParams } from '../../llm/sampling-params.ts';
import type { ServedModel } from '../../llm/served-model.ts';
import { maxTokensFor } from '../sampling-fields.ts';
import type { GenerateTokensRequest } from './request.ts';

/** The struct's own; a request that leaves it out gets what fits. */
const DEFAULT_MAX_TOKENS = 16;

/** Throws ApiError. `maxNumSequences` is VLLM_MAX_N_SEQUENCES. */
export function structSamplingParams(
  request: GenerateTokensRequest,
  model: ServedModel,
  maxNumSequences: number,
): MutableSamplingParams {
  const given = request.sampling_params;
  const isDetokenized = given.detokenize ?? true;
  const params = buildSamplingParams(
    {
      watermarking: model.asksForWatermarks ? (given.watermarking ?? null) : false,
      n: given.n ?? 1,
      repetitionPenalty: given.repetition_penalty ?? 1,
      presencePenalty: given.presence_penalty ?? 0,
      frequencyPenalty: given.frequency_penalty ?? 0,
      temperature: given.temperature ?? 1,
      topP: given.top_p ?? 1,
      topK: given.top_k ?? 0,
      minP: given.min_p ?? 0,
      seed: given.seed ?? null,
      stop: given.stop ?? null,
      stopTokenIds: given.stop_token_ids ?? null,
      badWords: given.bad_words ?? null,
      thinkingTokenBudget: given.thinking_token_budget ?? null,
      includeStopStrInOutput: given.include_stop_str_in_output ?? false,
      ignoreEos: given.ignore_eos ?? false,
      maxTokens: given.max_tokens === undefined ? DEFAULT_MAX_TOKENS : given.max_tokens,
      minTokens: given.min_tokens ?? 0,
      logprobs: given.logprobs ?? null,
      promptLogprobs: given.prompt_logprobs ?? null,
      logprobTokenIds: given.logprob_token_ids ?? null,
      skipSpecialTokens: given.skip_special_tokens ?? true,
      spacesBetweenSpecialTokens: given.spaces_between_special_tokens ?? true,
      outputKind: request.stream === true ? RequestOutputKind.DELTA : RequestOutputKind.FINAL_ONLY,
      streamInterval: given.stream_interval ?? null,
      structuredOutputs: given.structured_outputs ?? null,
      logitBias: given.logit_bias ?? null,
      allowedTokenIds: given.allowed_token_ids ?? null,
      extraArgs: extraArgs(request),
      repetitionDetection: given.repetition_detection ?? null,
      routedExpertsPromptStart: given.routed_experts_prompt_start ?? 0,
    },
    maxNumSequences,
  );
  if (!isDetokenized && (params.stop ?? []).length > 0) {
    throw validationError(
      'stop strings are only supported when detokenize is True. Set detokenize=True to use stop.',
    );
  }
  params.detokenize = isDetokenized;
  if (given.max_tokens === undefined)
    params.maxTokens = maxTokensFor(model, null, request.token_ids.length);
  return params;
}

function extraArgs(request: GenerateTokensRequest): Readonly<Record<string, unknown>> | null {
  const { kv_transfer_params: kv, ec_transfer_params: ec, sampling_params: given } = request;
  const args = {
    ...given.extra_args,
    ...(kv === null ? {} : { kv_transfer_params: kv }),
    ...(ec === null ? {} : { ec_transfer_params: ec }),
  };
  return Object.keys(args).length === 0 ? null : args;
}
