import { createCompletion } from '../../openai/completions/serving.ts';
import { generationHandler } from '../generation-route.ts';
import { requestBody } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /v1/completions`. */
export const registerCompletions: RegisterRoute = (app, context) => {
  const { parser, serving } = context;
  app.post(
    '/v1/completions',
    { schema: requestBody('Create Completion', 'completion-request') },
    generationHandler(
      context,
      (body, contentType) => parser.parse('completion-request', body, contentType),
      (request, headers, channel) => createCompletion(serving, request, headers, channel),
      { reportsLoad: true },
    ),
  );
};
