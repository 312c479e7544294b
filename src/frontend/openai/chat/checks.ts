/**
 * What vLLM checks on the raw body of /v1/chat/completions, in its order. Pure.
 * Source: ChatCompletionRequest's validators (0.33.0).
 */

import { pyStr } from '../../../shared/python/str.ts';
import {
  get,
  isDict,
  isTruthy,
  type PyDict,
  type PyValue,
  toNumber,
} from '../../../shared/python/values.ts';
import { validationError } from '../../llm/errors.ts';
import {
  checkCacheSalt,
  checkLogprobNumbers,
  checkResponseFormat,
  checkStreamOptions,
  checkStructuralTag,
  countStructuredOutputs,
  notIterable,
} from '../request-checks.ts';

const CORRECT_USAGE = 'Correct usage: `{"type": "function", "function": {"name": "my_function"}}`';

export function chatChecks(input: PyDict): PyDict {
  checkMessagesIterable(input);
  checkGenerationPrompt(input);
  const data = checkToolUsage(input);
  checkStructuredOutputs(data);
  checkLogprobs(data);
  checkStreamOptions(data);
  checkResponseFormat(data);
  const normalized = normalizeMessages(data);
  checkCacheSalt(normalized);
  return normalized;
}

/** The system message check walks over `messages` whatever they are. */
function checkMessagesIterable(data: PyDict): void {
  if (!Object.hasOwn(data, 'messages')) return;
  const messages = data['messages'] ?? null;
  if (typeof messages === 'string' || Array.isArray(messages) || isDict(messages)) return;
  throw notIterable(messages);
}

export function checkGenerationPrompt(data: PyDict): void {
  if (
    isTruthy(get(data, 'continue_final_message')) &&
    isTruthy(get(data, 'add_generation_prompt'))
  ) {
    throw validationError(
      'Cannot set both `continue_final_message` and `add_generation_prompt` to True.',
    );
  }
}

function checkToolUsage(input: PyDict): PyDict {
  let data = input;
  const tools = get(data, 'tools');
  if (Array.isArray(tools) && tools.length === 0) {
    throw validationError(
      '`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.',
      { parameter: 'tools' },
    );
  }
  if (!Object.hasOwn(data, 'tool_choice') && isTruthy(tools)) {
    data = { ...data, tool_choice: 'auto' };
  }
  const choice = get(data, 'tool_choice');
  if (choice === null || choice === 'none') return data;
  if (tools === null) {
    throw validationError('When using `tool_choice`, `tools` must be set.', {
      parameter: 'tool_choice',
    });
  }
  if (isDict(choice)) {
    checkNamedTool(choice, tools);
  } else if (choice !== 'auto' && choice !== 'required') {
    throw validationError(
      `Invalid value for \`tool_choice\`: ${pyStr(choice)}! Only named tools, "none", "auto" or "required" are supported.`,
      { parameter: 'tool_choice' },
    );
  }
  return data;
}

function checkNamedTool(choice: PyDict, tools: PyValue): void {
  const fn = get(choice, 'function');
  if (!isDict(fn)) {
    throw validationError(
      `Invalid value for \`function\`: \`${pyStr(fn)}\` in \`tool_choice\`! ${CORRECT_USAGE}`,
      { parameter: 'tool_choice.function' },
    );
  }
  if (!Object.hasOwn(fn, 'name')) {
    throw validationError(
      `Expected field \`name\` in \`function\` in \`tool_choice\`! ${CORRECT_USAGE}`,
      { parameter: 'tool_choice.function.name' },
    );
  }
  const name = fn['name'] ?? null;
  if (typeof name !== 'string' || name === '') {
    throw validationError(
      `Invalid \`name\` in \`function\`: \`${pyStr(name)}\` in \`tool_choice\`! ${CORRECT_USAGE}`,
      { parameter: 'tool_choice.function.name' },
    );
  }
  const isKnown =
    Array.isArray(tools) &&
    (tools as readonly PyValue[]).some((tool) => {
      const toolFunction = isDict(tool) ? get(tool, 'function') : null;
      return isDict(toolFunction) && toolFunction['name'] === name;
    });
  if (!isKnown) {
    throw validationError(
      'The tool specified in `tool_choice` does not match any of the specified `tools`',
      { parameter: 'tool_choice' },
    );
  }
}

function checkStructuredOutputs(data: PyDict): void {
  const structured = get(data, 'structured_outputs');
  if (structured === null) return;
  const count = countStructuredOutputs(structured);
  if (count > 1) {
    throw validationError(
      "You can only use one kind of constraints for structured outputs ('json', 'regex' or 'choice').",
    );
  }
  const choice = Object.hasOwn(data, 'tool_choice') ? get(data, 'tool_choice') : 'none';
  if (count > 0 && choice !== 'none' && choice !== 'auto' && choice !== 'required') {
    throw validationError(
      'You can only either use constraints for structured outputs or tools, not both.',
    );
  }
  checkStructuralTag(structured);
}

function checkLogprobs(data: PyDict): void {
  const hasIds = isTruthy(get(data, 'logprob_token_ids'));
  const hasLogprobs = isTruthy(get(data, 'logprobs'));
  if (hasIds && isTruthy(get(data, 'use_beam_search'))) {
    throw validationError('`logprob_token_ids` is not supported with beam search.', {
      parameter: 'logprob_token_ids',
    });
  }
  if (hasIds && !hasLogprobs) {
    throw validationError('when using `logprob_token_ids`, `logprobs` must be set to true.', {
      parameter: 'logprob_token_ids',
    });
  }
  checkLogprobNumbers(data, 'top_logprobs');
  const top = get(data, 'top_logprobs');
  if (top === null) return;
  const count = toNumber(top);
  if ((count === -1 || count > 0) && !hasLogprobs) {
    throw validationError('when using `top_logprobs`, `logprobs` must be set to true.', {
      parameter: 'top_logprobs',
    });
  }
}

/** tool_calls as a list, and the deprecated reasoning_content under its new name. */
function normalizeMessages(data: PyDict): PyDict {
  const messages = get(data, 'messages');
  if (!Array.isArray(messages)) return data;
  let isChanged = false;
  const normalized = (messages as readonly PyValue[]).map((message) => {
    if (!isDict(message)) return message;
    const toolCalls = get(message, 'tool_calls');
    const needsList = toolCalls !== null && !Array.isArray(toolCalls);
    if (!needsList && !Object.hasOwn(message, 'reasoning_content')) return message;
    isChanged = true;
    const { reasoning_content: reasoningContent = null, ...rest } = message;
    const copy: Record<string, PyValue> = rest;
    if (needsList) copy['tool_calls'] = toList(toolCalls);
    if (reasoningContent !== null && get(message, 'reasoning') === null) {
      copy['reasoning'] = reasoningContent;
    }
    return copy;
  });
  return isChanged ? { ...data, messages: normalized } : data;
}

function toList(value: PyValue): PyValue {
  if (typeof value === 'string') return [...value];
  if (isDict(value)) return Object.keys(value);
  throw notIterable(value);
}
