import { requestBody } from '../openapi-document.ts';
import { bodyOf, contentTypeOf } from '../request-body.ts';
import type { RegisterRoute } from '../route-context.ts';
import { sendText } from '../send-text.ts';

/** `/v1/load_lora_adapter`, `/v1/unload_lora_adapter`. Source: vllm/entrypoints/serve/lora/api_router.py. */
export const registerLora: RegisterRoute = (app, { parser, adapters, logger }) => {
  logger.warn(
    'LoRA dynamic loading & unloading is enabled in the API server. This should ONLY be used for local development!',
  );
  app.post(
    '/v1/load_lora_adapter',
    { schema: requestBody('Load Lora Adapter', 'load-lora-adapter-request') },
    async (request, reply) => {
      const contentType = contentTypeOf(request);
      const parsed = parser.parse('load-lora-adapter-request', bodyOf(request), contentType);
      sendText(request, reply, await adapters.load(parsed));
    },
  );
  app.post(
    '/v1/unload_lora_adapter',
    { schema: requestBody('Unload Lora Adapter', 'unload-lora-adapter-request') },
    async (request, reply) => {
      const contentType = contentTypeOf(request);
      const parsed = parser.parse('unload-lora-adapter-request', bodyOf(request), contentType);
      sendText(request, reply, await adapters.unload(parsed));
    },
  );
};
