import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ScrapeOptions } from '../../metrics/frontend-metrics.ts';
import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';
import { type ScrapeAnswer, sendSpoilt } from '../scrape-faults.ts';

/** What Node's parser knows and vLLM's mount answers; GET is a route of its own. */
const MOUNT_METHODS = ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'];
const gzipped = promisify(gzip);

/**
 * `GET /metrics`: Prometheus text, whatever the request's headers and query say; with --enable-openmetrics the `Accept`
 * header decides. In vLLM everything else that begins so, with any method, is a mount of prometheus_client's app, which
 * does negotiate, filter and compress.
 * Source: prometheus_fastapi_instrumentator expose(), vllm/entrypoints/serve/instrumentator/metrics.py attach_router (0.33.0).
 */
export const registerMetrics: RegisterRoute = (app, { args, metrics, faults, timers }) => {
  const answer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { isGzipped, ...scrape }: ScrapeOptions & { readonly isGzipped: boolean },
  ): Promise<FastifyReply> => {
    const render = async (): Promise<ScrapeAnswer> => {
      const { contentType, body, release } = await metrics.render(scrape);
      // All of it is the system's by then, or the client has left.
      reply.raw.once('close', release);
      const headers = { 'content-type': contentType };
      if (!isGzipped) return { headers, body };
      return { headers: { ...headers, 'content-encoding': 'gzip' }, body: await gzipped(body) };
    };
    const fate = faults.scrapeFate;
    if (fate !== null) return sendSpoilt(fate, request, reply, { render, timers });
    const { headers, body } = await render();
    return reply.headers(request.extraHeaders).headers(headers).send(body);
  };
  const answerMount = (request: FastifyRequest, reply: FastifyReply) => {
    const query = request.query as Record<string, string | readonly string[] | undefined>;
    const names = query['name[]'] ?? [];
    return answer(request, reply, {
      // Empty, not absent: the mount has a format of its own where nothing is asked for.
      accept: request.headers.accept ?? '',
      names: typeof names === 'string' ? [names] : names,
      isGzipped: acceptsGzip(request.headers['accept-encoding']),
    });
  };
  app.get('/metrics', { schema: describe('Metrics') }, (request, reply) =>
    answer(request, reply, {
      accept: args.enableOpenmetrics ? request.headers.accept : undefined,
      names: [],
      isGzipped: false,
    }),
  );
  app.route({ method: MOUNT_METHODS, url: '/metrics', handler: answerMount });
  app.route({ method: ['GET', ...MOUNT_METHODS], url: '/metrics*', handler: answerMount });
};

/** Whatever the weight. Source: prometheus_client.exposition.gzip_accepted 0.26. */
function acceptsGzip(acceptEncoding: string | string[] | undefined): boolean {
  const entries = String(acceptEncoding ?? '').split(',');
  return entries.some((entry) => entry.split(';')[0]?.trim().toLowerCase() === 'gzip');
}
