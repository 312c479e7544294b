/** Bodies of routes that read JSON themselves, beside any schema. Source: `await raw_request.json()` in vLLM's routes. */
import { decodeJsonBytes } from '../../shared/python/json-bytes.ts';
import { PyJsonError, parsePythonJson } from '../../shared/python/json-reader.ts';
import { isDict, type PyDict, type PyValue, pyTypeName } from '../../shared/python/values.ts';
import { internalError } from '../llm/errors.ts';
import { requestTextError } from '../openai/validation-message.ts';
import { HttpException } from './error-handler.ts';
import { bodyOf, contentTypeOf } from './request-body.ts';
import type { FastifyRequest } from './route-context.ts';

/** Throws ApiError for another media type than JSON's. */
export function checkJsonType(request: FastifyRequest): void {
  const type = (contentTypeOf(request) ?? '').toLowerCase().split(';', 1)[0];
  if (type !== 'application/json')
    throw requestTextError("Unsupported Media Type: Only 'application/json' is allowed");
}

/** Throws HttpException, with what `words` make of Python's error. */
export function rawJson(
  request: FastifyRequest,
  words: (error: string) => string = (error) => `JSON decode error: ${error}`,
): PyValue {
  const text = decodeJsonBytes(bodyOf(request)) ?? '';
  try {
    return parsePythonJson(text);
  } catch (error) {
    if (!(error instanceof PyJsonError)) throw error;
    throw new HttpException(400, words(jsonErrorText(error, text)));
  }
}

/** `str(json.JSONDecodeError)`. */
function jsonErrorText({ message, position }: PyJsonError, text: string): string {
  const before = text.slice(0, position);
  const line = before.split('\n').length;
  const column = position - before.lastIndexOf('\n');
  return `${message}: line ${line} column ${column} (char ${position})`;
}

/** What has no `get` is Python's AttributeError. Throws ApiError. */
export function asDict(value: PyValue): PyDict {
  if (isDict(value)) return value;
  throw internalError(`'${pyTypeName(value)}' object has no attribute 'get'`);
}
