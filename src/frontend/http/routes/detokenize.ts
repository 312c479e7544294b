import { detokenize } from '../../openai/tokenize/serving.ts';
import { sendJson } from '../error-handler.ts';
import { requestBody } from '../openapi-document.ts';
import { bodyOf, contentTypeOf } from '../request-body.ts';
import { ResponseDeparture } from '../response-departure.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /detokenize`: the text of token ids. */
export const registerDetokenize: RegisterRoute = (app, { parser, serving }) => {
  app.post(
    '/detokenize',
    { schema: requestBody('Detokenize', 'detokenize-request') },
    async (request, reply) => {
      const contentType = contentTypeOf(request);
      const parsed = parser.parse('detokenize-request', bodyOf(request), contentType);
      const departure = new ResponseDeparture(reply.raw);
      sendJson(request, reply, 200, await detokenize(serving, parsed, departure));
      return reply;
    },
  );
};
