import type { PyDict } from '../../../shared/python/values.ts';
import { extraMultimodal } from '../../openai/renderer.ts';
import type { TokenizeChatRequest, TokenizeCompletionRequest } from '../../openai/request-types.ts';
import { checkModel } from '../../openai/serving-context.ts';
import { tokenizeText } from '../../openai/tokenize/params.ts';
import { sendJson } from '../error-handler.ts';
import { requestBody } from '../openapi-document.ts';
import { bodyOf, type RegisterRoute, type RouteContext } from '../route-context.ts';

/** `POST /tokenize`: the token ids of a text or of a rendered chat. Source: vllm/entrypoints/serve/tokenize/serving.py. */
export const registerTokenize: RegisterRoute = (app, context) => {
  const { parser, serving, tokenizer, model } = context;
  app.post(
    '/tokenize',
    { schema: requestBody('Tokenize', 'tokenize-request') },
    (request, reply) => {
      const parsed = parser.tokenize(bodyOf(request), request.headers['content-type']);
      checkModel(serving, parsed.model);
      const tokens = tokenIdsOf(context, parsed);
      const answer = {
        count: tokens.length,
        max_model_len: model.maxModelLen,
        tokens,
        token_strs: parsed.return_token_strs === true ? tokenizer.convertIdsToTokens(tokens) : null,
      };
      sendJson(request, reply, 200, JSON.stringify(answer));
    },
  );
};

function tokenIdsOf(
  { renderer, tokenizer }: RouteContext,
  request: TokenizeCompletionRequest | TokenizeChatRequest,
): readonly number[] {
  const params = {
    maxTotalTokens: null,
    maxOutputTokens: 0,
    truncatePromptTokens: null,
    truncationSide: null,
    addSpecialTokens: request.add_special_tokens,
    maxOutputTokensParam: 'max_output_tokens',
  };
  if (!('messages' in request)) {
    renderer.checkMultimodalTrust(extraMultimodal(request as unknown as PyDict));
    return tokenizeText(tokenizer, request.prompt, params);
  }
  const rendered = renderer.renderChat(
    {
      messages: request.messages,
      chatTemplate: request.chat_template,
      chatTemplateKwargs: request.chat_template_kwargs,
      mmProcessorKwargs: request.mm_processor_kwargs,
      mediaIoKwargs: request.media_io_kwargs,
      addGenerationPrompt: request.add_generation_prompt,
      continueFinalMessage: request.continue_final_message,
      documents: null,
      reasoningEffort: null,
      tools: request.tools,
      reusedTokenIds: null,
    },
    params,
  );
  return rendered.promptTokenIds;
}
