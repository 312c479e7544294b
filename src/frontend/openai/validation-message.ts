/**
 * Turns schema faults into the one message that vLLM answers with. Pure.
 * Source: vllm/entrypoints/serve/exception_handling/handlers/validation.py (0.33.0).
 */

import { pyLength, pySlice, pyStr, pyStrRepr } from '../../shared/python/str.ts';
import { isDict, type PyValue } from '../../shared/python/values.ts';
import { ApiError } from '../llm/errors.ts';
import type { LineError } from '../pydantic/validation-walk.ts';

const MAX_REPORTED_ERRORS = 10;
const MAX_ERROR_INPUT_CHARS = 200;
const MAX_ERROR_CHARS = 1000;

/** The 400 of a request that does not fit its schema. `errors` have `body` or `query` first in `loc`. */
export function requestValidationError(errors: readonly LineError[]): ApiError {
  const count = errors.length;
  const label = count === 1 ? 'error' : 'errors';
  const lines = errors.slice(0, MAX_REPORTED_ERRORS).map((error) => `  ${formatError(error)}\n`);
  let message = `${count} validation ${label}:\n${lines.join('')}`;
  if (count > MAX_REPORTED_ERRORS) {
    message += `  ...and ${count - MAX_REPORTED_ERRORS} more ${label}\n`;
  }
  const first = errors[0];
  return new ApiError({
    message: message.trimEnd(),
    type: 'Bad Request',
    param: first === undefined ? null : first.loc.join('.'),
    code: 400,
  });
}

/** A fault that is a bare text, as the media type check has it. */
export function requestTextError(text: string): ApiError {
  return new ApiError({
    message: `1 validation error:\n  ${text}`,
    type: 'Bad Request',
    param: null,
    code: 400,
  });
}

function formatError({ type, loc, msg, input, ctx }: LineError): string {
  const parts = [
    `'type': ${pyStrRepr(type)}`,
    `'loc': ${pyStrRepr(loc.join('.'))}`,
    `'msg': ${pyStrRepr(msg)}`,
    `'input': ${pyStrRepr(summarizeInput(input))}`,
  ];
  if (ctx.length > 0) {
    parts.push(`'ctx': {${ctx.map(([name, repr]) => `${pyStrRepr(name)}: ${repr}`).join(', ')}}`);
  }
  const text = `{${parts.join(', ')}}`;
  return truncate(text, MAX_ERROR_CHARS);
}

function summarizeInput(value: PyValue): string {
  if (typeof value === 'string') return truncate(value, MAX_ERROR_INPUT_CHARS);
  if (Array.isArray(value)) return `<list of ${value.length} items>`;
  if (isDict(value)) return `<dict of ${Object.keys(value).length} items>`;
  if (typeof value === 'bigint' && value.toString().replace('-', '').length > 4300) return '<int>';
  return truncate(pyStr(value), MAX_ERROR_INPUT_CHARS);
}

function truncate(text: string, max: number): string {
  return pyLength(text) > max ? `${pySlice(text, max)}...[truncated]` : text;
}
