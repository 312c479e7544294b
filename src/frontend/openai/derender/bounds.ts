/**
 * What is refused before anything is decoded. Throws ApiError.
 * Source: vllm/entrypoints/scale_out/derender/serving.py ServingDerender (0.33.0).
 */
import { badRequest } from '../../llm/errors.ts';
import type { Generated } from './request.ts';

export interface DerenderBounds {
  readonly maxNumSequences: number;
  readonly maxModelLen: number;
  /** -1: no bound. */
  readonly maxLogprobs: number;
}

export function checkGenerated(
  responses: readonly Generated[],
  { maxNumSequences, maxModelLen, maxLogprobs }: DerenderBounds,
): void {
  if (responses.length > maxNumSequences) {
    throw badRequest(
      `generate_responses count (${responses.length}) exceeds server maximum (${maxNumSequences}). Set ` +
        'VLLM_MAX_N_SEQUENCES to increase this limit.',
    );
  }
  const tooLong = (what: string, length: number, index: number) =>
    badRequest(
      `${what} length (${length}) in choice ${index} exceeds max_model_len (${maxModelLen}).`,
    );
  for (const { choices, request_id: id, prompt_logprobs: promptLogprobs } of responses) {
    if (choices.length > maxNumSequences) {
      throw badRequest(
        `choices count (${choices.length}) in response '${id}' exceeds server maximum (${maxNumSequences}).`,
      );
    }
    for (const { index, token_ids: ids, logprobs } of choices) {
      if ((ids ?? []).length > maxModelLen) throw tooLong('token_ids', (ids ?? []).length, index);
      const content = logprobs?.content ?? [];
      if (content.length > maxModelLen) throw tooLong('logprobs.content', content.length, index);
      const most = Math.max(0, ...content.map(({ top_logprobs: top }) => top?.length ?? 0));
      if (maxLogprobs >= 0 && most > maxLogprobs) {
        throw badRequest(
          `top_logprobs count (${most}) in choice ${index} exceeds max_logprobs (${maxLogprobs}).`,
        );
      }
    }
    if ((promptLogprobs ?? []).length > maxModelLen) {
      throw badRequest(
        `prompt_logprobs length (${(promptLogprobs ?? []).length}) in response '${id}' exceeds max_model_len (${maxModelLen}).`,
      );
    }
  }
}

export function checkPromptIds(
  prompts: readonly (readonly number[] | null)[],
  { maxModelLen }: DerenderBounds,
): void {
  for (const ids of prompts) {
    if (ids === null || ids.length <= maxModelLen) continue;
    throw badRequest(
      `prompt_token_ids length (${ids.length}) exceeds max_model_len (${maxModelLen}).`,
    );
  }
}
