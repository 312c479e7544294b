/**
 * What happens to every request before its route: request ids, keys, CORS, in that order from outside in; and the
 * count of HTTP exchanges after it. Source: vllm/entrypoints/serve/middleware/register.py (0.33.0).
 */
import type { FastifyInstance } from 'fastify';
import { randomHex } from '../llm/random-uuid.ts';
import { AccessLog } from './access-log.ts';
import { Authenticator } from './authenticate.ts';
import { Cors } from './cors.ts';
import { sendJson } from './error-handler.ts';
import type { FastifyReply, FastifyRequest, RouteContext } from './route-context.ts';

/** Requests that a middleware answered never reach the instrumentation, so they are not counted. */
const uncounted = new WeakSet<FastifyRequest>();

export function addMiddleware(app: FastifyInstance, context: RouteContext): void {
  const { args, env, clock } = context;
  const keys = (args.apiKey ?? (env.apiKey === null ? [] : [env.apiKey])).filter(
    (key) => key !== '',
  );
  const authenticator = new Authenticator(keys);
  const cors = new Cors({
    allowOrigins: args.allowedOrigins as readonly string[],
    allowMethods: args.allowedMethods as readonly string[],
    allowHeaders: args.allowedHeaders as readonly string[],
    allowCredentials: args.allowCredentials,
  });
  const accessLog = AccessLog.create(args, context.logger);
  app.decorateRequest('extraHeaders');
  app.decorateRequest('startedMs', 0);
  app.addHook('onRequest', (request, reply, done) => {
    request.startedMs = clock.monotonicMs();
    accessLog?.watch(request.raw, reply.raw);
    const headers: Record<string, string> = {};
    request.extraHeaders = headers;
    if (args.enableRequestIdHeaders) {
      const given = request.headers['x-request-id'];
      headers['x-request-id'] = (Array.isArray(given) ? given[0] : given) ?? randomHex(32);
    }
    if (
      !authenticator.isAllowed(request.method, pathOf(request.url), request.headers.authorization)
    ) {
      uncounted.add(request);
      sendJson(request, reply, 401, '{"error":"Unauthorized"}');
      return;
    }
    if (answerPreflight(cors, request, reply)) return;
    cors.addSimpleHeaders(request.headers.origin, headers);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    if (!uncounted.has(request)) countExchange(context, request, reply);
    done();
  });
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

export function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
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
    responseBytes: Number(reply.raw.getHeader('content-length') ?? 0),
    durationSeconds: (clock.monotonicMs() - request.startedMs) / 1000,
    nowSeconds: clock.wallMs() / 1000,
  });
}
