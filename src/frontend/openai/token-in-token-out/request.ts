/**
 * A checked body of /inference/v1/generate. `sampling_params` has the fields that were given, no others.
 * Source: vllm/entrypoints/scale_out/token_in_token_out/protocol.py GenerateRequest (0.33.0).
 */
import type { PyDict } from '../../../shared/python/values.ts';
import type { RepetitionDetection } from '../../llm/sampling-params.ts';
import type { StreamOptions } from '../generation-request.ts';

export interface StructParams {
  readonly watermarking?: boolean | null;
  readonly n?: number;
  readonly presence_penalty?: number;
  readonly frequency_penalty?: number;
  readonly repetition_penalty?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly min_p?: number;
  readonly seed?: number | bigint | null;
  readonly stop?: string | readonly string[] | null;
  readonly stop_token_ids?: readonly number[] | null;
  readonly ignore_eos?: boolean;
  readonly max_tokens?: number | null;
  readonly min_tokens?: number;
  readonly logprobs?: number | null;
  readonly prompt_logprobs?: number | null;
  readonly prompt_logprob_token_ids?: readonly (readonly number[])[] | null;
  readonly logprob_token_ids?: readonly number[] | null;
  readonly detokenize?: boolean;
  readonly skip_special_tokens?: boolean;
  readonly spaces_between_special_tokens?: boolean;
  readonly include_stop_str_in_output?: boolean;
  readonly stream_interval?: number | null;
  readonly structured_outputs?: unknown;
  readonly logit_bias?: Readonly<Record<string, number>> | null;
  readonly allowed_token_ids?: readonly number[] | null;
  readonly extra_args?: Readonly<Record<string, unknown>> | null;
  readonly bad_words?: readonly string[] | null;
  readonly thinking_token_budget?: number | null;
  readonly repetition_detection?: RepetitionDetection | null;
  readonly routed_experts_prompt_start?: number;
}

export type OutputMode = 'tokens' | 'text' | 'derender';

export interface GenerateTokensRequest {
  readonly request_id: string | null;
  readonly token_ids: readonly number[];
  readonly features: PyDict | null;
  readonly content_parts: readonly PyDict[] | null;
  readonly sampling_params: StructParams;
  readonly model: string | null;
  readonly return_token_ids: boolean | null;
  readonly output_mode: OutputMode;
  readonly parse_context: PyDict | null;
  readonly reasoning_ended: boolean | null;
  readonly reasoning_parser_kwargs: PyDict | null;
  readonly stream: boolean | null;
  readonly stream_options: StreamOptions | null;
  readonly cache_salt: string | null;
  readonly priority: number | bigint;
  readonly kv_transfer_params: PyDict | null;
  readonly ec_transfer_params: PyDict | null;
}
