/**
 * From a pooling request to the token ids of its prompts. Source: vllm/entrypoints/pooling/base/io_processor.py
 * PoolingIOProcessor, vllm/renderers/params.py TokenizeParams (0.33.0). Leaves out: multimodal input.
 */

import type { PyDict } from '../../../shared/python/values.ts';
import { badRequest, notFound } from '../../llm/errors.ts';
import type { ChatMessageParam } from '../chat/request.ts';
import { templateFields } from '../chat/templating.ts';
import { extraMultimodal } from '../renderer.ts';
import type { ServingContext } from '../serving-context.ts';
import { applyTokenLimits, checkTokenizeParams, type TokenizeParams } from '../tokenize/params.ts';
import type { Departure } from '../workers/worker-lane.ts';
import type { ChatInput, PoolingBasicRequest, PoolingInput, PromptsInput } from './request.ts';

export interface PoolingPrompt {
  readonly promptTokenIds: readonly number[];
  /** Null where the request came as token ids. */
  readonly text: string | null;
}

/** What holds for every prompt of a request. */
export interface PromptLimits {
  /** Tokens; null: any number. */
  readonly maxTotalTokens: number | null;
  /** Tokens that shorter prompts are filled up to; null: they stay. */
  readonly padTo: number | null;
}

/** The limits of requests that are not embedded. */
export function fixedLimits(
  { model }: ServingContext,
  { padding }: PoolingBasicRequest,
): PromptLimits {
  const maxTotalTokens = model.maxModelLen;
  return { maxTotalTokens, padTo: padding === 'max_length' ? maxTotalTokens : null };
}

export function tokenizeParamsOf(
  request: PoolingBasicRequest,
  { maxTotalTokens }: PromptLimits,
  addSpecialTokens: boolean,
): TokenizeParams {
  return {
    maxTotalTokens,
    maxOutputTokens: 0,
    truncatePromptTokens: request.truncate_prompt_tokens,
    // Whoever generates keeps the end of a prompt, whoever pools its beginning. Source: vllm/tokenizers/registry.py.
    truncationSide:
      request.truncate_prompt_tokens === null ? null : (request.truncation_side ?? 'right'),
    addSpecialTokens,
    maxOutputTokensParam: 'max_output_tokens',
  };
}

/** What is wrong with a request whatever its prompts are. Throws ApiError. */
export function checkPoolingRequest(
  { renderer, model, models, skipModelNameValidation }: ServingContext,
  request: PoolingBasicRequest,
): void {
  renderer.checkMultimodalTrust(extraMultimodal(request as unknown as PyDict));
  const { model: name } = request;
  // Other endpoints name the models that there are.
  if (name && !skipModelNameValidation && !models.has(name))
    throw notFound(`The model \`${name}\` does not exist.`);
  const { truncate_prompt_tokens: kept } = request;
  if (kept !== null && kept > model.maxModelLen)
    throw badRequest(
      'truncate_prompt_tokens value is greater than max_model_len. Please request a smaller truncation size.',
    );
}

/** Throws, or rejects with, ApiError. */
export async function renderPrompts(
  context: ServingContext,
  request: PoolingBasicRequest & PromptsInput,
  limits: PromptLimits,
  departure: Departure,
): Promise<readonly PoolingPrompt[]> {
  const prompts =
    'messages' in request
      ? await renderChats(context, request, limits, departure)
      : await renderTexts(
          context,
          { request, limits, addSpecialTokens: request.add_special_tokens, departure },
          toPromptList(request.input),
        );
  return prompts.map((prompt) => padded(context, prompt, limits));
}

/** Source: prompt_to_seq. */
function toPromptList(input: PoolingInput): readonly (string | readonly number[])[] {
  if (typeof input === 'string') return [input];
  if (input.length > 0 && typeof input[0] === 'number') return [input as readonly number[]];
  return input as readonly (string | readonly number[])[];
}

export interface TextRendering {
  readonly request: PoolingBasicRequest;
  readonly limits: PromptLimits;
  readonly addSpecialTokens: boolean;
  readonly departure: Departure;
}

/** Throws, or rejects with, ApiError. */
export async function renderTexts(
  { renderer, tokenizer, model }: ServingContext,
  { request, limits, addSpecialTokens, departure }: TextRendering,
  prompts: readonly (string | readonly number[])[],
): Promise<readonly PoolingPrompt[]> {
  if (prompts.length === 0) throw badRequest('You must pass at least one prompt');
  const params = tokenizeParamsOf(request, limits, addSpecialTokens);
  checkTokenizeParams(params);
  const lower = model.pooling?.doLowerCase === true;
  const texts = prompts.flatMap((prompt) =>
    typeof prompt === 'string' ? [lower ? prompt.toLowerCase() : prompt] : [],
  );
  const idsOfTexts = await renderer.encoding.tokenize(texts, params, departure);
  let numTexts = 0;
  return prompts.map((prompt) =>
    typeof prompt === 'string'
      ? { text: prompt, promptTokenIds: idsOfTexts[numTexts++] ?? [] }
      : { text: null, promptTokenIds: applyTokenLimits(tokenizer, prompt, params) },
  );
}

async function renderChats(
  { renderer }: ServingContext,
  request: PoolingBasicRequest & ChatInput,
  limits: PromptLimits,
  departure: Departure,
): Promise<readonly PoolingPrompt[]> {
  const params = tokenizeParamsOf(request, limits, request.add_special_tokens);
  const prompts: PoolingPrompt[] = [];
  for (const messages of conversationsOf(request.messages)) {
    prompts.push(
      await renderer.renderChat(
        {
          messages,
          ...templateFields(request),
          documents: null,
          reasoningEffort: null,
          tools: null,
          reusedTokenIds: null,
        },
        params,
        departure,
      ),
    );
  }
  return prompts;
}

function conversationsOf(
  messages: ChatInput['messages'],
): readonly (readonly ChatMessageParam[])[] {
  return Array.isArray(messages[0])
    ? (messages as readonly (readonly ChatMessageParam[])[])
    : [messages as readonly ChatMessageParam[]];
}

export function padded(
  { tokenizer }: ServingContext,
  prompt: PoolingPrompt,
  { padTo }: PromptLimits,
): PoolingPrompt {
  const missing = (padTo ?? 0) - prompt.promptTokenIds.length;
  if (missing <= 0) return prompt;
  const padding = new Array<number>(missing).fill(tokenizer.padTokenId ?? 0);
  return { ...prompt, promptTokenIds: [...prompt.promptTokenIds, ...padding] };
}
