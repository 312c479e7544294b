/**
 * Request bodies once they passed their schema: OpenAI's and vLLM's own field names, every field present.
 * Source: vllm/entrypoints/openai/{completion,chat_completion}/protocol.py, serve/tokenize/protocol.py (0.33.0).
 */

import type { PyDict, PyValue } from '../../shared/python/values.ts';
import type { LazyItems } from '../pydantic/schema-validator.ts';

export interface StreamOptions {
  readonly include_usage: boolean | null;
  readonly continuous_usage_stats: boolean | null;
}

export interface RepetitionDetection {
  readonly max_pattern_size: number;
  readonly min_pattern_size: number;
  readonly min_count: number;
}

/** The fields that /v1/completions and /v1/chat/completions share. */
export interface GenerationRequest {
  readonly model: string | null;
  readonly frequency_penalty: number | null;
  readonly presence_penalty: number | null;
  readonly repetition_penalty: number | null;
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly top_k: number | null;
  readonly min_p: number | null;
  readonly watermarking: boolean | null;
  readonly logit_bias: Readonly<Record<string, number>> | null;
  readonly max_tokens: number | null;
  readonly n: number | null;
  readonly seed: number | bigint | null;
  readonly stop: string | readonly string[] | null;
  readonly stream: boolean | null;
  readonly stream_options: StreamOptions | null;
  readonly use_beam_search: boolean;
  readonly stop_token_ids: readonly number[] | null;
  readonly include_stop_str_in_output: boolean;
  readonly ignore_eos: boolean;
  readonly min_tokens: number;
  readonly skip_special_tokens: boolean | null;
  readonly spaces_between_special_tokens: boolean;
  readonly truncate_prompt_tokens: number | null;
  readonly truncation_side: 'left' | 'right' | null;
  readonly allowed_token_ids: readonly number[] | null;
  readonly prompt_logprobs: number | null;
  readonly logprob_token_ids: readonly number[] | null;
  readonly bad_words: readonly string[];
  readonly add_special_tokens: boolean;
  readonly response_format: PyDict | null;
  readonly structured_outputs: PyDict | null;
  readonly priority: number | bigint;
  readonly request_id: string | null;
  readonly session_id: string | null;
  readonly return_tokens_as_token_ids: boolean | null;
  readonly return_token_ids: boolean | null;
  readonly return_weight_versions: boolean;
  readonly routed_experts_prompt_start: number;
  readonly cache_salt: string | null;
  readonly kv_transfer_params: Readonly<Record<string, unknown>> | null;
  readonly ec_transfer_params: Readonly<Record<string, unknown>> | null;
  readonly vllm_xargs: Readonly<Record<string, unknown>> | null;
  readonly repetition_detection: RepetitionDetection | null;
  readonly thinking_token_budget: number | null;
  readonly stream_interval: number | null;
}

export type CompletionPrompt =
  | string
  | readonly string[]
  | readonly number[]
  | readonly (readonly number[])[];

export interface CompletionRequest extends GenerationRequest {
  readonly prompt: CompletionPrompt | null;
  readonly prompt_embeds: string | readonly string[] | null;
  readonly echo: boolean | null;
  readonly logprobs: number | null;
  readonly suffix: string | null;
  readonly n: number;
}

/** A message that passed its schema; `content` may be checked only when it is read. */
export type ChatMessageParam = Readonly<Record<string, PyValue | LazyItems>>;

export interface ChatCompletionRequest extends GenerationRequest {
  readonly messages: readonly ChatMessageParam[];
  readonly logprobs: boolean | null;
  readonly top_logprobs: number;
  readonly max_completion_tokens: number | null;
  readonly tools: readonly PyDict[] | null;
  readonly tool_choice: string | PyDict | null;
  readonly reasoning_effort: string | null;
  readonly include_reasoning: boolean;
  readonly echo: boolean;
  readonly add_generation_prompt: boolean;
  readonly continue_final_message: boolean;
  readonly documents: readonly PyDict[] | null;
  readonly chat_template: string | null;
  readonly chat_template_kwargs: PyDict | null;
  readonly mm_processor_kwargs: PyDict | null;
  readonly media_io_kwargs: PyDict | null;
  readonly return_prompt_text: boolean | null;
}

export interface TokenizeCompletionRequest {
  readonly model: string | null;
  readonly prompt: string;
  readonly add_special_tokens: boolean;
  readonly return_token_strs: boolean | null;
}

export interface TokenizeChatRequest {
  readonly model: string | null;
  readonly messages: readonly ChatMessageParam[];
  readonly add_generation_prompt: boolean;
  readonly return_token_strs: boolean | null;
  readonly continue_final_message: boolean;
  readonly add_special_tokens: boolean;
  readonly chat_template: string | null;
  readonly chat_template_kwargs: PyDict | null;
  readonly mm_processor_kwargs: PyDict | null;
  readonly media_io_kwargs: PyDict | null;
  readonly tools: readonly PyDict[] | null;
}

export interface DetokenizeRequest {
  readonly model: string | null;
  readonly tokens: readonly number[];
}
