/**
 * A chat completion as one message. Pure but for new ids.
 * Source: vllm/entrypoints/anthropic/serving.py messages_full_converter (0.33.0).
 */
import { compactDumps } from '../../../shared/python/json-compact.ts';
import { parsePythonJson } from '../../../shared/python/json-reader.ts';
import { jsonString, jsonValue } from '../../../shared/python/json-text.ts';
import { randomHex } from '../../llm/random-uuid.ts';
import { type ChatAnswerJson, type ChatDelta, stopReason, usageJson } from './chat-answer.ts';

/** The answer without the fields that are None. Throws where a call's arguments are no JSON. */
export function wholeMessage(answer: ChatAnswerJson): string {
  const [choice] = answer.choices;
  const message = choice?.message ?? {};
  const hasCalls = (message.tool_calls ?? []).length > 0;
  const { reason, sequence } = stopReason({
    finishReason: choice?.finish_reason ?? null,
    matched: choice?.stop_reason,
    isToolUsed: hasCalls,
    isToolComplete: hasCalls,
  });
  const optional = (name: string, json: string) => (json === 'null' ? '' : `,"${name}":${json}`);
  return (
    `{"id":${jsonString(answer.id)},"type":"message","role":"assistant",` +
    `"content":[${contentOf(message).join(',')}],"model":${jsonString(answer.model)}` +
    `${optional('stop_reason', reason)}${optional('stop_sequence', sequence)},"usage":${usageJson(answer.usage)}` +
    `${optional('kv_transfer_params', jsonValue(answer.kv_transfer_params))}` +
    `${optional('ec_transfer_params', jsonValue(answer.ec_transfer_params))}}`
  );
}

function contentOf({ reasoning, content, tool_calls: calls }: ChatDelta): readonly string[] {
  const blocks: string[] = [];
  if (reasoning) {
    blocks.push(
      `{"type":"thinking","thinking":${jsonString(reasoning)},"signature":"${randomHex(32)}"}`,
    );
  }
  if (content) blocks.push(`{"type":"text","text":${jsonString(content)}}`);
  for (const { id, function: fn } of calls ?? []) {
    const input = compactDumps(parsePythonJson(fn?.arguments ?? ''));
    blocks.push(
      `{"type":"tool_use","id":${jsonString(id ?? '')},"name":${jsonString(fn?.name ?? '')},"input":${input}}`,
    );
  }
  return blocks.length === 0 ? ['{"type":"text","text":""}'] : blocks;
}
