/**
 * The items of a whole answer, from what its parser found in it.
 * Source: vllm/entrypoints/openai/responses/utils.py build_response_output_items (0.33.0).
 */
import { randomUuid } from '../../llm/random-uuid.ts';
import type { ParsedOutput } from '../parsing/delegating-parser.ts';
import type { FunctionCall } from '../parsing/types.ts';
import { decodeCustomToolInput } from './custom-tool-input.ts';
import {
  customCallItem,
  functionCallItem,
  type ItemStatus,
  messageItem,
  reasoningItem,
  reasoningPart,
  textPart,
} from './items-json.ts';
import type { ToolCallNames } from './tools.ts';

export interface OutputItemsOptions {
  /** Of the item that ended the answer; those before it are complete. */
  readonly status: ItemStatus;
  /** JSON. */
  readonly logprobs: string;
  readonly names: ToolCallNames;
}

export function outputItems(parsed: ParsedOutput, options: OutputItemsOptions): readonly string[] {
  const { reasoning, content, toolCalls } = parsed;
  const items: string[] = [];
  if (reasoning) {
    items.push(reasoningItem(`rs_${randomUuid()}`, `[${reasoningPart(reasoning)}]`, null));
  }
  if (content) {
    const status = toolCalls.length > 0 ? 'completed' : options.status;
    const part = textPart(content, options.logprobs);
    items.push(messageItem(`msg_${randomUuid()}`, `[${part}]`, status));
  }
  for (const [i, call] of toolCalls.entries()) {
    const isLast = i === toolCalls.length - 1;
    items.push(callItem(call, isLast ? options.status : 'completed', options.names));
  }
  return items;
}

function callItem(call: FunctionCall, status: ItemStatus, names: ToolCallNames): string {
  const callId = call.id || `chatcmpl-tool-${randomUuid()}`;
  if (names.isCustom(call.name)) {
    const called = { name: call.name, namespace: null };
    const input = decodeCustomToolInput(call.arguments);
    return customCallItem({ id: `ctc_${randomUuid()}`, callId, called }, input);
  }
  const called = names.resolve(call.name);
  return functionCallItem({ id: `fc_${randomUuid()}`, callId, called }, call.arguments, status);
}
