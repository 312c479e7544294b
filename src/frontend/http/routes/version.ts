import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `GET /version`: the vLLM release that this server says it is. */
export const registerVersion: RegisterRoute = (app, { args }) => {
  app.get('/version', { schema: describe('Show Version') }, (request, reply) => {
    sendJson(request, reply, 200, JSON.stringify({ version: args.vllmVersion }));
  });
};
