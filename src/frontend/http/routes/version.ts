import { VLLM_VERSION } from '../../../shared/version.ts';
import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `GET /version`: the vLLM release that this server follows. */
export const registerVersion: RegisterRoute = (app) => {
  app.get('/version', { schema: describe('Show Version') }, (request, reply) => {
    sendJson(request, reply, 200, JSON.stringify({ version: VLLM_VERSION }));
  });
};
