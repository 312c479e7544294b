/** Ids of tool calls. Source: vllm/renderers/chat_utils/tool_call.py, vllm/parser/mistral.py (0.33.0). */
import { randomInt } from 'node:crypto';
import { randomUuid } from '../../llm/random-uuid.ts';
import type { ToolCallIdType } from './types.ts';

const ALPHANUMERIC = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const MISTRAL_ID_LENGTH = 9;

export function randomToolCallId(): string {
  return `chatcmpl-tool-${randomUuid()}`;
}

export function makeToolCallId(type: ToolCallIdType, functionName: string, index: number): string {
  return type === 'kimi_k2' ? `functions.${functionName}:${index}` : randomToolCallId();
}

export function mistralToolCallId(): string {
  let id = '';
  while (id.length < MISTRAL_ID_LENGTH) id += ALPHANUMERIC[randomInt(ALPHANUMERIC.length)];
  return id;
}
