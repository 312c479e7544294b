import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import { createQueryParser } from '../query-params.ts';
import type { RegisterRoute } from '../route-context.ts';

const parseQuery = createQueryParser({
  reset_running_requests: { s: 'bool', d: false },
  reset_external: { s: 'bool', d: false },
});

/** Development: `/reset_prefix_cache` and its like. Source: vllm/entrypoints/serve/dev/cache/api_router.py. */
export const registerResetCaches: RegisterRoute = (app, { llm, logger }) => {
  app.post(
    '/reset_prefix_cache',
    { schema: describe('Reset Prefix Cache') },
    async (request, reply) => {
      logger.info('Resetting prefix cache...');
      const query = parseQuery(request.query);
      const success = await llm.resetPrefixCache(
        query['reset_running_requests'] as boolean,
        query['reset_external'] as boolean,
      );
      sendJson(request, reply, 200, JSON.stringify({ success }));
      return reply;
    },
  );
  app.post('/reset_mm_cache', { schema: describe('Reset Mm Cache') }, async (request, reply) => {
    await llm.resetMmCache();
    return reply.code(200).headers(request.extraHeaders).send();
  });
  app.post(
    '/reset_encoder_cache',
    { schema: describe('Reset Encoder Cache') },
    async (request, reply) => {
      await llm.resetEncoderCache();
      return reply.code(200).headers(request.extraHeaders).send();
    },
  );
};
