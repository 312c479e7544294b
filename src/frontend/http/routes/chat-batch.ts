import { createBatchChatCompletion } from '../../openai/chat-batch/serving.ts';
import { generationHandler } from '../generation-route.ts';
import { requestBody } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /v1/chat/completions/batch`. */
export const registerChatBatch: RegisterRoute = (app, context) => {
  const { parser, serving } = context;
  app.post(
    '/v1/chat/completions/batch',
    { schema: requestBody('Create Batch Chat Completion', 'batch-chat-completion-request') },
    generationHandler(
      context,
      (body, contentType) => parser.parse('batch-chat-completion-request', body, contentType),
      (request, headers, channel) =>
        createBatchChatCompletion({ context: serving, parser }, request, headers, channel),
    ),
  );
};
