/**
 * From the input of `/v1/responses` to chat messages. Pure.
 * Source: vllm/entrypoints/openai/responses/utils.py construct_input_messages (0.33.0).
 */

import { pyStr } from '../../../shared/python/str.ts';
import { get, isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { internalError, validationError } from '../../llm/errors.ts';

import { LazyItems } from '../../pydantic/validation-walk.ts';
import type { ChatMessageParam } from '../chat/request.ts';
import { encodeCustomToolInput } from './custom-tool-input.ts';
import { isOutputMessage } from './items.ts';
import { flatToolName } from './tools.ts';

type Message = Record<string, PyValue>;

/** A stored response that a request goes on from. */
export interface PreviousTurn {
  readonly messages: readonly ChatMessageParam[];
  readonly outputTexts: readonly string[];
}

export function responsesMessages(
  instructions: string | null,
  input: string | readonly PyDict[],
  previous: PreviousTurn | null = null,
): readonly ChatMessageParam[] {
  const before: ChatMessageParam[] = [];
  if (instructions) before.push({ role: 'system', content: instructions });
  if (previous !== null) {
    // Instructions are those of one response alone.
    before.push(...previous.messages.filter((message) => message['role'] !== 'system'));
    for (const content of previous.outputTexts) before.push({ role: 'assistant', content });
  }
  if (typeof input === 'string') return [...before, { role: 'user', content: input }];
  const messages: Message[] = [];
  for (const item of input) addItem(messages, item);
  return [...before, ...messages];
}

/** Whether the last item is an answer that was cut off, to be continued. */
export function continuesFinalMessage(input: string | readonly PyDict[]): boolean {
  const last = typeof input === 'string' ? undefined : input.at(-1);
  if (last === undefined) return false;
  const type = get(last, 'type') ?? 'message';
  if (type !== 'message' && type !== 'reasoning') return false;
  const status = get(last, 'status');
  return status === 'in_progress' || status === 'incomplete';
}

/** Parts of one answer stand in several items: they go into one message where it has room. */
function addItem(messages: Message[], item: PyDict): void {
  const last = messages.at(-1);
  const answer = last?.['role'] === 'assistant' ? last : null;
  const type = get(item, 'type');
  if (type === 'function_call' || type === 'custom_tool_call') {
    const call = { id: get(item, 'call_id'), function: calledFunction(item), type: 'function' };
    if (answer === null) messages.push({ role: 'assistant', tool_calls: [call] });
    else answer['tool_calls'] = [...((answer['tool_calls'] ?? []) as readonly PyValue[]), call];
    return;
  }
  if (type === 'function_call_output' || type === 'custom_tool_call_output') {
    messages.push({
      role: 'tool',
      content: get(item, 'output'),
      tool_call_id: get(item, 'call_id'),
    });
    return;
  }
  if (type === 'reasoning') {
    addToAnswer(messages, answer, 'reasoning', reasoningText(item));
    return;
  }
  if (isOutputMessage(item) || isEmptyAnswer(item)) {
    addToAnswer(messages, answer, 'content', answerText(get(item, 'content')));
    return;
  }
  if (get(item, 'role') === 'assistant') {
    const text = firstText(get(item, 'content'));
    if (text !== null) {
      addToAnswer(messages, answer, 'content', text);
      return;
    }
  }
  if (get(item, 'role') === null) {
    throw validationError(`Unsupported input item type: ${pyStr(type)}`, { parameter: 'input' });
  }
  messages.push({ ...item });
}

function isEmptyAnswer(item: PyDict): boolean {
  const content: unknown = get(item, 'content');
  const isAnswer = get(item, 'type') === 'message' && get(item, 'role') === 'assistant';
  return isAnswer && content instanceof LazyItems && content.items.length === 0;
}

function calledFunction(item: PyDict): PyDict {
  if (get(item, 'type') === 'custom_tool_call') {
    const payload = get(item, 'input');
    const args = encodeCustomToolInput(typeof payload === 'string' ? payload : '');
    return { name: get(item, 'name'), arguments: args };
  }
  const namespace = get(item, 'namespace');
  const name = get(item, 'name');
  return {
    name: namespace ? flatToolName(namespace, name) : name,
    arguments: get(item, 'arguments'),
  };
}

/** vLLM looks at the first part, whatever it is and whether there is one. */
function answerText(content: PyValue): string {
  const [first] = Array.isArray(content) ? (content as readonly PyDict[]) : [];
  if (first === undefined) throw internalError('list index out of range');
  if (get(first, 'type') === 'refusal') {
    throw internalError("'ResponseOutputRefusal' object has no attribute 'text'");
  }
  return get(first, 'text') as string;
}

function addToAnswer(
  messages: Message[],
  answer: Message | null,
  field: 'content' | 'reasoning',
  text: string,
): void {
  if (answer !== null && (answer[field] ?? null) === null) answer[field] = text;
  else messages.push({ role: 'assistant', [field]: text });
}

function reasoningText(item: PyDict): string {
  if (get(item, 'encrypted_content')) {
    throw validationError('Encrypted content is not supported.', { parameter: 'input' });
  }
  return firstText(get(item, 'content')) ?? firstText(get(item, 'summary')) ?? '';
}

function firstText(content: PyValue): string | null {
  if (typeof content === 'string') return content;
  const first = Array.isArray(content) ? (content as readonly PyValue[])[0] : undefined;
  const text = first !== undefined && isDict(first) ? get(first, 'text') : null;
  return typeof text === 'string' ? text : null;
}
