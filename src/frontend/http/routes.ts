/** All routes, in the order that vLLM's server has them; which of them exist depends on the environment as there. */
import type { FastifyInstance } from 'fastify';
import { recordDocumentedRoutes } from './openapi-document.ts';
import type { RegisterRoute, RouteContext } from './route-context.ts';
import { registerChatBatch } from './routes/chat-batch.ts';
import { registerChatCompletions } from './routes/chat-completions.ts';
import { registerCollectiveRpc } from './routes/collective-rpc.ts';
import { registerCompletions } from './routes/completions.ts';
import { registerDecisions } from './routes/decisions.ts';
import { registerDetokenize } from './routes/detokenize.ts';
import { registerDocs } from './routes/docs.ts';
import { registerElasticEp } from './routes/elastic-ep.ts';
import { registerGenerativeScoring } from './routes/generative-scoring.ts';
import { registerHealth } from './routes/health.ts';
import { registerKvEventSources } from './routes/kv-event-sources.ts';
import { registerLoad } from './routes/load.ts';
import { registerLora } from './routes/lora.ts';
import { registerMessages } from './routes/messages.ts';
import { registerMetrics } from './routes/metrics.ts';
import { registerModels } from './routes/models.ts';
import { registerPause } from './routes/pause.ts';
import { registerPooling } from './routes/pooling.ts';
import { registerProfile } from './routes/profile.ts';
import { registerResetCaches } from './routes/reset-caches.ts';
import { registerResponses } from './routes/responses.ts';
import { registerSageMaker } from './routes/sagemaker.ts';
import { registerScaleOut } from './routes/scale-out.ts';
import { registerServerInfo } from './routes/server-info.ts';
import { registerSleep } from './routes/sleep.ts';
import { registerTokenize } from './routes/tokenize.ts';
import { registerTokenizerInfo } from './routes/tokenizer-info.ts';
import { registerVersion } from './routes/version.ts';
import { registerWeights } from './routes/weights.ts';

const ALWAYS: readonly RegisterRoute[] = [
  registerLoad,
  registerVersion,
  registerKvEventSources,
  registerHealth,
  registerMetrics,
  registerTokenize,
  registerDetokenize,
  registerModels,
  registerDecisions,
  registerSageMaker,
];

/** Of a model that generates. */
const GENERATE: readonly RegisterRoute[] = [
  registerChatCompletions,
  registerResponses,
  registerCompletions,
  registerMessages,
  registerChatBatch,
  registerGenerativeScoring,
  registerElasticEp,
  registerScaleOut,
];

/** With VLLM_SERVER_DEV_MODE=1. */
const DEVELOPMENT: readonly RegisterRoute[] = [
  registerResetCaches,
  registerCollectiveRpc,
  registerServerInfo,
  registerSleep,
  registerPause,
  registerWeights,
];

function namesProfiler(config: Readonly<Record<string, unknown>> | null): boolean {
  return (config?.['profiler'] ?? null) !== null;
}

export function registerRoutes(app: FastifyInstance, context: RouteContext): void {
  recordDocumentedRoutes(app);
  for (const register of ALWAYS) register(app, context);
  const ofModel = context.model.pooling === null ? GENERATE : [registerPooling];
  for (const register of ofModel) register(app, context);
  if (namesProfiler(context.args.profilerConfig)) registerProfile(app, context);
  if (context.args.enableTokenizerInfoEndpoint) registerTokenizerInfo(app, context);
  if (context.env.allowRuntimeLoraUpdating) registerLora(app, context);
  if (context.env.serverDevMode) {
    context.logger.warn(
      'SECURITY WARNING: Development endpoints are enabled! This should NOT be used in production!',
    );
    for (const register of DEVELOPMENT) register(app, context);
  }
  registerDocs(app, context);
}
