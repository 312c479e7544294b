/**
 * The HTTP server: builds the serving parts, registers one route a file, listens. The one door to fastify.
 * Source: vllm/entrypoints/launchers/{app.py,api_server/app_state.py,launcher.py} (0.33.0).
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { type FastifyInstance, fastify } from 'fastify';
import type { Clock } from '../../shared/clock.ts';
import { parseLoraModules } from '../../shared/config/lora-modules.ts';
import type { Logger } from '../../shared/logger.ts';
import { systemTimers, type Timers } from '../../shared/timers.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import type { EngineClient } from '../engine-client/engine-client.ts';
import { ShownFaults } from '../faults/shown-faults.ts';
import { AsyncLLM } from '../llm/async-llm.ts';
import type { ServedModel } from '../llm/served-model.ts';
import { ChatTemplates } from '../openai/chat/template.ts';
import { LoraAdapters } from '../openai/lora-adapters.ts';
import { MessagesServing } from '../openai/messages/serving.ts';
import { ModelRegistry } from '../openai/model-registry.ts';
import type { OutputParsers } from '../openai/parsing/output-parsers.ts';
import { OnlineRenderer } from '../openai/renderer.ts';
import { RequestLogger } from '../openai/request-logger.ts';
import { RequestParser } from '../openai/request-parser.ts';
import { ResponseStore } from '../openai/responses/store.ts';
import type { ServingContext } from '../openai/serving-context.ts';
import type { TextWorkers } from '../openai/workers/text-workers.ts';
import type { RequestSchema } from '../pydantic/schema-node.ts';
import { loadRequestSchema } from '../pydantic/schemas.ts';
import type { Twin } from '../twin/twin-question.ts';
import { closeServer } from './close-server.ts';
import type { EarlyServer } from './early-server.ts';
import { isUnexpected, sendDetail, sendError } from './error-handler.ts';
import type { HttpArgs } from './http-args.ts';
import type { HttpEnv } from './http-env.ts';
import type { HttpMetricsSource } from './http-metrics-source.ts';
import { addressOf, type ListeningAddress, listen } from './listen.ts';
import { addMiddleware } from './middleware.ts';
import { createNodeServer } from './node-server.ts';
import { addNotFoundHandler } from './not-found.ts';
import { readBodiesAsBytes } from './request-body.ts';
import { RequestFaults } from './request-faults.ts';
import { withoutRootPath } from './request-target.ts';
import type { RouteContext } from './route-context.ts';
import { registerRoutes } from './routes.ts';
import { ServerLoad } from './server-load.ts';
import { readTlsSettings } from './tls-settings.ts';
import { TurnWriter } from './turn-writer.ts';
import { createTwinHandler, type TwinHandler } from './twin/twin-handler.ts';
import { UnreadBytes } from './unread-bytes.ts';

/** Larger bodies get 413: four million tokens as text, with room to spare. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/** Of models whose calls are numbered. Source: vllm/renderers/chat_utils/tool_call.py get_tool_call_id_type (0.33.0). */
const KIMI_MODEL_TYPES: readonly string[] = ['kimi_k2', 'kimi_k25', 'kimi_k3'];

export interface HttpServerOptions {
  /** Ready: `engines` is filled. The server becomes the one handler of its outputs and of its death. */
  readonly engineClient: EngineClient;
  readonly args: HttpArgs;
  readonly env: HttpEnv;
  readonly model: ServedModel;
  readonly tokenizer: Tokenizer | Promise<Tokenizer>;
  /** Where its files are; null for the embedded one. */
  readonly tokenizerFolder: string | null;
  /** For long texts; closed with the server. Without them everything is done at once. */
  readonly textWorkers?: TextWorkers;
  readonly metrics: HttpMetricsSource;
  /** False with `--disable-log-stats`: request statistics are not kept. */
  readonly logStats: boolean;
  readonly clock: Clock;
  /** Default: the event loop's. */
  readonly timers?: Timers;
  readonly logger: Logger;
  /** Which API server this is. */
  readonly clientIndex: number;
  /** As the input processor's. */
  readonly randomHex?: (length: number) => string;
  /** The faults at HTTP and on /metrics; left out, there are none. */
  readonly faults?: ShownFaults;
  /** What answers below /twin; without it nothing does. */
  readonly twin?: Twin;
  /** A port that is open already, and is taken over; null where the server opens its own. */
  readonly early?: EarlyServer | null;
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

/** Throws StartupError for an adapter of `--lora-modules` that cannot be loaded. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { args, env, early = null } = options;
  const faults = options.faults ?? new ShownFaults(options.clock);
  const requestFaults = new RequestFaults(faults, args);
  const tokenizer = await options.tokenizer;
  const parts = createRouteParts(options, tokenizer, await loadParsers(options, tokenizer));
  const context = { ...parts, faults, requestFaults };
  await context.adapters.loadStatic(parseLoraModules(args.loraModules));
  // The early server has one already.
  const twin =
    early !== null || options.twin === undefined
      ? null
      : createTwinHandler({ args, env, twin: options.twin });
  const app = createApp(options, { twin, early });
  addNotFoundHandler(app, args.rootPath ?? '');
  addMiddleware(app, context);
  registerRoutes(app, context);
  await app.ready();
  return {
    app,
    llm: context.llm,
    listen: async () => (early === null ? listen(app, args) : addressOf(early.server, args)),
    close: async () => {
      twin?.close();
      await Promise.all([early?.close(), closeServer(app), options.textWorkers?.close()]);
    },
  };
}

function createApp(
  { args, env, logger }: Pick<HttpServerOptions, 'args' | 'env' | 'logger'>,
  { twin, early }: { readonly twin: TwinHandler | null; readonly early: EarlyServer | null },
): FastifyInstance {
  const tls = readTlsSettings(args);
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: 'idle',
    serverFactory: (handler: RequestListener) =>
      early?.attach(handler) ?? createNodeServer({ args, env, tls, twin }, handler),
    exposeHeadRoutes: false,
    rewriteUrl: (request: IncomingMessage) => routedTarget(request.url ?? '/', args.rootPath ?? ''),
    schemaController: {
      // Bodies are checked by the request parser in vLLM's words; the schemas are for the OpenAPI document.
      compilersFactory: {
        buildValidator: () => () => () => true,
        buildSerializer: () => () => JSON.stringify,
      },
    },
  } as Parameters<typeof fastify>[0]) as unknown as FastifyInstance;
  readBodiesAsBytes(app);
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

/** What the router matches: the target without the root path. Source: starlette get_route_path. */
function routedTarget(target: string, rootPath: string): string {
  if (rootPath === '') return target;
  const end = target.indexOf('?');
  const path = end === -1 ? target : target.slice(0, end);
  const routed = withoutRootPath(path, rootPath);
  return `${routed === '' ? '/' : routed}${end === -1 ? '' : target.slice(end)}`;
}

function createRouteParts(
  options: HttpServerOptions,
  tokenizer: Tokenizer,
  parsers: OutputParsers | null,
): Omit<RouteContext, 'faults' | 'requestFaults'> {
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
    ...(options.randomHex === undefined ? {} : { randomHex: options.randomHex }),
    maxLogprobs: args.maxLogprobs,
    returnsSamplingMask: args.returnSamplingMask,
    hasReasoningParser: args.reasoningParser !== '',
    hasSpeculation: args.speculativeConfig !== null,
    streamInterval: args.streamInterval,
    logRequests: args.enableLogRequests,
    maxNumQueuedReqs: args.maxNumQueuedReqs,
    maxNumQueuedTokens: args.maxNumQueuedTokens,
  });
  llm.onTurnEnd(() => turnWriter.onMessage());
  llm.onEngineDead((reason) => options.onEngineDead?.(reason));
  const models = new ModelRegistry(model);
  const renderer = createRenderer(options, tokenizer, llm);
  const serving = createServing(options, { tokenizer, llm, models, renderer, parsers });
  const parser = new RequestParser({
    maxCompletionPrompts: env.maxCompletionPrompts,
    maxStopStrings: env.maxStopStrings,
  });
  return {
    args,
    env,
    model,
    engineClient,
    llm,
    models,
    adapters: new LoraAdapters({ llm, models, logger }),
    renderer,
    parser,
    serving,
    messages: new MessagesServing(serving, parser, args.anthropicDisabledThinkingEffort),
    tokenizer,
    tokenizerFolder: options.tokenizerFolder,
    metrics,
    turnWriter,
    unread: new UnreadBytes(logger),
    load: new ServerLoad(args.enableServerLoadTracking),
    clock,
    timers: options.timers ?? systemTimers,
    logger,
  };
}

/** Nothing of it is loaded where no flag asks for it. */
async function loadParsers(
  { args, model, metrics }: HttpServerOptions,
  tokenizer: Tokenizer,
): Promise<OutputParsers | null> {
  const toolCallParser = args.enableAutoToolChoice ? args.toolCallParser : null;
  const reasoningParser = args.reasoningParser || null;
  if (toolCallParser === null && reasoningParser === null) return null;
  const { loadOutputParsers } = await import('../openai/parsing/output-parsers.ts');
  return loadOutputParsers({
    toolCallParser,
    reasoningParser,
    tokenizer: {
      tokenId: (text) => tokenizer.tokenToId(text),
      decode: (ids) => tokenizer.decode(ids, { skipSpecialTokens: false }),
      allSpecialTokens: tokenizer.allSpecialTokens,
      chatTemplate: tokenizer.chatTemplate,
    },
    modelName: model.model,
    toolCallIdType: KIMI_MODEL_TYPES.includes(model.modelType) ? 'kimi_k2' : 'random',
    isHarmony: model.modelType === 'gpt_oss',
    onInvocation: (invocation) => metrics.recordToolParser(invocation),
  });
}

function createRenderer(
  { args, model, textWorkers }: HttpServerOptions,
  tokenizer: Tokenizer,
  llm: AsyncLLM,
): OnlineRenderer {
  let schema: RequestSchema | null = null;
  return new OnlineRenderer({
    tokenizer,
    chatTemplates: new ChatTemplates(),
    workers: textWorkers ?? null,
    maxModelLen: model.maxModelLen,
    modelName: model.servedModelNames[0] ?? model.model,
    chatTemplate: readChatTemplate(args.chatTemplate),
    chatTemplateContentFormat: args.chatTemplateContentFormat,
    trustRequestChatTemplate: args.trustRequestChatTemplate,
    trustRequestMmKwargs: args.trustRequestMmKwargs,
    excludeToolsWhenToolChoiceNone: args.excludeToolsWhenToolChoiceNone,
    enableAutoToolChoice: args.enableAutoToolChoice,
    hasToolParser: args.toolCallParser !== null && args.enableAutoToolChoice,
    promptEmbeds: model.promptEmbeds,
    defaultChatTemplateKwargs: args.defaultChatTemplateKwargs ?? {},
    reasoningEffortMap: args.reasoningEffortMap ?? {},
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
  parts: Pick<ServingContext, 'tokenizer' | 'llm' | 'models' | 'renderer' | 'parsers'>,
): ServingContext {
  return {
    ...parts,
    model,
    clock,
    logger,
    requestLogger: args.enableLogRequests
      ? new RequestLogger({
          logger,
          maxLogLen: args.maxLogLen,
          logsOutputs: args.enableLogOutputs,
          logsDeltas: args.enableLogDeltas,
        })
      : null,
    maxNumSequences: env.maxNSequences,
    responseRole: args.responseRole,
    returnTokensAsTokenIds: args.returnTokensAsTokenIds,
    enablePromptTokensDetails: args.enablePromptTokensDetails,
    enableForceIncludeUsage: args.enableForceIncludeUsage,
    enablePerRequestMetrics: args.enablePerRequestMetrics,
    skipModelNameValidation: env.skipModelNameValidation,
    toolCallRate: args.toolCallRate,
    responses: env.enableResponsesApiStore ? new ResponseStore() : null,
  };
}
