import { servesScores } from '../../llm/served-pooling.ts';
import { createCohereEmbedding } from '../../openai/pooling/cohere.ts';
import { createRerank, createScore } from '../../openai/pooling/scoring.ts';
import {
  createClassification,
  createEmbedding,
  createPooling,
  createTokenEmbedding,
} from '../../openai/pooling/serving.ts';
import { requestBody } from '../openapi-document.ts';
import { poolingHandler } from '../pooling-route.ts';
import type { RegisterRoute, RouteContext } from '../route-context.ts';

/**
 * The endpoints of a model that pools, which of them by its tasks.
 * Source: vllm/entrypoints/pooling/factories.py register_pooling_api_routers (0.33.0).
 */
export const registerPooling: RegisterRoute = (app, context) => {
  const { parser, model, logger } = context;
  const { pooling } = model;
  if (pooling === null) return;
  const { task, supportedTasks } = pooling;
  app.post(
    '/pooling',
    { schema: requestBody('Create Pooling', 'pooling-request') },
    poolingHandler(context, (...body) => parser.parse('pooling-request', ...body), createPooling),
  );
  if (supportedTasks.includes('classify'))
    app.post(
      '/classify',
      { schema: requestBody('Create Classify', 'classification-request') },
      poolingHandler(
        context,
        (...body) => parser.parse('classification-request', ...body),
        createClassification,
      ),
    );
  if (task === 'token_embed')
    app.post(
      '/v1/embeddings',
      { schema: requestBody('Create Token Embedding', 'token-embedding-request') },
      poolingHandler(
        context,
        (...body) => parser.parse('token-embedding-request', ...body),
        createTokenEmbedding,
      ),
    );
  else if (supportedTasks.includes('embed')) registerEmbed(app, context);
  if (!servesScores(pooling)) return;
  const score = poolingHandler(
    context,
    (...body) => parser.parse('score-request', ...body),
    createScore,
  );
  const rerank = poolingHandler(
    context,
    (...body) => parser.parse('rerank-request', ...body),
    createRerank,
  );
  app.post('/score', { schema: requestBody('Create Score', 'score-request') }, score);
  app.post(
    '/v1/score',
    { schema: requestBody('Create Score V1', 'score-request') },
    (request, reply) => {
      logger.warn(
        'To indicate that Score API is not part of standard OpenAI API, we have moved it to `/score`. Please update your ' +
          'client accordingly.',
      );
      return score(request, reply);
    },
  );
  app.post('/rerank', { schema: requestBody('Do Rerank', 'rerank-request') }, rerank);
  let isToldOfV1 = false;
  app.post(
    '/v1/rerank',
    { schema: requestBody('Do Rerank V1', 'rerank-request') },
    (request, reply) => {
      if (!isToldOfV1)
        logger.warn(
          'To indicate that the rerank API is not part of the standard OpenAI API, we have located it at `/rerank`. Please ' +
            'update your client accordingly. (Note: Conforms to JinaAI rerank API)',
        );
      isToldOfV1 = true;
      return rerank(request, reply);
    },
  );
  app.post('/v2/rerank', { schema: requestBody('Do Rerank V2', 'rerank-request') }, rerank);
};

function registerEmbed(app: Parameters<RegisterRoute>[0], context: RouteContext): void {
  const { parser } = context;
  app.post(
    '/v1/embeddings',
    { schema: requestBody('Create Embedding', 'embedding-request') },
    poolingHandler(
      context,
      (...body) => parser.parse('embedding-request', ...body),
      createEmbedding,
    ),
  );
  app.post(
    '/v2/embed',
    { schema: requestBody('Create Cohere Embedding', 'cohere-embed-request') },
    poolingHandler(
      context,
      (...body) => parser.parse('cohere-embed-request', ...body),
      createCohereEmbedding,
    ),
  );
}
