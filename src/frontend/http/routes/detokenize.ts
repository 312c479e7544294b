import { badRequest } from '../../llm/errors.ts';
import { checkModel } from '../../openai/serving-context.ts';
import { sendJson } from '../error-handler.ts';
import { requestBody } from '../openapi-document.ts';
import { bodyOf, type RegisterRoute } from '../route-context.ts';

const MAX_TOKEN_ID = 0xffff_ffff;

/** `POST /detokenize`: the text of token ids; ids that are in no vocabulary add nothing. */
export const registerDetokenize: RegisterRoute = (app, { parser, serving, tokenizer }) => {
  app.post(
    '/detokenize',
    { schema: requestBody('Detokenize', 'detokenize-request') },
    (request, reply) => {
      const parsed = parser.detokenize(bodyOf(request), request.headers['content-type']);
      checkModel(serving, parsed.model);
      // The tokenizer's ids are 32 bits wide: what is larger is its error, in its words.
      if (parsed.tokens.some((id) => id > MAX_TOKEN_ID)) {
        throw badRequest('number too large to fit in target type');
      }
      const prompt = tokenizer.decode(parsed.tokens.map(Number), { skipSpecialTokens: false });
      sendJson(request, reply, 200, JSON.stringify({ prompt }));
    },
  );
};
