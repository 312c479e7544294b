/** The items of a response as text, in vLLM's key order. Source: openai.types.responses, as vLLM 0.33.0 dumps them. */
import { jsonNullable, jsonString } from '../../../shared/python/json-text.ts';
import type { ToolCallName } from './tools.ts';

export type ItemStatus = 'completed' | 'incomplete';

/** Texts are JSON but for the id. */
export function messageItem(id: string, content: string, status: string): string {
  return `{"id":"${id}","content":${content},"role":"assistant","status":"${status}","type":"message","phase":null}`;
}

/** `logprobs` is JSON. */
export function textPart(text: string, logprobs: string): string {
  return `{"annotations":[],"text":${jsonString(text)},"type":"output_text","logprobs":${logprobs}}`;
}

/** `content` is JSON. */
export function reasoningItem(id: string, content: string, status: string | null): string {
  return (
    `{"id":"${id}","summary":[],"type":"reasoning","content":${content},"encrypted_content":null,` +
    `"status":${jsonNullable(status)}}`
  );
}

export function reasoningPart(text: string): string {
  return `{"text":${jsonString(text)},"type":"reasoning_text"}`;
}

export interface ShownCall {
  readonly id: string;
  readonly callId: string;
  readonly called: ToolCallName;
}

export function functionCallItem(call: ShownCall, args: string, status: string): string {
  const { id, callId, called } = call;
  return (
    `{"arguments":${jsonString(args)},"call_id":${jsonString(callId)},"name":${jsonString(called.name)},"type":"function_call",` +
    `"id":"${id}","async":null,"caller":null,"namespace":${jsonNullable(called.namespace)},"status":"${status}"}`
  );
}

export function customCallItem({ id, callId, called }: ShownCall, input: string): string {
  return (
    `{"call_id":${jsonString(callId)},"input":${jsonString(input)},"name":${jsonString(called.name)},` +
    `"type":"custom_tool_call","id":"${id}","async":null,"caller":null,"namespace":null}`
  );
}
