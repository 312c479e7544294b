/** Errors as Anthropic's API shows them. Pure. Source: vllm/entrypoints/anthropic/protocol.py translate_error_type. */
import { jsonString } from '../../../shared/python/json-text.ts';

const TYPE_BY_STATUS: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

export function anthropicErrorType(status: number): string {
  return TYPE_BY_STATUS[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

/** The body of an error that is a whole answer, or the data of a stream's `error` event. */
export function anthropicErrorBody(status: number, message: string): string {
  return `{"type":"error","error":{"type":"${anthropicErrorType(status)}","message":${jsonString(message)}}}`;
}
