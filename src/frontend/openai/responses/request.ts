/** A checked body of /v1/responses. Source: vllm/entrypoints/openai/responses/protocol.py ResponsesRequest (0.33.0). */
import type { PyDict } from '../../../shared/python/values.ts';

export interface ResponsesRequest {
  readonly watermarking: boolean | null;
  readonly model: string | null;
  readonly input: string | readonly PyDict[];
  readonly instructions: string | null;
  readonly max_output_tokens: number | null;
  readonly stream: boolean | null;
  readonly store: boolean | null;
  readonly background: boolean | null;
  readonly previous_response_id: string | null;
  readonly previous_input_messages: readonly unknown[] | null;
  readonly request_id: string | null;
  readonly include: readonly string[] | null;
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly top_k: number | null;
  readonly min_p: number | null;
  readonly top_logprobs: number;
  readonly repetition_penalty: number | null;
  readonly presence_penalty: number | null;
  readonly frequency_penalty: number | null;
  readonly seed: number | bigint | null;
  readonly stop: string | readonly string[] | null;
  readonly stop_token_ids: readonly number[] | null;
  readonly ignore_eos: boolean;
  readonly logit_bias: Readonly<Record<string, number>> | null;
  readonly vllm_xargs: Readonly<Record<string, unknown>> | null;
  readonly kv_transfer_params: Readonly<Record<string, unknown>> | null;
  readonly ec_transfer_params: Readonly<Record<string, unknown>> | null;
  readonly skip_special_tokens: boolean | null;
  readonly spaces_between_special_tokens: boolean;
  readonly include_stop_str_in_output: boolean;
  readonly truncation: string | null;
  readonly chat_template_kwargs: PyDict | null;
  readonly mm_processor_kwargs: PyDict | null;
  readonly media_io_kwargs: PyDict | null;
  readonly reasoning: PyDict | null;
  readonly include_reasoning: boolean;
  readonly enable_response_messages: boolean;
  readonly tools: readonly PyDict[];
  readonly tool_choice: unknown;
  readonly parallel_tool_calls: boolean | null;
  readonly metadata: unknown;
  readonly service_tier: string;
  readonly text: PyDict | null;
  readonly user: string | null;
  readonly max_tool_calls: number | null;
  readonly prompt_cache_key: string | null;
  readonly prompt_cache_retention: string | null;
  readonly prompt_cache_options: unknown;
  readonly safety_identifier: string | null;
  readonly structured_outputs: PyDict | null;
  readonly priority: number | bigint;
  readonly session_id: string | null;
  readonly cache_salt: string | null;
}

export function wantsLogprobs({ include }: ResponsesRequest): boolean {
  return include?.includes('message.output_text.logprobs') === true;
}
