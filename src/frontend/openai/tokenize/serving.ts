/**
 * `/tokenize` and `/detokenize`: texts and chats to token ids, and back.
 * Source: vllm/entrypoints/serve/tokenize/serving.py (0.33.0).
 */

import type { PyDict } from '../../../shared/python/values.ts';
import { badRequest } from '../../llm/errors.ts';
import { templateFields } from '../chat/templating.ts';
import { type Later, whenHere } from '../later.ts';
import { extraMultimodal } from '../renderer.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import type { Departure } from '../workers/worker-lane.ts';
import { tokenizeAnswer } from './answer.ts';
import type { DetokenizeRequest, TokenizeRequest } from './request.ts';

const MAX_TOKEN_ID = 0xffff_ffff;

/** The answer's JSON, later for a long text. Throws, or rejects with, ApiError. */
export function tokenize(
  context: ServingContext,
  request: TokenizeRequest,
  departure: Departure | null,
): Later<string | Uint8Array> {
  const { model, tokenizer, renderer } = context;
  checkModel(context, request.model);
  const options = {
    maxModelLen: model.maxModelLen,
    withStrings: request.return_token_strs === true,
  };
  if ('messages' in request) {
    return whenHere(chatTokenIds(context, request, departure), (tokens) =>
      tokenizeAnswer(tokenizer, tokens, options),
    );
  }
  renderer.checkMultimodalTrust(extraMultimodal(request as unknown as PyDict));
  const { prompt: text, add_special_tokens: addSpecialTokens } = request;
  return renderer.encoding.answerTokenize({ text, addSpecialTokens, ...options }, departure);
}

type TokenizeChatRequest = Extract<TokenizeRequest, { messages: unknown }>;

function chatTokenIds(
  { renderer }: ServingContext,
  request: TokenizeChatRequest,
  departure: Departure | null,
): Later<readonly number[]> {
  const params = {
    maxTotalTokens: null,
    maxOutputTokens: 0,
    truncatePromptTokens: null,
    truncationSide: null,
    addSpecialTokens: request.add_special_tokens,
    maxOutputTokensParam: 'max_output_tokens',
  };
  const rendered = renderer.renderChat(
    {
      messages: request.messages,
      ...templateFields(request),
      documents: null,
      reasoningEffort: null,
      tools: request.tools,
      reusedTokenIds: null,
    },
    params,
    departure,
  );
  return whenHere(rendered, ({ promptTokenIds }) => promptTokenIds);
}

/** The answer's JSON, later for many ids; ids that are in no vocabulary add nothing. Throws, or rejects with, ApiError. */
export function detokenize(
  context: ServingContext,
  request: DetokenizeRequest,
  departure: Departure | null,
): Later<string> {
  checkModel(context, request.model);
  // The tokenizer's ids are 32 bits wide: what is larger is its error, in its words.
  if (request.tokens.some((id) => id > MAX_TOKEN_ID)) {
    throw badRequest('number too large to fit in target type');
  }
  const ids = request.tokens.map(Number);
  const texts = context.renderer.encoding.detokenize([ids], departure);
  return whenHere(texts, ([prompt = '']) => JSON.stringify({ prompt }));
}
