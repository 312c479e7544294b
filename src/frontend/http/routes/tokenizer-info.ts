import { readTokenizerInfo } from '../../openai/tokenize/tokenizer-info.ts';
import { sendJson } from '../error-handler.ts';
import { describe } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `GET /tokenizer_info`, with --enable-tokenizer-info-endpoint: the tokenizer's configuration. */
export const registerTokenizerInfo: RegisterRoute = (app, { tokenizerFolder, model, renderer }) => {
  app.get('/tokenizer_info', { schema: describe('Get Tokenizer Info') }, async (request, reply) => {
    const info = await readTokenizerInfo({
      folder: tokenizerFolder,
      name: tokenizerFolder ?? model.model,
      chatTemplate: renderer.chatTemplate,
    });
    sendJson(request, reply, 200, JSON.stringify(info));
    return reply;
  });
};
