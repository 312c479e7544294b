/**
 * From the messages of a request to the conversation that a chat template renders. Pure.
 * Source: vllm/renderers/chat_utils/chat_message.py (0.33.0). Leaves out: multimodal content, which a text model
 * refuses.
 */

import { pyRepr } from '../../../shared/python/str.ts';
import { get, isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { badRequest, validationError } from '../../llm/errors.ts';
import { pydanticErrorText } from '../../pydantic/error-text.ts';
import type { RequestSchema } from '../../pydantic/schema-node.ts';
import { SchemaValidator } from '../../pydantic/schema-validator.ts';
import { LazyItems } from '../../pydantic/validation-walk.ts';
import { requestSchemaHooks } from '../request-checks.ts';
import type { ChatMessageParam } from './request.ts';

/** How a template wants `content`: one text, or a list of parts. */
export type ContentFormat = 'string' | 'openai';

/** A message as templates see it. */
export type ConversationMessage = Record<string, unknown>;

const TEXT_PART_TYPES = new Set(['text', 'input_text', 'output_text', 'refusal', 'thinking']);
const SKIPS_NULL_CONTENT = new Set(['text', 'refusal']);
const MEDIA_PART_TYPES = new Set([
  'input_image',
  'image_url',
  'image_embeds',
  'audio_embeds',
  'video_embeds',
  'image_pil',
  'audio_url',
  'input_audio',
  'video_url',
]);
/** Keys that tell a part's type where it does not say so, in the order vLLM looks. */
const UNTYPED_MEDIA_KEYS = [
  'image_url',
  'image_pil',
  'image_embeds',
  'audio_embeds',
  'video_embeds',
  'audio_url',
  'input_audio',
  'video_url',
];
const SUPPORTED_TYPES = [
  ...TEXT_PART_TYPES,
  ...MEDIA_PART_TYPES,
  'prompt_embeds',
  'tool_reference',
].sort();
const KNOWN_PART_FIELDS = new Set([
  ...SUPPORTED_TYPES,
  'type',
  'uuid',
  'data',
  'file',
  'name',
  'closed',
  'detail',
]);
const BILLING_HEADER = 'x-anthropic-billing-header';

export interface ParseMessagesOptions {
  readonly contentFormat: ContentFormat;
  /** For the refusal of images and sound. */
  readonly modelName: string;
  /** What content items must be, where the request's schema left them for now. */
  readonly schema: RequestSchema;
}

/** Throws ApiError. */
export function parseChatMessages(
  messages: readonly ChatMessageParam[],
  options: ParseMessagesOptions,
): readonly ConversationMessage[] {
  const conversation = messages.map((message) => parseMessage(message, options));
  for (const message of conversation) parseToolCallArguments(message);
  return conversation;
}

function parseMessage(
  message: ChatMessageParam,
  options: ParseMessagesOptions,
): ConversationMessage {
  const role = message['role'] as string;
  let parts = contentParts(message['content'] ?? null, options.schema);
  if (role === 'system') parts = withoutBillingHeader(parts);
  const content: unknown[] = [];
  for (const part of parts) {
    const parsed = parsePart(part, options);
    if (parsed !== undefined) content.push(parsed);
  }
  const isWrapped = options.contentFormat === 'openai';
  const result: ConversationMessage = { role, content: isWrapped ? content : content.join('\n') };
  addRoleFields(result, message, options.schema);
  return result;
}

function contentParts(content: PyValue | LazyItems, schema: RequestSchema): readonly PyValue[] {
  if (content === null) return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (content instanceof LazyItems) return readLazyItems(content, schema);
  return content as readonly PyValue[];
}

/** Items that pydantic checks when they are read: a fault ends the request with pydantic's own text. */
function readLazyItems({ items, node }: LazyItems, schema: RequestSchema): readonly PyValue[] {
  const validator = new SchemaValidator(schema, requestSchemaHooks);
  return items.map((item, index) => {
    const result = validator.validate(item, node, [index]);
    if (!result.ok) throw badRequest(pydanticErrorText('ValidatorIterator', result.errors));
    return result.value;
  });
}

/** A coding assistant's first line changes with every request and would keep the prefix cache from hitting. */
function withoutBillingHeader(parts: readonly PyValue[]): readonly PyValue[] {
  const kept: PyValue[] = [];
  for (const part of parts) {
    const isTextPart = isDict(part) && get(part, 'type') === 'text';
    const text = typeof part === 'string' ? part : isTextPart ? get(part, 'text') : null;
    if (typeof text !== 'string' || !text.startsWith(BILLING_HEADER)) {
      kept.push(part);
      continue;
    }
    const lineEnd = text.indexOf('\n');
    const rest = lineEnd === -1 ? '' : text.slice(lineEnd + 1);
    if (rest !== '') kept.push(isDict(part) ? { ...part, text: rest } : rest);
  }
  return kept;
}

/** Undefined: the part adds nothing. */
function parsePart(part: PyValue, { contentFormat, modelName }: ParseMessagesOptions): unknown {
  const isWrapped = contentFormat === 'openai';
  if (typeof part === 'string') return isWrapped ? { type: 'text', text: part } : part;
  const dict = part as PyDict;
  const type = partType(dict);
  if (TEXT_PART_TYPES.has(type)) return parseTextPart(dict, type, isWrapped);
  if (type === 'tool_reference') {
    const name = get(dict, 'name');
    return isWrapped ? { type: 'tool_reference', name } : name;
  }
  if (type === 'prompt_embeds') {
    throw validationError('You must set `--enable-prompt-embeds` to input `prompt_embeds`.', {
      parameter: 'prompt_embeds',
    });
  }
  if (MEDIA_PART_TYPES.has(type)) throw badRequest(`${modelName} is not a multimodal model`);
  throw validationError(
    `Unsupported chat content part type: ${pyRepr(type)}. Supported types: ${SUPPORTED_TYPES.join(', ')}.`,
    { parameter: 'type', value: type },
  );
}

function partType(part: PyDict): string {
  const type = get(part, 'type');
  const uuid = get(part, 'uuid');
  if (typeof type === 'string' && uuid === null) return type;
  if (type === null || uuid !== null) {
    for (const key of UNTYPED_MEDIA_KEYS) {
      if (Object.hasOwn(part, key)) return key;
    }
    if (Object.hasOwn(part, 'tool_reference')) return 'tool_reference';
    throw validationError("Missing 'type' field in multimodal part.", { parameter: 'type' });
  }
  throw validationError("Invalid 'type' field in multimodal part.", { parameter: 'type' });
}

function parseTextPart(part: PyDict, type: string, isWrapped: boolean): unknown {
  const field = type === 'refusal' || type === 'thinking' ? type : 'text';
  const text = get(part, field);
  if (text === null && SKIPS_NULL_CONTENT.has(type)) return undefined;
  if (!isWrapped) return text;
  const extra = Object.entries(part).filter(([key]) => !KNOWN_PART_FIELDS.has(key));
  return { type: 'text', text, ...Object.fromEntries(extra) };
}

function addRoleFields(
  result: ConversationMessage,
  message: ChatMessageParam,
  schema: RequestSchema,
): void {
  const role = result['role'];
  if (role === 'assistant') {
    const toolCalls = message['tool_calls'] ?? null;
    if (toolCalls !== null) {
      const list = toolCalls instanceof LazyItems ? readLazyItems(toolCalls, schema) : toolCalls;
      result['tool_calls'] = structuredClone(list);
    }
    const reasoning = message['reasoning'] ?? null;
    if (reasoning !== null) {
      result['reasoning'] = reasoning;
      result['reasoning_content'] = reasoning;
    }
  } else if (role === 'tool') {
    if (message['tool_call_id'] !== undefined) result['tool_call_id'] = message['tool_call_id'];
    result['content'] = toolContent(result['content']);
  }
  if (typeof message['name'] === 'string') result['name'] = message['name'];
  if (typeof message['task'] === 'string') result['task'] = message['task'];
  if (role === 'developer') result['tools'] = message['tools'] ?? null;
}

/** Templates expect a tool's answer as one text, unless it refers to tools. */
function toolContent(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  const parts = content as readonly { type?: unknown; text?: unknown }[];
  if (parts.some(({ type }) => type !== 'text')) return content;
  return parts.map(({ text }) => text ?? '').join('\n');
}

/** OpenAI has arguments as a JSON text, templates as an object; what is no object becomes an empty one. */
function parseToolCallArguments(message: ConversationMessage): void {
  const toolCalls = message['tool_calls'];
  if (message['role'] !== 'assistant' || !Array.isArray(toolCalls)) return;
  if (toolCalls.length === 0) {
    delete message['tool_calls'];
    return;
  }
  for (const item of toolCalls as readonly unknown[]) {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      throw validationError('assistant tool_calls entries must be objects.', {
        parameter: 'tool_calls',
      });
    }
    const call = item as { type?: unknown; function?: unknown };
    const fn = call.function;
    if ((call.type ?? 'function') !== 'function' || typeof fn !== 'object' || fn === null) {
      throw validationError(
        "chat completions only support assistant tool_calls of type 'function'.",
        { parameter: 'tool_calls' },
      );
    }
    const target = fn as { arguments?: unknown };
    target.arguments = toArguments(target.arguments);
  }
}

function toArguments(value: unknown): unknown {
  let parsed = value;
  if (typeof value === 'string') {
    try {
      parsed = JSON.parse(value === '' ? '{}' : value);
    } catch {
      return {};
    }
  }
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : {};
}
