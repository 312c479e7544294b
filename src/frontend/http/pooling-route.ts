/** The way of every endpoint of pooling models: parse, hand over, write the one answer. */
import type { Later } from '../openai/later.ts';
import type { PoolingAnswer } from '../openai/pooling/answers.ts';
import type { PoolingCall } from '../openai/pooling/serving.ts';
import type { ServingContext } from '../openai/serving-context.ts';
import { sendJson } from './error-handler.ts';
import { bodyOf, contentTypeOf } from './request-body.ts';
import { ResponseDeparture } from './response-departure.ts';
import type { FastifyReply, FastifyRequest, RouteContext } from './route-context.ts';

export function poolingHandler<Request>(
  { serving, load }: RouteContext,
  parse: (body: Uint8Array, contentType: string | undefined) => Request,
  create: (context: ServingContext, request: Request, call: PoolingCall) => Later<PoolingAnswer>,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  return async (request, reply) => {
    const parsed = parse(bodyOf(request), contentTypeOf(request));
    const end = load.begin();
    try {
      const departure = new ResponseDeparture(reply.raw);
      const answer = await create(serving, parsed, { headers: request.headers, departure });
      sendAnswer(request, reply, answer);
    } catch (error) {
      // A client that left is told nothing.
      if (!reply.raw.destroyed) throw error;
      reply.hijack();
    } finally {
      end();
    }
    return reply;
  };
}

function sendAnswer(request: FastifyRequest, reply: FastifyReply, answer: PoolingAnswer): void {
  if (answer.kind === 'json') {
    sendJson(request, reply, 200, answer.body);
    return;
  }
  reply.code(200).headers(request.extraHeaders).header('content-type', 'application/octet-stream');
  if (answer.metadata !== null) reply.header('metadata', answer.metadata);
  reply.send(answer.body);
}
