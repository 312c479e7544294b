/**
 * A checked body of /v1/chat/completions/batch: a chat completion with several conversations, and whatever else was sent.
 * Source: vllm/entrypoints/openai/chat_completion/protocol.py BatchChatCompletionRequest (0.33.0).
 */
import type { ChatCompletionRequest, ChatMessageParam } from '../chat/request.ts';

export type BatchChatCompletionRequest = Omit<ChatCompletionRequest, 'messages'> & {
  readonly messages: readonly (readonly ChatMessageParam[])[];
};
