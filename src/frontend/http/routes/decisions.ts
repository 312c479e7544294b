import { DecisionsServing } from '../../openai/decisions/serving.ts';
import { generationHandler } from '../generation-route.ts';
import { requestBody } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /v1/decisions`, `POST /v1/systemone`: on every server; which model they work on is found out when asked. */
export const registerDecisions: RegisterRoute = (app, context) => {
  const { parser, serving } = context;
  const decisions = new DecisionsServing(serving);
  app.post(
    '/v1/systemone',
    { schema: requestBody('Create Structured Decision', 'structured-decision-request') },
    generationHandler(
      context,
      (body, contentType) => ({
        ...parser.parse('structured-decision-request', body, contentType),
        vllm_xargs: null,
      }),
      (request, headers, channel) => decisions.createStructuredDecision(request, headers, channel),
    ),
  );
  app.post(
    '/v1/decisions',
    { schema: requestBody('Create Decision', 'decision-request') },
    generationHandler(
      context,
      (body, contentType) => ({
        ...parser.parse('decision-request', body, contentType),
        vllm_xargs: null,
      }),
      (request, headers, channel) => decisions.createDecisions(request, headers, channel),
    ),
  );
};
