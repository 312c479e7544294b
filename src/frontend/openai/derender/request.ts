/**
 * Checked bodies of /v1/chat/completions/derender and /v1/completions/derender.
 * Source: vllm/entrypoints/scale_out/token_in_token_out/protocol.py (0.33.0).
 */
import type { ChatCompletionRequest } from '../chat/request.ts';
import type { CompletionRequest } from '../completions/request.ts';

export interface TokenLogprob {
  readonly token_id: number;
  readonly logprob: number;
  readonly top_logprobs?: readonly TokenLogprob[] | null;
}

export interface GeneratedChoice {
  readonly index: number;
  readonly finish_reason: string | null;
  readonly stop_reason: number | string | null;
  readonly token_ids: readonly number[] | null;
  readonly logprobs: { readonly content: readonly TokenLogprob[] | null } | null;
}

/** What /inference/v1/generate answered, whole or a chunk of it. */
export interface Generated {
  readonly request_id: string | null;
  readonly choices: readonly GeneratedChoice[];
  readonly usage: {
    readonly prompt_tokens: number | null;
    readonly completion_tokens: number | null;
  } | null;
  readonly prompt_token_ids: readonly number[] | null;
  readonly prompt_logprobs: readonly unknown[] | null;
  readonly kv_transfer_params: unknown;
  readonly metrics: unknown;
}

/** What a client carries from one chunk to the next. */
export interface DerenderStreamState {
  readonly prev_tokens: readonly string[];
  readonly prefix_offset: number;
  readonly read_offset: number;
  readonly role_sent: boolean;
  readonly logprob_context_token_ids: readonly number[];
  readonly logprob_text_offset: number;
  readonly output_token_ids: readonly number[];
  readonly output_chunk_lens: readonly number[];
  readonly tools_streamed: boolean;
  readonly last_tool_call_ids: readonly string[];
}

interface StreamPart {
  readonly stream: true;
  readonly model: string | null;
  readonly generate_chunk: Generated;
  readonly stream_state: DerenderStreamState | null;
  readonly prompt_tokens: number | null;
  readonly prompt_token_ids: readonly number[] | null;
}

export type DerenderChatRequest =
  | {
      readonly stream: false;
      readonly model: string | null;
      readonly generate_response: Generated;
      readonly prompt_tokens: number | null;
      readonly prompt_token_ids: readonly number[] | null;
      readonly chat_request: ChatCompletionRequest | null;
    }
  | (StreamPart & { readonly chat_request: ChatCompletionRequest | null });

export type DerenderCompletionRequest =
  | {
      readonly stream: false;
      readonly model: string | null;
      readonly generate_responses: readonly Generated[];
      readonly prompt_tokens: readonly number[] | null;
      readonly prompt_token_ids: readonly (readonly number[] | null)[] | null;
      readonly completion_request: CompletionRequest | null;
    }
  | (StreamPart & { readonly completion_request: CompletionRequest | null });
