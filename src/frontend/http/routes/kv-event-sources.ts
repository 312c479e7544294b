import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `GET /kv_event_sources`: where each rank publishes its KV cache events; ranks that do not are left out. */
export const registerKvEventSources: RegisterRoute = (app, { engineClient }) => {
  app.get('/kv_event_sources', { schema: describe('Kv Event Sources') }, (request, reply) => {
    const sources: Record<string, unknown> = {};
    for (const [rank, { kvEventsConfig: config }] of engineClient.engines) {
      if (config === null) continue;
      sources[rank] = {
        enable_kv_cache_events: config.enableKvCacheEvents,
        publisher: config.publisher,
        endpoint: config.endpoint,
        replay_endpoint: config.replayEndpoint,
        buffer_steps: config.bufferSteps,
        hwm: config.hwm,
        max_queue_size: config.maxQueueSize,
        topic: config.topic,
      };
    }
    sendJson(request, reply, 200, JSON.stringify(sources));
  });
};
