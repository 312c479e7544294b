/**
 * How a prompt becomes token ids: length limits, truncation, special tokens. Pure.
 * Source: vllm/renderers/params.py TokenizeParams, renderers/base.py _tokenize_singleton_prompt (0.33.0).
 * Leaves out: padding, lower case, token offsets.
 */

import { pyLength, pySlice, pySliceEnd } from '../../../shared/python/str.ts';
import type { Tokenizer } from '../../../shared/tokenizer/tokenizer.ts';
import { validationError } from '../../llm/errors.ts';

export interface TokenizeParams {
  /** Input and output together; null: no limit. */
  readonly maxTotalTokens: number | null;
  readonly maxOutputTokens: number | null;
  /** Tokens to keep; -1: as many as fit; null: no truncation. */
  readonly truncatePromptTokens: number | null;
  readonly truncationSide: 'left' | 'right' | null;
  readonly addSpecialTokens: boolean;
  /** What messages call the request's own field. */
  readonly maxOutputTokensParam: string;
}

/** The checks on the parameters alone. Throws ApiError. */
export function checkTokenizeParams(params: TokenizeParams): void {
  const { maxTotalTokens, maxOutputTokens, truncatePromptTokens, maxOutputTokensParam } = params;
  if (maxTotalTokens === null) return;
  if (maxOutputTokens !== null && maxOutputTokens > maxTotalTokens) {
    throw validationError(
      `${maxOutputTokensParam}=${maxOutputTokens} cannot be greater than max_model_len=${maxTotalTokens}. ` +
        'Please request fewer output tokens.',
      { parameter: maxOutputTokensParam, value: maxOutputTokens },
    );
  }
  if (truncatePromptTokens !== null && truncatePromptTokens > maxTotalTokens) {
    throw validationError(
      `truncate_prompt_tokens=${truncatePromptTokens} cannot be greater than max_model_len = ${maxTotalTokens}. ` +
        'Please request a smaller truncation size.',
      { parameter: 'truncate_prompt_tokens', value: truncatePromptTokens },
    );
  }
}

export function tokenizeText(
  tokenizer: Tokenizer,
  text: string,
  params: TokenizeParams,
): readonly number[] {
  const checked = checkTextLength(tokenizer, text, params);
  return limitTextIds(tokenizer, tokenizer.encode(checked, params), params);
}

/** What the limits leave of a text's ids. Throws ApiError. */
export function limitTextIds(
  tokenizer: Tokenizer,
  textIds: readonly number[],
  params: TokenizeParams,
): readonly number[] {
  let ids = textIds;
  const limit = encodeLimit(params);
  if (limit !== null && ids.length > limit) {
    ids = tokenizer.truncationSide === 'left' ? ids.slice(-limit) : ids.slice(0, limit);
    if (limit === 0) ids = [];
  }
  return applyTokenLimits(tokenizer, ids, params);
}

/** Tokens beyond which the tokenizer itself cuts; null: it does not. */
function encodeLimit(params: TokenizeParams): number | null {
  const { maxTotalTokens, truncatePromptTokens, truncationSide } = params;
  if (truncationSide !== null && truncatePromptTokens !== null) return null;
  if (truncatePromptTokens !== null) {
    return truncatePromptTokens < 0 ? maxTruncationTokens(params) : truncatePromptTokens;
  }
  return maxTotalTokens === null ? null : maxTotalTokens + 1;
}

/** -1 keeps one token of the context back for the output, where there is to be any. */
function maxTruncationTokens({ maxTotalTokens, maxOutputTokens }: TokenizeParams): number | null {
  if (maxTotalTokens === null || maxOutputTokens === 0) return maxTotalTokens;
  return Math.max(0, maxTotalTokens - 1);
}

/** The part of a text that is tokenized. Throws ApiError where it is longer than any prompt can be. */
export function checkTextLength(
  tokenizer: Tokenizer,
  text: string,
  params: TokenizeParams,
): string {
  const { maxTotalTokens, truncatePromptTokens, truncationSide } = params;
  if (maxTotalTokens === null) return text;
  const maxChars = maxTotalTokens * tokenizer.maxCharsPerToken;
  if (text.length <= maxChars) return text;
  const length = pyLength(text);
  if (length <= maxChars) return text;
  if (truncatePromptTokens === null) {
    throw validationError(
      `This model's maximum context length is ${maxTotalTokens} tokens. However, your prompt contains ${length} ` +
        `characters (more than ${maxChars} characters, which is the upper bound for ${maxTotalTokens} input tokens). ` +
        'Please reduce the length of the input prompt.',
      { parameter: 'input_text', value: length },
    );
  }
  if (truncationSide === null) return text;
  return truncationSide === 'left' ? pySliceEnd(text, maxChars) : pySlice(text, maxChars);
}

/** Truncation and the length check, for token ids wherever they come from. */
export function applyTokenLimits(
  tokenizer: Tokenizer,
  ids: readonly number[],
  params: TokenizeParams,
): readonly number[] {
  const { maxTotalTokens, truncatePromptTokens } = params;
  let kept = ids;
  const limit =
    truncatePromptTokens !== null && truncatePromptTokens < 0
      ? maxTruncationTokens(params)
      : truncatePromptTokens;
  if (limit !== null && limit < ids.length) {
    const side = params.truncationSide ?? tokenizer.truncationSide;
    kept = limit === 0 ? [] : side === 'left' ? ids.slice(-limit) : ids.slice(0, limit);
  }
  if (maxTotalTokens !== null && kept.length > maxTotalTokens) {
    const count = kept.length;
    const qualifier = count === maxTotalTokens + 1 ? 'at least ' : '';
    throw validationError(
      `This model's maximum context length is ${maxTotalTokens} tokens. However, your prompt contains ${qualifier}${count} ` +
        'input tokens, which exceeds this limit even without any output tokens. ' +
        'Please reduce the length of the input prompt.',
      { parameter: 'input_tokens', value: count },
    );
  }
  return kept;
}
