import { createResponse, responseNotFound } from '../../openai/responses/serving.ts';
import { generationHandler } from '../generation-route.ts';
import { describe, requestBody } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /v1/responses`; stored responses do not exist, so looking one up is always a 404. */
export const registerResponses: RegisterRoute = (app, context) => {
  const { parser, serving } = context;
  app.post(
    '/v1/responses',
    { schema: requestBody('Create Responses', 'responses-request') },
    generationHandler(
      context,
      (body, contentType) => parser.parse('responses-request', body, contentType),
      (request, headers, channel) => createResponse(serving, request, headers, channel),
    ),
  );
  const lookUp = (request: { params: unknown }): never => {
    throw responseNotFound((request.params as { response_id: string }).response_id);
  };
  app.get('/v1/responses/:response_id', { schema: describe('Retrieve Responses') }, lookUp);
  app.post('/v1/responses/:response_id/cancel', { schema: describe('Cancel Responses') }, lookUp);
};
