/**
 * What the answer to `/v1/responses` has to be, from `text.format` and `structured_outputs`. Pure.
 * Source: vllm/entrypoints/openai/responses/protocol.py extract_structured_outputs (0.33.0).
 */
import { get, isDict, type PyDict } from '../../../shared/python/values.ts';
import { validationError } from '../../llm/errors.ts';
import type { ResponsesRequest } from './request.ts';

/** In the form of `structured_outputs`; null: anything. Throws ApiError where both are given. */
export function responseConstraint(request: ResponsesRequest): PyDict | null {
  const format = request.text === null ? null : get(request.text, 'format');
  if (!isDict(format)) return request.structured_outputs;
  if (request.structured_outputs !== null) {
    throw validationError('Cannot specify both structured_outputs and text.format', {
      parameter: 'structured_outputs',
    });
  }
  const type = get(format, 'type');
  if (type === 'json_object') return { json_object: true };
  const schema = get(format, 'schema');
  return type === 'json_schema' && schema !== null ? { json: schema } : null;
}
