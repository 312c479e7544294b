/**
 * The HTTP server: builds the serving parts, registers one route a file, listens. The one door to fastify.
 * Source: vllm/entrypoints/launchers/{app.py,api_server/app_state.py,launcher.py} (0.33.0).
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type FastifyInstance, fastify } from 'fastify';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { EngineClient } from '../engine-client/engine-client.ts';
import { AsyncLLM } from '../llm/async-llm.ts';
import type { ServedModel } from '../llm/served-model.ts';
import { ChatTemplates } from '../openai/chat/template.ts';
import { ModelRegistry } from '../openai/model-registry.ts';
import { OnlineRenderer } from '../openai/renderer.ts';
import { RequestParser } from '../openai/request-parser.ts';
import type { ServingContext } from '../openai/serving-context.ts';
import type { RequestSchema } from '../pydantic/schema-node.ts';
import { loadRequestSchema } from '../pydantic/schemas.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { closeServer } from './close-server.ts';
import { isUnexpected, sendDetail, sendError } from './error-handler.ts';
import type { HttpArgs } from './http-args.ts';
import type { HttpEnv } from './http-env.ts';
import type { HttpMetricsSource } from './http-metrics-source.ts';
import { type ListeningAddress, listen } from './listen.ts';
import { addMiddleware } from './middleware.ts';
import { addNotFoundHandler } from './not-found.ts';
import type { RouteContext } from './route-context.ts';
import { registerRoutes } from './routes.ts';
import { ServerLoad } from './server-load.ts';
import { TurnWriter } from './turn-writer.ts';

/** Larger bodies get 413: four million tokens as text, with room to spare. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
/** A client has this long to send its headers, and its whole request. */
const HEADERS_TIMEOUT_MS = 60_000;
const REQUEST_TIMEOUT_MS = 300_000;

export interface HttpServerOptions {
  /** Ready: `engines` is filled. The server becomes the one handler of its outputs and of its death. */
  readonly engineClient: EngineClient;
  readonly args: HttpArgs;
  readonly env: HttpEnv;
  readonly model: ServedModel;
  readonly tokenizer: Tokenizer | Promise<Tokenizer>;
  readonly metrics: HttpMetricsSource;
  /** False with `--disable-log-stats`: request statistics are not kept. */
  readonly logStats: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Which API server this is. */
  readonly clientIndex: number;
  /** Called when the engines died, after every running request was answered. */
  readonly onEngineDead?: (reason: string) => void;
}

export interface HttpServer {
  readonly app: FastifyInstance;
  readonly llm: AsyncLLM;
  /** Throws StartupError E_PORT_IN_USE. */
  listen(): Promise<ListeningAddress>;
  /** Ends open connections after what is being written. */
  close(): Promise<void>;
}

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { args, env } = options;
  const context = createRouteContext(options, await options.tokenizer);
  const app = createApp(args, env, options.logger);
  addNotFoundHandler(app);
  addMiddleware(app, context);
  registerRoutes(app, context);
  await app.ready();
  return {
    app,
    llm: context.llm,
    listen: () => listen(app, args),
    close: () => closeServer(app),
  };
}

function createApp(args: HttpArgs, env: HttpEnv, logger: Logger): FastifyInstance {
  const tls =
    args.sslCertfile === null && args.sslKeyfile === null
      ? null
      : {
          key: readIfGiven(args.sslKeyfile),
          cert: readIfGiven(args.sslCertfile),
          ca: readIfGiven(args.sslCaCerts),
          requestCert: args.sslCertReqs > 0,
          rejectUnauthorized: args.sslCertReqs === 2,
          ...(args.sslCiphers === null ? {} : { ciphers: args.sslCiphers }),
        };
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    keepAliveTimeout: env.httpTimeoutKeepAlive * 1000,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: args.h11MaxIncompleteEventSize, headersTimeout: HEADERS_TIMEOUT_MS },
    ...(tls === null ? {} : { https: tls }),
    exposeHeadRoutes: false,
    rewriteUrl: (request: IncomingMessage) => withoutRootPath(request.url ?? '/', args.rootPath),
    schemaController: {
      // Bodies are checked by the request parser in vLLM's words; the schemas are for the OpenAPI document.
      compilersFactory: {
        buildValidator: () => () => () => true,
        buildSerializer: () => () => JSON.stringify,
      },
    },
  } as Parameters<typeof fastify>[0]) as unknown as FastifyInstance;
  app.server.maxHeadersCount = args.h11MaxHeaderCount;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error: unknown, request, reply) => {
    const status = (error as { statusCode?: unknown }).statusCode;
    if (typeof status === 'number' && status >= 400 && status < 500) {
      sendDetail(request, reply, status, (error as Error).message);
      return;
    }
    if (isUnexpected(error)) logger.error({ err: error }, 'a request failed unexpectedly');
    sendError(request, reply, error);
  });
  return app;
}

function readIfGiven(path: string | null): Buffer | undefined {
  return path === null ? undefined : readFileSync(path);
}

function withoutRootPath(url: string, rootPath: string | null): string {
  if (rootPath === null || rootPath === '' || !url.startsWith(rootPath)) return url;
  const rest = url.slice(rootPath.length);
  return rest === '' || rest.startsWith('/') || rest.startsWith('?')
    ? `/${rest.replace(/^\//, '')}`
    : url;
}

function createRouteContext(options: HttpServerOptions, tokenizer: Tokenizer): RouteContext {
  const { args, env, model, engineClient, clock, logger, metrics } = options;
  const turnWriter = new TurnWriter();
  const llm = new AsyncLLM({
    engineClient,
    model,
    tokenizer,
    metrics: options.logStats ? metrics : null,
    clock,
    logger,
    numRanks: engineClient.engines.size,
    clientIndex: options.clientIndex,
    maxLogprobs: args.maxLogprobs,
    streamInterval: args.streamInterval,
    logRequests: args.enableLogRequests,
    maxNumQueuedReqs: args.maxNumQueuedReqs,
    maxNumQueuedTokens: args.maxNumQueuedTokens,
  });
  llm.onTurnEnd(() => turnWriter.flush());
  llm.onEngineDead((reason) => options.onEngineDead?.(reason));
  const models = new ModelRegistry(model);
  const renderer = createRenderer(options, tokenizer, llm);
  const serving = createServing(options, { tokenizer, llm, models, renderer });
  return {
    args,
    env,
    model,
    engineClient,
    llm,
    models,
    renderer,
    parser: new RequestParser({
      maxCompletionPrompts: env.maxCompletionPrompts,
      maxStopStrings: env.maxStopStrings,
    }),
    serving,
    tokenizer,
    metrics,
    turnWriter,
    load: new ServerLoad(args.enableServerLoadTracking),
    clock,
    logger,
  };
}

function createRenderer(
  { args, model }: HttpServerOptions,
  tokenizer: Tokenizer,
  llm: AsyncLLM,
): OnlineRenderer {
  let schema: RequestSchema | null = null;
  return new OnlineRenderer({
    tokenizer,
    chatTemplates: new ChatTemplates(),
    maxModelLen: model.maxModelLen,
    modelName: model.servedModelNames[0] ?? model.model,
    chatTemplate: readChatTemplate(args.chatTemplate),
    chatTemplateContentFormat: args.chatTemplateContentFormat,
    trustRequestChatTemplate: args.trustRequestChatTemplate,
    trustRequestMmKwargs: false,
    excludeToolsWhenToolChoiceNone: false,
    enableAutoToolChoice: args.enableAutoToolChoice,
    hasToolParser: args.toolCallParser !== null,
    defaultChatTemplateKwargs: {},
    validateTokenIds: (ids, parameter) => llm.inputProcessor.validateTokenIds(ids, parameter),
    messageSchema: () => {
      schema ??= loadRequestSchema('chat-completion-request');
      return schema;
    },
  });
}

/** `--chat-template` is a file's path, or the template itself. */
function readChatTemplate(value: string | null): string | null {
  if (value === null) return null;
  try {
    return readFileSync(value, 'utf8');
  } catch {
    return value;
  }
}

function createServing(
  { args, env, model, clock, logger }: HttpServerOptions,
  parts: Pick<ServingContext, 'tokenizer' | 'llm' | 'models' | 'renderer'>,
): ServingContext {
  return {
    ...parts,
    model,
    clock,
    logger,
    maxNumSequences: env.maxNSequences,
    responseRole: args.responseRole,
    returnTokensAsTokenIds: args.returnTokensAsTokenIds,
    enablePromptTokensDetails: args.enablePromptTokensDetails,
    enableForceIncludeUsage: args.enableForceIncludeUsage,
    enablePerRequestMetrics: false,
    skipModelNameValidation: env.skipModelNameValidation,
  };
}
