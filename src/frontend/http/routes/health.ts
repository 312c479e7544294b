import { describe } from '../openapi-document.ts';
import type { FastifyReply, FastifyRequest, RegisterRoute } from '../route-context.ts';

/** `GET /health`, and `/ping` which says the same: 200 while every engine lives, else 503; no body. */
export const registerHealth: RegisterRoute = (app, { llm }) => {
  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    reply
      .code(llm.isErrored ? 503 : 200)
      .headers(request.extraHeaders)
      .send();
  };
  app.get('/health', { schema: describe('Health') }, answer);
  app.get('/ping', { schema: describe('Ping') }, answer);
  app.post('/ping', { schema: describe('Ping') }, answer);
};
