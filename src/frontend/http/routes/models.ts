import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `GET /v1/models`: the served model under each of its names, and loaded adapters. */
export const registerModels: RegisterRoute = (app, { models, clock }) => {
  app.get('/v1/models', { schema: describe('Show Available Models') }, (request, reply) => {
    const created = Math.floor(clock.wallMs() / 1000);
    sendJson(request, reply, 200, JSON.stringify(models.list(created)));
  });
};
