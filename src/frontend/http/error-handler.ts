/** Errors on their way to the client. Source: vllm/entrypoints/serve/exception_handling (0.33.0). */
import { STATUS_CODES } from 'node:http';
import { TwinError } from '../../shared/errors.ts';
import { isWellFormed, utf8EncodeError } from '../../shared/python/surrogates.ts';
import { badRequest, type ErrorInfo, errorBody, toApiError } from '../llm/errors.ts';
import { UnreadableBodyError } from '../openai/request-parser.ts';
import type { FastifyReply, FastifyRequest } from './route-context.ts';

/** An error that only the HTTP side knows: its type is the status's own phrase, as HTTPException's is. */
export class HttpException extends Error {
  override readonly name = 'HttpException';
  readonly info: ErrorInfo;
  constructor(status: number, detail: string) {
    super(detail);
    const type = STATUS_CODES[status] ?? 'Error';
    this.info = { message: detail, type, param: null, code: status };
  }
}

/** `{"detail": …}`: what the framework itself answers, before any handler of vLLM's. */
export function sendDetail(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  detail: string,
): void {
  sendJson(request, reply, status, JSON.stringify({ detail }));
}

export function sendJson(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  body: string | Uint8Array,
): void {
  reply.code(status).headers(request.extraHeaders).header('content-type', 'application/json');
  // As bytes: for a text the framework would add a charset, which vLLM does not.
  reply.send(
    typeof body === 'string'
      ? Buffer.from(body)
      : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
  );
}

/** Any error becomes its body; what is no error of ours is logged by the caller. */
export function sendError(request: FastifyRequest, reply: FastifyReply, error: unknown): void {
  if (error instanceof UnreadableBodyError) {
    sendDetail(request, reply, 400, error.message);
    return;
  }
  const info = encodableInfo(error instanceof HttpException ? error.info : toApiError(error).info);
  sendJson(request, reply, info.code, errorBody(info));
}

/** A body that Python cannot write as UTF-8 becomes the error that tells so. */
function encodableInfo(info: ErrorInfo): ErrorInfo {
  if (isWellFormed(info.message)) return info;
  // JSON.stringify escapes lone surrogates, and beside them control characters alone; Python leaves them.
  const body = errorBody(info).replace(
    /\\(?:u(d[89a-f][0-9a-f]{2})|.)/g,
    (written, unit?: string) =>
      unit === undefined ? written : String.fromCharCode(Number.parseInt(unit, 16)),
  );
  return toApiError(badRequest(utf8EncodeError(body) ?? '')).info;
}

/** True for a fault of our own, which belongs in the log with its stack. */
export function isUnexpected(error: unknown): boolean {
  return !(
    error instanceof TwinError ||
    error instanceof HttpException ||
    error instanceof UnreadableBodyError
  );
}
