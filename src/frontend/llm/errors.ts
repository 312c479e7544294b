/**
 * Errors as the OpenAI API shows them: `{"error": {message, type, param, code}}`, with vLLM's types and words. Pure.
 * Source: vllm/exceptions.py, vllm/entrypoints/serve/exception_handling/error_response.py (0.33.0).
 */
import { type ErrorCode, reasonOf, TwinError } from '../../shared/errors.ts';
import type { RequestError } from '../../shared/protocol/outputs.ts';
import { pythonJson } from '../../shared/python/json-text.ts';
import { pyStr } from '../../shared/python/str.ts';
import type { PyValue } from '../../shared/python/values.ts';

export interface ErrorInfo {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: number;
}

const CODE_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  404: 'E_NOT_FOUND',
  422: 'E_UNPROCESSABLE',
  500: 'E_INTERNAL',
  501: 'E_NOT_IMPLEMENTED',
  503: 'E_UNAVAILABLE',
};

/** An error with the body that its client gets. */
export class ApiError extends TwinError {
  override readonly name = 'ApiError';
  readonly info: ErrorInfo;
  /** True where vLLM raises GenerationError: a chat stream then reports it as an internal error whatever its kind. */
  readonly isGenerationError: boolean;

  constructor(info: ErrorInfo, { isGenerationError = false } = {}) {
    super(CODE_BY_STATUS[info.code] ?? 'E_BAD_REQUEST', info.message);
    this.info = { ...info, message: sanitizeMessage(info.message) };
    this.isGenerationError = isGenerationError;
  }
}

/** VLLMValidationError: 400, and its text ends with the parameter and the value where it has them. */
export function validationError(
  message: string,
  { parameter, value }: { parameter?: string; value?: PyValue } = {},
): ApiError {
  const extras: string[] = [];
  if (parameter !== undefined) extras.push(`parameter=${parameter}`);
  if (value !== undefined && value !== null) extras.push(`value=${pyStr(value)}`);
  return new ApiError({
    message: extras.length === 0 ? message : `${message} (${extras.join(', ')})`,
    type: 'BadRequestError',
    param: parameter ?? null,
    code: 400,
  });
}

/** create_error_response with its defaults: 400 BadRequestError; also what a bare ValueError or TypeError becomes. */
export function badRequest(message: string, param: string | null = null): ApiError {
  return new ApiError({ message, type: 'BadRequestError', param, code: 400 });
}

export function notFound(message: string, param: string | null = null): ApiError {
  return new ApiError({ message, type: 'NotFoundError', param, code: 404 });
}

export function internalError(message: string): ApiError {
  return new ApiError({ message, type: 'InternalServerError', param: null, code: 500 });
}

/** GracefulHTTPError: the type is the status's own phrase. */
export function serviceUnavailable(message: string): ApiError {
  return new ApiError({ message, type: 'Service Unavailable', param: null, code: 503 });
}

/** RequestError.to_exception: what the client is to blame for is 400, retryable ones are 503, others 500. */
export function requestError({ code, message, retryable }: RequestError): ApiError {
  return code === 'validation_error'
    ? validationError(message)
    : generationError(message, retryable);
}

/** An engine could not go on with the request. */
export function generationError(message: string, retryable: boolean): ApiError {
  return new ApiError(
    {
      message,
      type: retryable ? 'ServiceUnavailableError' : 'InternalServerError',
      param: null,
      code: retryable ? 503 : 500,
    },
    { isGenerationError: true },
  );
}

export const ENGINE_DEAD_CLIENT_MESSAGE = 'The server had an error while processing your request.';

/** EngineDeadError as clients see it. */
export function engineDead(): ApiError {
  return internalError(ENGINE_DEAD_CLIENT_MESSAGE);
}

/** What any thrown value becomes in an answer. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof TwinError) {
    if (error.code === 'E_ENGINE_DEAD') return engineDead();
    if (error.code === 'E_UNAVAILABLE') return serviceUnavailable(error.message);
    if (error.family === 'client') return badRequest(error.message);
  }
  return internalError(reasonOf(error));
}

const ADDRESS = / at 0x[0-9a-fA-F]+>/g;
/** The blanks in front are taken by hand: as a part of the expression they would cost the square of their number. */
const TRACEBACK = /File "[^"]+", line \d+, in \S+(\n\s+.*)?/g;
const SYSTEM_PATH = /\/(?:home|usr|opt|var|tmp|root|lib|mnt|srv)(?:\/[\w.-]+)+/g;
/** With what ends it or without: a path that has no end is passed over once, not once for each of its parts. */
const FILE_PATH = /((?:\/[\w-]+){2,})(\.\w+)?/g;

/**
 * Takes memory addresses, tracebacks and file paths out. Messages hold texts of clients: the time is their length's.
 * Source: exception_handling/utils.py sanitize_message.
 */
export function sanitizeMessage(message: string): string {
  return withoutTracebacks(message.replace(ADDRESS, '>'))
    .replace(SYSTEM_PATH, '<path>')
    .replace(FILE_PATH, (path: string, _folders: string, end?: string) =>
      end === undefined ? path : '<path>',
    )
    .trim();
}

function withoutTracebacks(message: string): string {
  const kept: string[] = [];
  let at = 0;
  for (const match of message.matchAll(TRACEBACK)) {
    kept.push(message.slice(at, match.index).trimEnd());
    at = match.index + match[0].length;
  }
  kept.push(message.slice(at));
  return kept.join('');
}

/** `json.dumps` of an error body. */
export function errorBodyPythonJson({ message, type, param, code }: ErrorInfo): string {
  return pythonJson({ error: { message, type, param, code } });
}

export function errorBody(info: ErrorInfo): string {
  const { message, type, param, code } = info;
  return JSON.stringify({ error: { message, type, param, code } });
}
