/**
 * The body that vLLM gives a status. Those that it has an error of its own for have that error's type and, where there is
 * one, its sentence; others are those of an HTTPException of that status.
 * Source: vllm/entrypoints/serve/exception_handling, vllm/exceptions.py, vllm/entrypoints/serve/middleware (0.33.0).
 */
import { STATUS_CODES } from 'node:http';
import { ENGINE_DEAD_CLIENT_MESSAGE, type ErrorInfo, errorBody } from '../llm/errors.ts';

/** QueueOverflowError's. */
const BUSY_MESSAGE =
  'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.';

const OWN_ERRORS: Readonly<Record<number, { readonly type: string; readonly message?: string }>> = {
  400: { type: 'BadRequestError' },
  404: { type: 'NotFoundError' },
  422: { type: 'UnprocessableEntityError' },
  500: { type: 'InternalServerError', message: ENGINE_DEAD_CLIENT_MESSAGE },
  501: { type: 'NotImplementedError' },
  503: { type: 'Service Unavailable', message: BUSY_MESSAGE },
};

/** JSON. 401 is no ErrorResponse: the middleware that asks for a key answers it. */
export function errorAnswer(status: number): string {
  if (status === 401) return '{"error":"Unauthorized"}';
  const phrase = STATUS_CODES[status] ?? 'Error';
  const { type, message } = OWN_ERRORS[status] ?? { type: phrase };
  const info: ErrorInfo = { message: message ?? phrase, type, param: null, code: status };
  return errorBody(info);
}
