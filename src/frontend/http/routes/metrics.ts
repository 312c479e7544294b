import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `GET /metrics`: Prometheus text, or OpenMetrics where the scraper asks for it. */
export const registerMetrics: RegisterRoute = (app, { metrics }) => {
  app.get('/metrics', { schema: describe('Metrics') }, async (request, reply) => {
    const query = request.query as Record<string, string | readonly string[] | undefined>;
    const names = query['name[]'] ?? [];
    const { contentType, body } = await metrics.render({
      accept: request.headers.accept,
      names: typeof names === 'string' ? [names] : names,
    });
    return reply.headers(request.extraHeaders).header('content-type', contentType).send(body);
  });
};
