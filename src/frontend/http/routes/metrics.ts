import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/**
 * `GET /metrics`: Prometheus text, whatever the request's headers and query say; with --enable-openmetrics the `Accept`
 * header decides. Source: prometheus_fastapi_instrumentator expose(), which vLLM 0.33.0 puts before its mount.
 */
export const registerMetrics: RegisterRoute = (app, { args, metrics }) => {
  app.get('/metrics', { schema: describe('Metrics') }, async (request, reply) => {
    const { accept } = request.headers;
    const { contentType, body } = await metrics.render({
      accept: args.enableOpenmetrics ? accept : undefined,
      names: [],
    });
    return reply.headers(request.extraHeaders).header('content-type', contentType).send(body);
  });
};
