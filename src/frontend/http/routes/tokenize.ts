import { tokenize } from '../../openai/tokenize/serving.ts';
import { sendJson } from '../error-handler.ts';
import { requestBody } from '../openapi-document.ts';
import { bodyOf, contentTypeOf } from '../request-body.ts';
import { ResponseDeparture } from '../response-departure.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /tokenize`: the token ids of a text or of a rendered chat. */
export const registerTokenize: RegisterRoute = (app, { parser, serving }) => {
  app.post(
    '/tokenize',
    { schema: requestBody('Tokenize', 'tokenize-request') },
    async (request, reply) => {
      const contentType = contentTypeOf(request);
      const parsed = parser.parse('tokenize-request', bodyOf(request), contentType);
      const departure = new ResponseDeparture(reply.raw);
      sendJson(request, reply, 200, await tokenize(serving, parsed, departure));
      return reply;
    },
  );
};
