import { createChatCompletion } from '../../openai/chat/serving.ts';
import { generationHandler } from '../generation-route.ts';
import { requestBody } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /v1/chat/completions`. */
export const registerChatCompletions: RegisterRoute = (app, context) => {
  const { parser, serving, logger } = context;
  app.post(
    '/v1/chat/completions',
    { schema: requestBody('Create Chat Completion', 'chat-completion-request') },
    generationHandler(
      context,
      (body, contentType) => parser.parse('chat-completion-request', body, contentType),
      (request, headers, channel) => {
        if (request.tools !== null)
          logger.debug('tools are shown to the template and never called');
        return createChatCompletion(serving, request, headers, channel);
      },
      { reportsLoad: true },
    ),
  );
};
