/** Checked bodies of /tokenize and /detokenize. Source: vllm/entrypoints/serve/tokenize/protocol.py (0.33.0). */
import type { PyDict } from '../../../shared/python/values.ts';
import type { ChatMessageParam } from '../chat/request.ts';

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

export type TokenizeRequest = TokenizeCompletionRequest | TokenizeChatRequest;

export interface DetokenizeRequest {
  readonly model: string | null;
  readonly tokens: readonly number[];
}
