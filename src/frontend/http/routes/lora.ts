import { ApiError, internalError } from '../../llm/errors.ts';
import { requestBody } from '../openapi-document.ts';
import { bodyOf, contentTypeOf } from '../request-body.ts';
import type { FastifyReply, FastifyRequest, RegisterRoute } from '../route-context.ts';

/** `/v1/load_lora_adapter`, `/v1/unload_lora_adapter`. Source: vllm/entrypoints/serve/lora/api_router.py. */
export const registerLora: RegisterRoute = (app, { parser, models, llm, logger }) => {
  app.post(
    '/v1/load_lora_adapter',
    { schema: requestBody('Load Lora Adapter', 'load-lora-adapter-request') },
    async (request, reply) => {
      const parsed = parser.parse(
        'load-lora-adapter-request',
        bodyOf(request),
        contentTypeOf(request),
      );
      const lora = models.prepareLoad(parsed);
      await llm.addLora(lora).catch((error: unknown) => {
        throw error instanceof ApiError ? error : internalError(String((error as Error).message));
      });
      models.add(lora);
      logger.info(`Loaded new LoRA adapter: name '${lora.loraName}', path '${lora.loraPath}'`);
      return sendText(
        request,
        reply,
        `Success: LoRA adapter '${lora.loraName}' added successfully.`,
      );
    },
  );
  app.post(
    '/v1/unload_lora_adapter',
    { schema: requestBody('Unload Lora Adapter', 'unload-lora-adapter-request') },
    async (request, reply) => {
      const { lora_name: name } = parser.parse(
        'unload-lora-adapter-request',
        bodyOf(request),
        contentTypeOf(request),
      );
      models.remove(name);
      logger.info(`Removed LoRA adapter: name '${name}'`);
      return sendText(request, reply, `Success: LoRA adapter '${name}' removed successfully.`);
    },
  );
};

function sendText(request: FastifyRequest, reply: FastifyReply, text: string): FastifyReply {
  return reply
    .code(200)
    .headers(request.extraHeaders)
    .header('content-type', 'text/plain; charset=utf-8')
    .send(text);
}
