/**
 * What vLLM checks on the raw bodies of pooling requests, in its order. Pure.
 * Source: vllm/entrypoints/pooling/base/protocol.py, embed/protocol.py, vllm/tasks.py (0.33.0).
 */
import { get, isDict, isTruthy, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { validationError } from '../../llm/errors.ts';
import { checkCacheSalt } from '../request-checks.ts';

const REMOVED_TASKS: Readonly<Record<string, string>> = {
  score: '`score` task was removed; use `classify` instead.',
  encode: '`encode` task was removed; use `token_embed` or `token_classify` instead.',
};

export function scoringChecks(data: PyDict): PyDict {
  checkCacheSalt(data);
  return data;
}

export function tokenEmbeddingChecks(data: PyDict): PyDict {
  checkRemoved(data);
  checkCacheSalt(data);
  return data;
}

/** Of requests that may be a conversation. */
export function poolingChecks(data: PyDict): PyDict {
  checkRemoved(data);
  checkCacheSalt(data);
  const isContradicting =
    isTruthy(get(data, 'continue_final_message')) && isTruthy(get(data, 'add_generation_prompt'));
  if (isContradicting)
    throw validationError(
      'Cannot set both `continue_final_message` and `add_generation_prompt` to True.',
    );
  return data;
}

/** Conversations may stand in `input`, too. */
export function embeddingChecks(data: PyDict): PyDict {
  const checked = poolingChecks(data);
  if (Object.hasOwn(data, 'messages') || !Object.hasOwn(data, 'input')) return checked;
  const input = get(data, 'input');
  const isChat = isConversation(input) || (isFilledList(input) && input.every(isConversation));
  return isChat ? { ...checked, messages: input } : checked;
}

function checkRemoved(data: PyDict): void {
  if (Object.hasOwn(data, 'normalize'))
    throw validationError('Parameter `normalize` was removed; use `use_activation` instead.', {
      parameter: 'normalize',
    });
  const task = get(data, 'task');
  const removed = typeof task === 'string' ? REMOVED_TASKS[task] : undefined;
  if (removed !== undefined) throw validationError(removed, { parameter: 'task' });
}

function isFilledList(value: PyValue): value is readonly PyValue[] & PyValue {
  return Array.isArray(value) && value.length > 0;
}

function isConversation(value: PyValue): boolean {
  return (
    isFilledList(value) &&
    value.every((item) => isDict(item) && typeof get(item, 'role') === 'string')
  );
}
