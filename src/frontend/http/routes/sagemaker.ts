import type { FastifyInstance } from 'fastify';
import type { PyDict } from '../../../shared/python/values.ts';
import type { ChatCompletionRequest } from '../../openai/chat/request.ts';
import { createChatCompletion } from '../../openai/chat/serving.ts';
import type { CompletionRequest } from '../../openai/completions/request.ts';
import { createCompletion } from '../../openai/completions/serving.ts';
import { createRerank, createScore } from '../../openai/pooling/scoring.ts';
import {
  createClassification,
  createEmbedding,
  createPooling,
} from '../../openai/pooling/serving.ts';
import { generationHandler } from '../generation-route.ts';
import { describe } from '../openapi-document.ts';
import { poolingHandler } from '../pooling-route.ts';
import { checkJsonType, rawJson } from '../raw-json.ts';
import type {
  FastifyReply,
  FastifyRequest,
  RegisterRoute,
  RouteContext,
} from '../route-context.ts';
import { adapterBody } from '../sagemaker/adapter-body.ts';
import {
  generateKinds,
  matchInvocation,
  type PoolingKind,
  poolingKinds,
  withAdapter,
} from '../sagemaker/invocation.ts';
import { answerSession } from '../sagemaker/session-requests.ts';
import { Sessions } from '../sagemaker/sessions.ts';
import { sendText } from '../send-text.ts';

const SESSION_ID = 'x-amzn-sagemaker-session-id';
const ADAPTER_ID = 'x-amzn-sagemaker-adapter-identifier';
const ADAPTER_ALIAS = 'x-amzn-sagemaker-adapter-alias';

/** `POST /invocations`, and with VLLM_ALLOW_RUNTIME_LORA_UPDATING `POST /adapters`, `DELETE /adapters/{adapter_name}`. */
export const registerSageMaker: RegisterRoute = (app, context) => {
  const { env, clock } = context;
  const sessions = env.enableStatefulSessions
    ? new Sessions(clock, env.sessionsExpirationSeconds)
    : null;
  app.post('/invocations', { schema: describe('Invocations') }, (request, reply) => {
    checkJsonType(request);
    const body = rawJson(request);
    const answer = answerSession(body, header(request, SESSION_ID), sessions);
    if (answer !== null) {
      sendText(request, reply, answer.text, answer.headers);
      return;
    }
    return invoke(context, withAdapter(body, header(request, ADAPTER_ID)), request, reply);
  });
  if (env.allowRuntimeLoraUpdating) registerAdapters(app, context);
};

function header(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

function invoke(
  context: RouteContext,
  body: PyDict,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> | void {
  const { parser, serving, model } = context;
  if (model.pooling !== null) {
    const match = matchInvocation(parser, body, poolingKinds(model.pooling));
    return poolingHandler(
      context,
      () => match.request as never,
      POOLING[match.kind] as never,
    )(request, reply);
  }
  const match = matchInvocation(parser, body, generateKinds());
  const handler =
    match.kind === 'chat-completion-request'
      ? generationHandler(
          context,
          () => match.request as ChatCompletionRequest,
          (chat, headers, channel) => createChatCompletion(serving, chat, headers, channel),
          { reportsLoad: true },
        )
      : generationHandler(
          context,
          () => match.request as CompletionRequest,
          (completion, headers, channel) => createCompletion(serving, completion, headers, channel),
          { reportsLoad: true },
        );
  return handler(request, reply);
}

const POOLING = {
  'embedding-request': createEmbedding,
  'classification-request': createClassification,
  'rerank-request': createRerank,
  'score-request': createScore,
  'pooling-request': createPooling,
} as const satisfies Record<PoolingKind, unknown>;

function registerAdapters(app: FastifyInstance, { parser, adapters }: RouteContext): void {
  app.post(
    '/adapters',
    { schema: describe('Register a new LoRA adapter') },
    async (request, reply) => {
      const { name, src } = adapterBody(parser, request);
      await adapters.load({
        lora_name: name,
        lora_path: src,
        load_inplace: false,
        is_3d_lora_weight: false,
      });
      sendText(request, reply, `Adapter ${header(request, ADAPTER_ALIAS) || name} registered`);
    },
  );
  app.delete(
    '/adapters/:adapter_name',
    { schema: describe('Unregister a LoRA adapter') },
    async (request, reply) => {
      const { adapter_name: name } = request.params as { adapter_name: string };
      await adapters.unload({ lora_name: name });
      sendText(request, reply, `Adapter ${header(request, ADAPTER_ALIAS) || name} unregistered`);
    },
  );
}
