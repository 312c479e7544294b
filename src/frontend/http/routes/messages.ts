import type { CountTokensRequest } from '../../openai/messages/request.ts';
import { generationHandler } from '../generation-route.ts';
import { requestBody } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /v1/messages`, `POST /v1/messages/count_tokens`. Source: vllm/entrypoints/anthropic/api_router.py (0.33.0). */
export const registerMessages: RegisterRoute = (app, context) => {
  const { parser, messages } = context;
  app.post(
    '/v1/messages',
    { schema: requestBody('Create Messages', 'messages-request') },
    generationHandler(
      context,
      (body, contentType) => parser.parse('messages-request', body, contentType),
      (request, headers, channel) => messages.create(request, headers, channel),
      { keepsAlive: false },
    ),
  );
  app.post(
    '/v1/messages/count_tokens',
    { schema: requestBody('Count Tokens', 'count-tokens-request') },
    generationHandler(
      context,
      (body, contentType) => withoutFaults(parser.parse('count-tokens-request', body, contentType)),
      (request, _headers, channel) => messages.countTokens(request, channel),
    ),
  );
};

/** Nothing is generated: no fault is carried. */
function withoutFaults(request: CountTokensRequest): CountTokensRequest & { vllm_xargs: null } {
  return { ...request, vllm_xargs: null };
}
