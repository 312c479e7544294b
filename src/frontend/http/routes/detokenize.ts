import { detokenize } from '../../openai/tokenize/serving.ts';
import { sendJson } from '../error-handler.ts';
import { requestBody } from '../openapi-document.ts';
import { bodyOf, contentTypeOf } from '../request-body.ts';
import type { RegisterRoute } from '../route-context.ts';

/** `POST /detokenize`: the text of token ids. */
export const registerDetokenize: RegisterRoute = (app, { parser, serving }) => {
  app.post(
    '/detokenize',
    { schema: requestBody('Detokenize', 'detokenize-request') },
    (request, reply) => {
      const contentType = contentTypeOf(request);
      const parsed = parser.parse('detokenize-request', bodyOf(request), contentType);
      sendJson(request, reply, 200, detokenize(serving, parsed));
    },
  );
};
