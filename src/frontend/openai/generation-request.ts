/**
 * What request bodies have in common once they passed their schema: OpenAI's and vLLM's own field names, every field
 * present. Source: vllm/entrypoints/generate/base/protocol.py (0.33.0).
 */
import type { PyDict } from '../../shared/python/values.ts';
import type { RepetitionDetection } from '../llm/sampling-params.ts';

export interface StreamOptions {
  readonly include_usage: boolean | null;
  readonly continuous_usage_stats: boolean | null;
}

/** What of a request its sampling parameters are made from. */
export interface SamplingRequest {
  readonly watermarking: boolean | null;
  readonly frequency_penalty: number | null;
  readonly presence_penalty: number | null;
  readonly repetition_penalty: number | null;
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly top_k: number | null;
  readonly min_p: number | null;
  readonly logit_bias: Readonly<Record<string, number>> | null;
  readonly n: number | null;
  readonly seed: number | bigint | null;
  readonly stop: string | readonly string[] | null;
  readonly stream: boolean | null;
  readonly stop_token_ids: readonly number[] | null;
  readonly include_stop_str_in_output: boolean;
  readonly ignore_eos: boolean;
  readonly min_tokens: number;
  readonly skip_special_tokens: boolean | null;
  readonly spaces_between_special_tokens: boolean;
  readonly allowed_token_ids: readonly number[] | null;
  readonly logprob_token_ids: readonly number[] | null;
  readonly bad_words: readonly string[];
  readonly response_format: PyDict | null;
  readonly structured_outputs: PyDict | null;
  readonly routed_experts_prompt_start: number;
  readonly kv_transfer_params: Readonly<Record<string, unknown>> | null;
  readonly ec_transfer_params: Readonly<Record<string, unknown>> | null;
  readonly vllm_xargs: Readonly<Record<string, unknown>> | null;
  readonly repetition_detection: RepetitionDetection | null;
  readonly thinking_token_budget: number | null;
  readonly stream_interval: number | null;
}

/** The fields that /v1/completions and /v1/chat/completions share. */
export interface GenerationRequest extends SamplingRequest {
  readonly model: string | null;
  readonly max_tokens: number | null;
  readonly stream_options: StreamOptions | null;
  readonly use_beam_search: boolean;
  readonly length_penalty: number;
  readonly truncate_prompt_tokens: number | null;
  readonly truncation_side: 'left' | 'right' | null;
  readonly prompt_logprobs: number | null;
  readonly add_special_tokens: boolean;
  readonly priority: number | bigint;
  readonly request_id: string | null;
  readonly session_id: string | null;
  readonly return_tokens_as_token_ids: boolean | null;
  readonly return_token_ids: boolean | null;
  readonly return_weight_versions: boolean;
  readonly cache_salt: string | null;
}
