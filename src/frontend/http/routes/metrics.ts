import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** What Node's parser knows and vLLM's mount answers; GET is a route of its own. */
const MOUNT_METHODS = ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'];
const TEXT_VERSION = 'text/plain; version=1.0.0';
const MOUNT_TEXT_VERSION = 'text/plain; version=0.0.4';

/**
 * `GET /metrics`: Prometheus text; `?name[]=` does not filter. In vLLM everything else that begins so, with any method,
 * is a mount of prometheus_client's app, which does filter.
 * Source: vllm/entrypoints/serve/instrumentator/metrics.py attach_router (0.33.0).
 */
export const registerMetrics: RegisterRoute = (app, { metrics }) => {
  const answer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { names, isMount }: { names: readonly string[]; isMount: boolean },
  ): Promise<FastifyReply> => {
    const { contentType, body } = await metrics.render({ accept: request.headers.accept, names });
    // prometheus_client's app names the older version of the same text.
    const text = names.length > 0 && body === '\n' ? '' : body;
    const shown = isMount ? contentType.replace(TEXT_VERSION, MOUNT_TEXT_VERSION) : contentType;
    return reply.headers(request.extraHeaders).header('content-type', shown).send(text);
  };
  const answerMount = (request: FastifyRequest, reply: FastifyReply) => {
    const query = request.query as Record<string, string | readonly string[] | undefined>;
    const names = query['name[]'] ?? [];
    return answer(request, reply, {
      names: typeof names === 'string' ? [names] : names,
      isMount: true,
    });
  };
  app.get('/metrics', { schema: describe('Metrics') }, (request, reply) =>
    answer(request, reply, { names: [], isMount: false }),
  );
  app.route({ method: MOUNT_METHODS, url: '/metrics', handler: answerMount });
  app.route({ method: ['GET', ...MOUNT_METHODS], url: '/metrics*', handler: answerMount });
};
