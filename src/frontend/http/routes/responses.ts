import type { FastifyReply, FastifyRequest } from 'fastify';
import { createResponse } from '../../openai/responses/serving.ts';
import {
  cancelResponse,
  parseRetrieveQuery,
  retrieveResponse,
  storedResponse,
} from '../../openai/responses/stored.ts';
import { sendError, sendJson } from '../error-handler.ts';
import { generationHandler } from '../generation-route.ts';
import { describe, requestBody } from '../openapi-document.ts';
import { ResponseChannel } from '../response-channel.ts';
import type { RegisterRoute, RouteContext } from '../route-context.ts';

/** `/v1/responses`, and the stored ones by id. Source: vllm/entrypoints/openai/responses/api_router.py (0.33.0). */
export const registerResponses: RegisterRoute = (app, context) => {
  const { parser, serving, logger } = context;
  if (serving.responses !== null) {
    logger.warn(
      '`VLLM_ENABLE_RESPONSES_API_STORE` is enabled: responses are kept in memory, and the oldest make room.',
    );
  }
  app.post(
    '/v1/responses',
    { schema: requestBody('Create Responses', 'responses-request') },
    generationHandler(
      context,
      (body, contentType) => parser.parse('responses-request', body, contentType),
      (request, headers, channel) => createResponse(serving, request, headers, channel),
    ),
  );
  app.get(
    '/v1/responses/:response_id',
    { schema: describe('Retrieve Responses') },
    (request, reply) => retrieve(context, request, reply),
  );
  app.post(
    '/v1/responses/:response_id/cancel',
    { schema: describe('Cancel Responses') },
    (request, reply) => {
      sendJson(request, reply, 200, cancelResponse(serving.responses, idOf(request)));
      context.turnWriter.flush();
    },
  );
};

function idOf(request: FastifyRequest): string {
  return (request.params as { response_id: string }).response_id;
}

function retrieve(context: RouteContext, request: FastifyRequest, reply: FastifyReply): void {
  const { args, load, serving, turnWriter, unread } = context;
  const id = idOf(request);
  try {
    const query = parseRetrieveQuery(request.query as Readonly<Record<string, unknown>>);
    storedResponse(serving.responses, id);
    reply.hijack();
    const channel = new ResponseChannel({
      response: reply.raw,
      headers: request.extraHeaders,
      turnWriter,
      unread,
      keepAliveSeconds: args.sseKeepAliveInterval,
      onDone: load.begin(),
    });
    retrieveResponse(serving.responses, id, query, channel);
  } catch (error) {
    sendError(request, reply, error);
    return;
  }
  turnWriter.flush();
}
