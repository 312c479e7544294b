/**
 * From Anthropic's messages to those of a chat completion. Pure.
 * Source: vllm/entrypoints/anthropic/serving.py AnthropicServingMessages._convert_* (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { pyStr } from '../../../shared/python/str.ts';
import { get, isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import type { AnthropicMessage, ContentBlock, CountTokensRequest } from './request.ts';

/** Claude Code's header of a request: it changes with each, and prefixes would never be shared. */
const BILLING_HEADER = 'x-anthropic-billing-header';

type ChatMessage = Record<string, PyValue>;

export interface ConversionOptions {
  /** The chat template wants the system message first: inline ones are put there. */
  readonly mergesInlineSystem: boolean;
  /** Wall-clock seconds, for calls without an id. */
  readonly nowSeconds: number;
}

export function toChatMessages(
  { system, messages }: Pick<CountTokensRequest, 'system' | 'messages'>,
  options: ConversionOptions,
): readonly PyDict[] {
  const { mergesInlineSystem } = options;
  const out: ChatMessage[] = [];
  const inline = mergesInlineSystem
    ? messages.filter(({ role }) => role === 'system').map(({ content }) => systemText(content))
    : [];
  const parts = [system === null ? '' : leadingText(system), ...inline].filter((text) => text);
  if (parts.length > 0) out.push({ role: 'system', content: parts.join('') });
  for (const message of messages) {
    if (message.role === 'system') {
      const text = mergesInlineSystem ? '' : systemText(message.content);
      if (text !== '') out.push({ role: 'system', content: text });
      continue;
    }
    const converted = convert(message, out, options);
    if (message.role !== 'user' || Object.hasOwn(converted, 'content')) out.push(converted);
  }
  return out;
}

/** The request's own system text stands as it is; of blocks a billing header is left out. */
function leadingText(system: string | readonly ContentBlock[]): string {
  return typeof system === 'string' ? system : textOf(system);
}

function systemText(content: AnthropicMessage['content']): string {
  if (typeof content !== 'string') return textOf(content);
  return content.startsWith(BILLING_HEADER) ? '' : content;
}

function textOf(blocks: readonly ContentBlock[]): string {
  return blocks
    .map(({ type, text }) => (type === 'text' ? (text ?? '') : ''))
    .filter((text) => !text.startsWith(BILLING_HEADER))
    .join('');
}

/** `before`: what a user's tool results become comes ahead of the message itself. */
function convert(
  { role, content }: AnthropicMessage,
  before: ChatMessage[],
  options: ConversionOptions,
): ChatMessage {
  if (typeof content === 'string') return { role, content };
  const parts: PyDict[] = [];
  const calls: PyDict[] = [];
  const reasoning: string[] = [];
  for (const block of content) {
    if (block.type === 'text' && block.text) parts.push({ type: 'text', text: block.text });
    else if (block.type === 'image' && block.source !== null && hasEntries(block.source))
      parts.push(imagePart(block.source));
    else if (block.type === 'thinking' && block.thinking !== null) reasoning.push(block.thinking);
    else if (block.type === 'tool_use') calls.push(toolCall(block, options));
    else if (block.type === 'tool_result' && role === 'user') pushToolResult(block, before);
    else if (block.type === 'tool_result') parts.push(toolResultText(block));
  }
  const message: ChatMessage = { role };
  if (reasoning.length > 0) message['reasoning'] = reasoning.join('');
  if (calls.length > 0) message['tool_calls'] = calls;
  const [only] = parts;
  if (parts.length === 1 && only?.['type'] === 'text') message['content'] = only['text'] ?? '';
  else if (parts.length > 0) message['content'] = parts;
  return message;
}

function hasEntries(value: PyDict): boolean {
  return Object.keys(value).length > 0;
}

function imagePart(source: PyDict): PyDict {
  return { type: 'image_url', image_url: { url: imageUrl(source) } };
}

function imageUrl(source: PyDict): PyValue {
  if (source['type'] === 'url') return source['url'] ?? '';
  const mediaType = source['media_type'] ?? 'image/jpeg';
  return `data:${pyStr(mediaType)};base64,${pyStr(source['data'] ?? '')}`;
}

function toolCall({ id, name, input }: ContentBlock, { nowSeconds }: ConversionOptions): PyDict {
  return {
    id: id || `call_${Math.floor(nowSeconds)}`,
    type: 'function',
    function: { name: name ?? '', arguments: toAscii(pythonDumps(input ?? {})) },
  };
}

/** As json.dumps does of itself. */
function toAscii(json: string): string {
  return json.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function toolResultText({ content }: ContentBlock): PyDict {
  const text = content === null || content.length === 0 ? '' : pyStr(content as PyValue);
  return { type: 'text', text: `Tool result: ${text}` };
}

function pushToolResult({ content, tool_use_id: id }: ContentBlock, out: ChatMessage[]): void {
  const callId = id ?? '';
  const items = typeof content === 'string' || content === null ? [] : content.filter(isDict);
  const ofType = (type: string) => items.filter((item) => item['type'] === type);
  const text =
    typeof content === 'string'
      ? content
      : ofType('text')
          .map((item) => pyStr(item['text'] ?? ''))
          .join('\n');
  out.push({ role: 'tool', tool_call_id: callId, content: text });
  const images = ofType('image').map((item) => {
    const source = get(item, 'source');
    return imagePart(isDict(source) ? source : {});
  });
  if (images.length > 0) out.push({ role: 'user', content: images });
  const references = ofType('tool_reference')
    .map((item) => item['tool_name'] || item['name'] || '')
    .filter((name) => name !== '')
    .map((name) => ({ type: 'tool_reference', name }));
  if (references.length > 0) out.push({ role: 'tool', tool_call_id: callId, content: references });
}
