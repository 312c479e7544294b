import type { FastifyInstance } from 'fastify';
import { get, isTruthy, type PyValue } from '../../../shared/python/values.ts';
import { ApiError } from '../../llm/errors.ts';
import { whenHere } from '../../openai/later.ts';
import {
  type RenderServing,
  renderChat,
  renderCompletion,
  renderResponse,
} from '../../openai/render/serving.ts';
import { generateTokens } from '../../openai/token-in-token-out/serving.ts';
import { HttpException, sendError, sendJson } from '../error-handler.ts';
import { generationHandler } from '../generation-route.ts';
import { requestBody } from '../openapi-document.ts';
import { asDict, rawJson } from '../raw-json.ts';
import { bodyOf, contentTypeOf } from '../request-body.ts';
import { ResponseDeparture } from '../response-departure.ts';
import type {
  FastifyReply,
  FastifyRequest,
  RegisterRoute,
  RouteContext,
} from '../route-context.ts';
import { sendText } from '../send-text.ts';
import { registerDerender } from './derender.ts';

const GENERATE = '/inference/v1/generate';
const ABORT = '/inference/v1/abort_requests';
const PATHS = [
  '/v1/chat/completions/render',
  '/v1/messages/render',
  '/v1/completions/render',
  '/v1/responses/render',
  '/v1/chat/completions/derender',
  '/v1/completions/derender',
  GENERATE,
  ABORT,
];

/**
 * The endpoints of a deployment in parts, with `--enable-scale-out` or `--tokens-only`; else they say that they are off.
 * Source: vllm/entrypoints/scale_out/factories.py (0.33.0).
 */
export const registerScaleOut: RegisterRoute = (app, context) => {
  const { args } = context;
  if (args.enableScaleOut || args.tokensOnly) {
    registerRender(app, context);
    registerResponsesRender(app, context);
    registerDerender(app, context);
    registerGenerate(app, context);
    return;
  }
  for (const path of PATHS) app.post(path, refuse);
};

function refuse(request: FastifyRequest, reply: FastifyReply): void {
  const message =
    'Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.';
  sendError(
    request,
    reply,
    new ApiError({ message, type: 'PermissionDeniedError', param: null, code: 403 }),
  );
}

function renderServing({ serving, args }: RouteContext): RenderServing {
  return {
    context: serving,
    defaultChatTemplateKwargs: { cohere_format: 'cmd4', ...args.defaultChatTemplateKwargs },
  };
}

function registerRender(app: FastifyInstance, context: RouteContext): void {
  const { parser, messages } = context;
  const rendering = renderServing(context);
  app.post(
    '/v1/chat/completions/render',
    { schema: requestBody('Render Chat Completion', 'chat-completion-request') },
    async (request, reply) => {
      const parsed = parser.parse(
        'chat-completion-request',
        bodyOf(request),
        contentTypeOf(request),
      );
      const departure = new ResponseDeparture(reply.raw);
      sendJson(
        request,
        reply,
        200,
        await renderChat(rendering, parsed, request.headers, departure),
      );
      return reply;
    },
  );
  app.post(
    '/v1/messages/render',
    { schema: requestBody('Render Messages', 'messages-request') },
    async (request, reply) => {
      const parsed = parser.parse('messages-request', bodyOf(request), contentTypeOf(request));
      const departure = new ResponseDeparture(reply.raw);
      const rendered = whenHere(messages.toChat(parsed), (chat) =>
        renderChat(rendering, chat, request.headers, departure),
      );
      sendJson(request, reply, 200, await rendered);
      return reply;
    },
  );
  app.post(
    '/v1/completions/render',
    { schema: requestBody('Render Completion', 'completion-request') },
    async (request, reply) => {
      const parsed = parser.parse('completion-request', bodyOf(request), contentTypeOf(request));
      const departure = new ResponseDeparture(reply.raw);
      const rendered = renderCompletion(rendering, parsed, request.headers, departure);
      sendJson(request, reply, 200, await rendered);
      return reply;
    },
  );
}

function registerResponsesRender(app: FastifyInstance, context: RouteContext): void {
  const { parser } = context;
  const rendering = renderServing(context);
  app.post(
    '/v1/responses/render',
    { schema: requestBody('Render Responses', 'responses-request') },
    async (request, reply) => {
      const parsed = parser.parse('responses-request', bodyOf(request), contentTypeOf(request));
      const departure = new ResponseDeparture(reply.raw);
      sendJson(request, reply, 200, await renderResponse(rendering, parsed, departure));
      return reply;
    },
  );
}

function registerGenerate(app: FastifyInstance, context: RouteContext): void {
  const { parser, serving, args, env } = context;
  const rules = {
    tokensOnly: args.tokensOnly,
    get maxNumSeqs() {
      return maxNumSeqsOf(context);
    },
  };
  app.post(
    GENERATE,
    { schema: requestBody('Generate', 'generate-request') },
    generationHandler(
      context,
      (body, contentType) => {
        const request = parser.parse('generate-request', body, contentType);
        return { ...request, vllm_xargs: request.sampling_params.extra_args ?? null };
      },
      (request, headers, channel) => generateTokens(serving, rules, request, headers, channel),
      { keepsAlive: false },
    ),
  );
  const abort = (request: FastifyRequest, reply: FastifyReply): void => {
    const ids = get(asDict(rawJson(request)), 'request_ids');
    if (ids === null) throw new HttpException(400, "Missing 'request_ids' in request body");
    const externalIds = idsOf(ids);
    // An empty list aborts everything where the engine is asked.
    if (externalIds.length > 0) context.llm.abort(externalIds);
    sendText(request, reply, '');
  };
  app.post(ABORT, abort);
  // The path of the development server's own, where that is on.
  if (args.tokensOnly && !env.serverDevMode) app.post('/abort_requests', abort);
}

/** What the engines take; what they told the settings, else the flag. */
function maxNumSeqsOf({ model, args }: RouteContext): number {
  const { scheduler_config: scheduler } = model.vllmConfig.json as {
    scheduler_config?: { max_num_seqs?: number };
  };
  return scheduler?.max_num_seqs ?? args.maxNumSeqs ?? Number.POSITIVE_INFINITY;
}

/** As Python iterates over them: a text is its characters. */
function idsOf(value: PyValue): readonly string[] {
  if (!isTruthy(value)) return [];
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? (value as readonly PyValue[]).map(String) : [];
}
