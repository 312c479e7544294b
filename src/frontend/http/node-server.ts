/**
 * Node's HTTP server with uvicorn's habits: what is malformed gets its 400, a target of any form its path, and Expect,
 * Upgrade and CONNECT what they get there. Fastify sees requests that are well formed.
 * Source: uvicorn/protocols/http/httptools_impl.py, vllm/entrypoints/launchers/launcher.py serve_http (0.33.0).
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { HttpArgs } from './http-args.ts';
import type { HttpEnv } from './http-env.ts';
import { hideContentType } from './request-body.ts';
import { canonicalTarget } from './request-target.ts';
import type { TlsSettings } from './tls-settings.ts';
import type { TwinHandler } from './twin/twin-handler.ts';
import { requestedUpgrade } from './websocket-refusal.ts';

/** A client has this long to send its headers, and its whole request. */
const HEADERS_TIMEOUT_MS = 60_000;
const REQUEST_TIMEOUT_MS = 300_000;

const INVALID = 'Invalid HTTP request received.';
const STATUS_LINES: Readonly<Record<number, string>> = {
  400: 'HTTP/1.1 400 Bad Request',
  408: 'HTTP/1.1 408 Request Timeout',
  431: 'HTTP/1.1 431 Request Header Fields Too Large',
};

declare module 'node:http' {
  interface IncomingMessage {
    /** The client waits for `100 Continue` before it sends the body. */
    isContinueExpected?: boolean;
    /** The protocol asked for; the parser of vLLM's server reads no body behind it. */
    requestedUpgrade?: string | null;
  }
}

export function createNodeServer(
  {
    args,
    env,
    tls,
    twin,
  }: { args: HttpArgs; env: HttpEnv; tls: TlsSettings | null; twin: TwinHandler | null },
  handler: RequestListener,
): Server {
  const options: ServerOptions = {
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: args.h11MaxIncompleteEventSize,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: env.httpTimeoutKeepAlive * 1000,
  };
  const onRequest: RequestListener = (request, response) => {
    if (!admit(request, response) || twin?.handle(request, response) === true) return;
    handler(request, response);
  };
  const server =
    tls === null
      ? createServer(options, onRequest)
      : createTlsServer({ ...options, ...tls }, onRequest).prependListener(
          'secureConnection',
          (socket) => {
            if (tls.requestCert && !mayEnter(socket)) socket.destroy();
          },
        );
  // All of them count, up to the size of all: a header that is dropped in silence could be the one that matters.
  server.maxHeadersCount = 0;
  server.on('clientError', answerClientError);
  server.on('connect', (_request: IncomingMessage, socket: Socket) => refuse(socket, 400));
  server.on('checkExpectation', onRequest);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    request.isContinueExpected = true;
    onRequest(request, response);
  });
  return server;
}

/** A certificate that is optional must still be good where one is given, as under Python's ssl.CERT_OPTIONAL. */
function mayEnter(socket: TLSSocket): boolean {
  return socket.authorized || socket.getPeerX509Certificate() === undefined;
}

/** False where the request is answered already. */
function admit(request: IncomingMessage, response: ServerResponse): boolean {
  const target = canonicalTarget(request.url ?? '');
  if (target === null) {
    refuse(request.socket, 400);
    return false;
  }
  request.url = target;
  hideContentType(request);
  const { upgrade } = request.headers;
  if (upgrade !== undefined) {
    request.requestedUpgrade = requestedUpgrade(upgrade, request.headers.connection);
  }
  // Only HTTP/1.1 connections are kept.
  if (request.httpVersion !== '1.1') response.shouldKeepAlive = false;
  return true;
}

function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 431
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 408
        : 400;
  refuse(socket, status);
}

/** Ends the connection with this status; what stands behind the request on it is not read. */
function refuse(socket: Socket, status: 400 | 408 | 431): void {
  if (!socket.writable) return;
  socket.end(
    `${STATUS_LINES[status]}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${INVALID.length}\r\nconnection: close\r\n\r\n${INVALID}`,
    () => socket.destroySoon(),
  );
}
