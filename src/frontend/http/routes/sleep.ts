import type { PauseMode } from '../../llm/async-llm.ts';
import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import { createQueryParser } from '../query-params.ts';
import type { RegisterRoute } from '../route-context.ts';

const parseSleepQuery = createQueryParser({
  level: { s: { t: 'int', ge: 0, le: 2 }, d: 1 },
  mode: { s: { t: 'literal', of: ['abort', 'wait', 'keep'] }, d: 'abort' },
});

/** Development: `/sleep`, `/wake_up`, `/is_sleeping`. Source: vllm/entrypoints/serve/dev/sleep/api_router.py. */
export const registerSleep: RegisterRoute = (app, { llm, logger, metrics }) => {
  app.post('/sleep', { schema: describe('Sleep') }, async (request, reply) => {
    const { level, mode } = parseSleepQuery(request.query);
    await metrics.recordSleepOperation('sleep', () =>
      llm.sleep(level as number, mode as PauseMode),
    );
    sendJson(request, reply, 200, JSON.stringify({ status: 'sleeping', level }));
    return reply;
  });
  app.post(
    '/release_kv_cache_memory',
    { schema: describe('Release Kv Cache Memory') },
    async (request, reply) => {
      await metrics.recordSleepOperation('release_kv_cache_memory', () =>
        llm.releaseKvCacheMemory(),
      );
      sendJson(request, reply, 200, JSON.stringify({ status: 'kv_cache_released' }));
      return reply;
    },
  );
  app.post('/wake_up', { schema: describe('Wake Up') }, async (request, reply) => {
    const given = (request.query as Record<string, string | string[] | undefined>)['tags'];
    const tags = given === undefined ? null : Array.isArray(given) ? given : [given];
    logger.info(`wake up the engine with tags: ${tags === null ? 'None' : JSON.stringify(tags)}`);
    const isAwake = await metrics.recordSleepOperation('wake', () => llm.wakeUp(tags));
    sendJson(request, reply, 200, JSON.stringify({ status: isAwake ? 'awake' : 'sleeping', tags }));
    return reply;
  });
  app.get('/is_sleeping', { schema: describe('Is Sleeping') }, async (request, reply) => {
    sendJson(request, reply, 200, JSON.stringify({ is_sleeping: await llm.isSleeping() }));
    return reply;
  });
};
