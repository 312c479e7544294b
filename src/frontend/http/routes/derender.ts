import { derenderChat, derenderCompletion } from '../../openai/derender/serving.ts';
import { sendJson } from '../error-handler.ts';
import { requestBody } from '../openapi-document.ts';
import { bodyOf, contentTypeOf } from '../request-body.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /v1/chat/completions/derender`, `POST /v1/completions/derender`. */
export const registerDerender: RegisterRoute = (app, { parser, serving, args, env, model }) => {
  const bounds = {
    maxNumSequences: env.maxNSequences,
    maxModelLen: model.maxModelLen,
    maxLogprobs: args.maxLogprobs,
  };
  app.post(
    '/v1/chat/completions/derender',
    { schema: requestBody('Derender Chat Completion', 'derender-chat-request') },
    async (request, reply) => {
      const parsed = parser.parse('derender-chat-request', bodyOf(request), contentTypeOf(request));
      sendJson(request, reply, 200, derenderChat(serving, bounds, parsed));
      return reply;
    },
  );
  app.post(
    '/v1/completions/derender',
    { schema: requestBody('Derender Completion', 'derender-completion-request') },
    async (request, reply) => {
      const contentType = contentTypeOf(request);
      const parsed = parser.parse('derender-completion-request', bodyOf(request), contentType);
      sendJson(request, reply, 200, derenderCompletion(serving, bounds, parsed));
      return reply;
    },
  );
};
