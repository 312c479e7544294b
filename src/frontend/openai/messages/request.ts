/**
 * Checked bodies of /v1/messages and /v1/messages/count_tokens.
 * Source: vllm/entrypoints/anthropic/protocol.py (0.33.0).
 */
import type { PyDict, PyValue } from '../../../shared/python/values.ts';

export interface ContentBlock {
  readonly type: string;
  readonly text: string | null;
  readonly source: PyDict | null;
  readonly id: string | null;
  readonly tool_use_id: string | null;
  readonly name: string | null;
  readonly input: PyDict | null;
  readonly content: string | readonly PyDict[] | null;
  readonly thinking: string | null;
  /** What a tool_addition or tool_removal names or defines. */
  readonly tool: ToolChange | null;
}

export type ToolChange =
  | { readonly type: 'tool_reference'; readonly name: string }
  | { readonly type: 'tool_definition'; readonly definition: AnthropicTool };

export interface AnthropicMessage {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string | readonly ContentBlock[];
}

export interface AnthropicTool {
  readonly name: string;
  readonly description: string | null;
  readonly input_schema: PyDict;
  readonly strict: boolean | null;
  readonly defer_loading: boolean | null;
}

export interface AnthropicToolChoice {
  readonly type: 'auto' | 'any' | 'tool' | 'none';
  readonly name: string | null;
  readonly disable_parallel_tool_use: boolean | null;
}

export interface AnthropicThinking {
  readonly type: 'enabled' | 'disabled' | 'adaptive';
  readonly budget_tokens?: number;
}

export interface CountTokensRequest {
  readonly model: string;
  readonly messages: readonly AnthropicMessage[];
  readonly output_config: {
    readonly effort: string | null;
    readonly format: { readonly schema: PyDict | null; readonly type: string } | null;
  } | null;
  readonly system: string | readonly ContentBlock[] | null;
  readonly thinking: AnthropicThinking | null;
  readonly tool_choice: AnthropicToolChoice | null;
  readonly tools: readonly AnthropicTool[] | null;
  readonly chat_template_kwargs: PyDict | null;
}

export interface MessagesRequest extends CountTokensRequest {
  readonly max_tokens: number;
  readonly stop_sequences: readonly string[] | null;
  readonly stream: boolean | null;
  readonly temperature: number | null;
  readonly top_k: number | null;
  readonly top_p: number | null;
  readonly watermarking: boolean | null;
  readonly cache_salt: string | null;
  readonly kv_transfer_params: PyDict | null;
  readonly ec_transfer_params: PyDict | null;
  readonly vllm_xargs: Readonly<Record<string, PyValue>> | null;
}
