import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `GET /load`: requests in progress; 0 without `--enable-server-load-tracking`. */
export const registerLoad: RegisterRoute = (app, { load }) => {
  app.get('/load', { schema: describe('Get Server Load Metrics') }, (request, reply) => {
    sendJson(request, reply, 200, JSON.stringify({ server_load: load.count }));
  });
};
