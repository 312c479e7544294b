/**
 * Checks that vLLM makes on the raw body before the schema sees it; they are shared by the request classes. Each may
 * throw, and what it throws is the answer. Pure.
 * Source: vllm/entrypoints/generate/base/protocol.py, the "before" validators of
 * vllm/entrypoints/openai/{completion,chat_completion}/protocol.py (0.33.0).
 */

import { pythonJson } from '../../shared/python/json-text.ts';
import { pyLength, pyRepr } from '../../shared/python/str.ts';
import {
  get,
  isDict,
  isPyNumber,
  isTruthy,
  type PyDict,
  type PyValue,
  pyTypeName,
  toNumber,
} from '../../shared/python/values.ts';
import { badRequest, internalError, validationError } from '../llm/errors.ts';
import { checkJsonNesting } from '../llm/structured-outputs/json-features.ts';
import { xgrammarTagProblem } from '../llm/structured-outputs/xgrammar-problem.ts';
import type { SchemaHooks } from '../pydantic/validation-walk.ts';
import { classRefusal } from './class-refusals.ts';

/** The limits that environment variables of vLLM set. */
export interface RequestLimits {
  readonly maxCompletionPrompts: number;
  readonly maxStopStrings: number;
}

/** Runs on the raw body before the schema; returns the body, changed or not. */
export type BodyCheck = (data: PyDict, limits: RequestLimits) => PyDict;

const MAX_CACHE_SALT_LENGTH = 128;

export function checkCacheSalt(data: PyDict): void {
  const salt = get(data, 'cache_salt');
  if (salt === null) return;
  if (typeof salt !== 'string' || salt === '') {
    throw validationError("Parameter 'cache_salt' must be a non-empty string if provided.", {
      parameter: 'cache_salt',
    });
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is one of the forbidden characters.
  if (pyLength(salt) > MAX_CACHE_SALT_LENGTH || /[@/\\\u0000]/.test(salt)) {
    throw validationError(
      "Parameter 'cache_salt' must be at most 128 characters and must not contain '@', '/', '\\\\', or NUL.",
      { parameter: 'cache_salt' },
    );
  }
}

export function checkStreamOptions(data: PyDict): void {
  if (isTruthy(get(data, 'stream_options')) && !isTruthy(get(data, 'stream'))) {
    throw validationError('Stream options can only be defined when `stream=True`.', {
      parameter: 'stream_options',
    });
  }
}

export function checkResponseFormat(data: PyDict): void {
  const format = get(data, 'response_format');
  if (format === null) return;
  const type = isDict(format) ? get(format, 'type') : null;
  if (type === 'json_schema' && isDict(format) && get(format, 'json_schema') === null) {
    throw validationError(
      "When response_format type is 'json_schema', the 'json_schema' field must be provided.",
      { parameter: 'response_format' },
    );
  }
  checkStructuralTagFormat(format);
}

export function checkStructuralTagFormat(format: PyValue): void {
  if (!isDict(format) || get(format, 'type') !== 'structural_tag') return;
  if (isStructuralTag(format) && isCompilableTag(pythonJson(format))) return;
  throw validationError('Invalid response_format structural_tag specification.', {
    parameter: 'response_format',
  });
}

function isStructuralTag(format: PyDict): boolean {
  if (Object.hasOwn(format, 'format')) return isDict(get(format, 'format'));
  return Array.isArray(get(format, 'structures')) && Array.isArray(get(format, 'triggers'));
}

/** Throws ApiError for one that nests too deeply. */
function isCompilableTag(tag: string): boolean {
  checkJsonNesting(tag, true);
  return xgrammarTagProblem(tag) === null;
}

/** Returns how many of json, regex and choice are set. Anything but an object has no `get`: Python's error, a 500. */
export function countStructuredOutputs(structured: PyValue): number {
  if (!isDict(structured)) {
    throw internalError(`'${pyTypeName(structured)}' object has no attribute 'get'`);
  }
  return ['json', 'regex', 'choice'].filter((name) => get(structured, name) !== null).length;
}

export function checkStructuralTag(structured: PyValue): void {
  if (!isDict(structured)) return;
  const tag = get(structured, 'structural_tag');
  if (tag === null) return;
  let isValid = false;
  if (typeof tag === 'string' && tag !== '') {
    try {
      const parsed: unknown = JSON.parse(tag);
      isValid = typeof parsed === 'object' && parsed !== null;
    } catch {
      isValid = false;
    }
    isValid &&= isCompilableTag(tag);
  }
  if (!isValid) {
    throw validationError('Invalid structured_outputs structural_tag specification.', {
      parameter: 'structured_outputs',
    });
  }
}

/** The logprobs checks that both request classes have; `topField` is what holds the count there. */
export function checkLogprobNumbers(data: PyDict, topField: string): void {
  for (const name of ['prompt_logprobs', topField]) {
    const value = get(data, name);
    if (value !== null && !isPyNumber(value)) {
      throw validationError(`\`${name}\` must be an integer.`, { parameter: name, value });
    }
  }
  const promptLogprobs = get(data, 'prompt_logprobs');
  if (promptLogprobs !== null) {
    const count = toNumber(promptLogprobs);
    if (isTruthy(get(data, 'stream')) && (count > 0 || count === -1)) {
      throw validationError('`prompt_logprobs` are not available when `stream=True`.', {
        parameter: 'prompt_logprobs',
      });
    }
    if (count < 0 && count !== -1) {
      throw validationError('`prompt_logprobs` must be a positive value or -1.', {
        parameter: 'prompt_logprobs',
        value: promptLogprobs,
      });
    }
  }
  const top = get(data, topField);
  if (top !== null && toNumber(top) < 0 && toNumber(top) !== -1) {
    throw validationError(`\`${topField}\` must be a positive value or -1.`, {
      parameter: topField,
      value: top,
    });
  }
}

export function validateThinkingTokenBudget(value: PyValue): PyValue {
  if (value === null) return null;
  const isInteger =
    typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  if (isInteger && value === -1) return null;
  if (!isInteger || toNumber(value) < 0) {
    throw validationError(
      '`thinking_token_budget` must be a non-negative integer or -1 for unlimited.',
      { parameter: 'thinking_token_budget', value },
    );
  }
  return value;
}

const STRUCTURED_KINDS = ['json', 'regex', 'choice', 'grammar', 'json_object', 'structural_tag'];

function checkStructuredOutputsParams(fields: PyDict): void {
  const count = STRUCTURED_KINDS.filter((name) => get(fields, name) !== null).length;
  if (count === 1) return;
  const shown = pyRepr({ ...fields, _backend: null, _backend_was_auto: false });
  throw validationError(
    count > 1
      ? `You can only use one kind of structured outputs constraint but multiple are specified: ${shown}`
      : `You must use one kind of structured outputs constraint but none are specified: ${shown}`,
  );
}

function checkRepetitionDetection(fields: PyDict): void {
  const max = toNumber(fields['max_pattern_size']);
  const min = toNumber(fields['min_pattern_size']);
  if (max < 0 || min < 0 || min > max) {
    throw validationError(
      'max_pattern_size, min_pattern_size must be >=0, with min_pattern_size <= max_pattern_size. ' +
        'Set both to 0 to disable repetitive pattern detection.',
    );
  }
  if (max > 0 && toNumber(fields['min_count']) < 2) {
    throw validationError(
      'min_count must be >= 2 to detect repetitive patterns in engine output. ' +
        'If you do not wish to detect repetitive patterns, set max_pattern_size to 0.',
    );
  }
}

/** What the schemas' function names mean. */
export const requestSchemaHooks: SchemaHooks = {
  keptExtras: ['mm_processor_kwargs', 'media_io_kwargs'],
  before(name, value) {
    if (name === 'validate_thinking_token_budget') return validateThinkingTokenBudget(value);
    // top_logprobs: null means the same as left out.
    if (name === '<lambda>') return value === null ? 0 : value;
    return value;
  },
  refusal: classRefusal,
  dataclass(name, fields) {
    if (name === 'StructuredOutputsParams') checkStructuredOutputsParams(fields);
    if (name === 'RepetitionDetectionParams') checkRepetitionDetection(fields);
  },
};

/** `for x in value` over what cannot be iterated: Python's TypeError, a 400. */
export function notIterable(value: PyValue): Error {
  return badRequest(`'${pyTypeName(value)}' object is not iterable`);
}
