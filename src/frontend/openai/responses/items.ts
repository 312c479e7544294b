/**
 * Items of an input that clients send back as an answer of theirs had them, with the fields they leave out. Pure.
 * Source: vllm/entrypoints/openai/responses/protocol.py input_item_parsing (0.33.0).
 */
import { get, isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { randomUuid } from '../../llm/random-uuid.ts';

export function completeItems(data: PyDict): PyDict {
  const input = get(data, 'input');
  if (!Array.isArray(input)) return data;
  const items = input as readonly PyValue[];
  const completed = items.map((item) => (isDict(item) ? completeItem(item) : item));
  return completed.every((item, i) => item === items[i]) ? data : { ...data, input: completed };
}

function completeItem(item: PyDict): PyDict {
  const type = get(item, 'type');
  if (type === 'reasoning') {
    return Object.hasOwn(item, 'id') ? item : { ...item, id: `rs_${randomUuid()}` };
  }
  if (type !== 'message' || get(item, 'role') !== 'assistant') return item;
  const content = get(item, 'content');
  if (!Array.isArray(content)) return item;
  const completed: PyDict = {
    id: `msg_${randomUuid()}`,
    status: 'completed',
    ...item,
    content: (content as readonly PyValue[]).map(completePart),
  };
  return isOutputMessage(completed) ? completed : item;
}

function completePart(part: PyValue): PyValue {
  const needsAnnotations =
    isDict(part) && get(part, 'type') === 'output_text' && !Object.hasOwn(part, 'annotations');
  return needsAnnotations ? { ...part, annotations: [] } : part;
}

const STATUSES: readonly PyValue[] = ['in_progress', 'completed', 'incomplete'];

/** Whether it is an answer as `/v1/responses` gives it. */
export function isOutputMessage(item: PyDict): boolean {
  const content = get(item, 'content');
  return (
    get(item, 'type') === 'message' &&
    get(item, 'role') === 'assistant' &&
    typeof get(item, 'id') === 'string' &&
    STATUSES.includes(get(item, 'status')) &&
    Array.isArray(content) &&
    (content as readonly PyValue[]).every(isOutputPart)
  );
}

function isOutputPart(part: PyValue): boolean {
  if (!isDict(part)) return false;
  if (get(part, 'type') === 'refusal') return typeof get(part, 'refusal') === 'string';
  const isText = get(part, 'type') === 'output_text' && typeof get(part, 'text') === 'string';
  return isText && Array.isArray(get(part, 'annotations'));
}
