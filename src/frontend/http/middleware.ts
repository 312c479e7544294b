/**
 * What happens to every request before its route: request ids, keys, CORS, in that order from outside in; and the
 * count of HTTP exchanges after it. Source: vllm/entrypoints/serve/middleware/register.py (0.33.0).
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { errorAnswer } from '../faults/error-answer.ts';
import { randomHex } from '../llm/random-uuid.ts';
import { AccessLog } from './access-log.ts';
import { Authenticator } from './authenticate.ts';
import { Cors } from './cors.ts';
import { sendJson } from './error-handler.ts';
import { pathOf } from './request-target.ts';
import { resetConnection } from './reset-connection.ts';
import type { FastifyReply, FastifyRequest, RouteContext } from './route-context.ts';
import { refuseWebSocket } from './websocket-refusal.ts';

/** Requests that a middleware answered never reach the instrumentation, so they are not counted. */
const uncounted = new WeakSet<FastifyRequest>();

export function addMiddleware(app: FastifyInstance, context: RouteContext): void {
  const { args, env, clock } = context;
  const authenticator = Authenticator.of(args, env);
  const rootPath = args.rootPath ?? '';
  const cors = new Cors({
    allowOrigins: args.allowedOrigins as readonly string[],
    allowMethods: args.allowedMethods as readonly string[],
    allowHeaders: args.allowedHeaders as readonly string[],
    allowCredentials: args.allowCredentials,
  });
  const accessLog = AccessLog.create(args, context.logger);
  app.decorateRequest('extraHeaders');
  app.decorateRequest('startedMs', 0);
  app.decorateRequest('answerBytes', 0);
  app.decorateRequest('faultEffects');
  app.addHook('onRequest', (request, reply, done) => {
    if (context.requestFaults.refuses(request.url)) {
      uncounted.add(request);
      reply.hijack();
      resetConnection(reply.raw);
      return;
    }
    request.startedMs = clock.monotonicMs();
    accessLog?.watch(request.raw, reply.raw);
    const headers: Record<string, string> = {};
    request.extraHeaders = headers;
    if (args.enableRequestIdHeaders) {
      headers['x-request-id'] = firstValue(request.raw, 'x-request-id') ?? randomHex(32);
    }
    const isAllowed = isAllowedBy(authenticator, rootPath, request);
    if (request.raw.requestedUpgrade === 'websocket') {
      uncounted.add(request);
      answerWebSocket(request, reply, isAllowed);
      return;
    }
    if (!isAllowed) {
      uncounted.add(request);
      sendJson(request, reply, 401, '{"error":"Unauthorized"}');
      return;
    }
    if (answerPreflight(cors, request, reply)) return;
    cors.addSimpleHeaders(firstValue(request.raw, 'origin'), headers);
    // As vLLM: only where somebody will read the body.
    if (request.raw.isContinueExpected === true && hasRoutedBody(request))
      reply.raw.writeContinue();
    meetFaults(context, request, reply, done);
  });
  app.addHook('onResponse', (request, reply, done) => {
    if (!uncounted.has(request)) countExchange(context, request, reply);
    done();
  });
}

function meetFaults(
  { requestFaults }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  goOn: () => void,
): void {
  const effects = requestFaults.ofHeaders(request.headers);
  request.faultEffects = effects;
  if (effects.length === 0) {
    goOn();
    return;
  }
  requestFaults.meet(effects, {
    path: pathOf(request.url),
    response: reply.raw,
    goOn,
    refuse: (status) => sendFaultStatus(request, reply, status),
  });
}

/** The answer that a fault gives: as vLLM would of itself. */
export function sendFaultStatus(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
): void {
  // The middleware that asks for a key stands before what counts.
  if (status === 401) uncounted.add(request);
  sendJson(request, reply, status, errorAnswer(status));
}

function hasRoutedBody({ is404, method }: FastifyRequest): boolean {
  return !is404 && method !== 'GET' && method !== 'HEAD';
}

/** Of several headers with one name Starlette takes the first; Node joins them. */
function firstValue(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  if (typeof value !== 'string' || !value.includes(','))
    return Array.isArray(value) ? value[0] : value;
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) return rawHeaders[i + 1];
  }
  return value;
}

function answerPreflight(cors: Cors, request: FastifyRequest, reply: FastifyReply): boolean {
  const { origin } = request.headers;
  const requestMethod = request.headers['access-control-request-method'];
  if (request.method !== 'OPTIONS' || origin === undefined || requestMethod === undefined)
    return false;
  uncounted.add(request);
  const network = request.headers['access-control-request-private-network'];
  const answer = cors.preflight({
    origin,
    requestMethod,
    requestHeaders: request.headers['access-control-request-headers'],
    requestPrivateNetwork: Array.isArray(network) ? network[0] : network,
  });
  reply.code(answer.status).headers({ ...request.extraHeaders, ...answer.headers });
  reply.send(answer.body);
  return true;
}

/**
 * The key is asked for where the path that the router matches is guarded, and where vLLM would ask: it takes the root
 * path off as mere text, so with `--root-path /` it would look at `v1/models` and let everybody in.
 */
function isAllowedBy(
  authenticator: Authenticator,
  rootPath: string,
  { method, url, originalUrl, headers: { authorization } }: FastifyRequest,
): boolean {
  if (!authenticator.isAllowed(method, pathOf(url), authorization)) return false;
  if (rootPath === '') return true;
  const path = pathOf(originalUrl);
  const stripped = path.startsWith(rootPath) ? path.slice(rootPath.length) : path;
  return authenticator.isAllowed(method, stripped, authorization);
}

function answerWebSocket(request: FastifyRequest, reply: FastifyReply, isAllowed: boolean): void {
  const { headers, method } = request;
  const refusal = refuseWebSocket({
    method,
    path: pathOf(request.url),
    isUnauthorized: !isAllowed,
    key: headers['sec-websocket-key'] as string | undefined,
    version: headers['sec-websocket-version'] as string | undefined,
  });
  reply.code(refusal.status).header('content-type', refusal.contentType);
  if (refusal.allow !== undefined) reply.header('allow', refusal.allow);
  reply.header('connection', 'close').send(Buffer.from(refusal.body));
}

function countExchange(
  { metrics, clock }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  metrics.recordHttp({
    handler: request.is404 ? null : (request.routeOptions.url ?? null),
    path: pathOf(request.url),
    method: request.method,
    statusCode: reply.raw.statusCode,
    requestBytes: Number(request.headers['content-length'] ?? 0),
    responseBytes: request.answerBytes || Number(reply.getHeader('content-length') ?? 0),
    durationSeconds: (clock.monotonicMs() - request.startedMs) / 1000,
    nowSeconds: clock.wallMs() / 1000,
  });
}
