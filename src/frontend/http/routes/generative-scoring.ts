import { createGenerativeScoring } from '../../openai/generative-scoring/serving.ts';
import { generationHandler } from '../generation-route.ts';
import { requestBody } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /generative_scoring`. */
export const registerGenerativeScoring: RegisterRoute = (app, context) => {
  const { parser, serving } = context;
  app.post(
    '/generative_scoring',
    { schema: requestBody('Create Generative Scoring', 'generative-scoring-request') },
    generationHandler(
      context,
      (body, contentType) => ({
        ...parser.parse('generative-scoring-request', body, contentType),
        vllm_xargs: null,
      }),
      (request, headers, channel) => createGenerativeScoring(serving, request, headers, channel),
    ),
  );
};
