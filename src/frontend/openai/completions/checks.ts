/** What vLLM checks on the raw body of /v1/completions, in its order. Pure. Source: CompletionRequest's validators. */

import { get, isTruthy, type PyDict, toNumber } from '../../../shared/python/values.ts';
import { validationError } from '../../llm/errors.ts';
import {
  checkCacheSalt,
  checkLogprobNumbers,
  checkResponseFormat,
  checkStreamOptions,
  checkStructuralTag,
  countStructuredOutputs,
  type RequestLimits,
} from '../request-checks.ts';

const DEFAULT_MAX_TOKENS = 16;

export function completionChecks(data: PyDict, limits: RequestLimits): PyDict {
  checkPromptCount(data, limits.maxCompletionPrompts);
  checkPromptPresent(data);
  checkStreamOptions(data);
  checkLogprobs(data);
  checkStructuredOutputs(data);
  checkResponseFormat(data);
  const filled =
    get(data, 'max_tokens') === null ? { ...data, max_tokens: DEFAULT_MAX_TOKENS } : data;
  checkCacheSalt(filled);
  return filled;
}

function checkPromptCount(data: PyDict, max: number): void {
  const hint = `To increase this limit, set the VLLM_MAX_COMPLETION_PROMPTS environment variable.`;
  const prompt = get(data, 'prompt');
  if (Array.isArray(prompt) && prompt.length > max && !prompt.every(isPyInt)) {
    throw validationError(
      `prompt list length ${prompt.length} exceeds the maximum allowed count of ${max}. ${hint}`,
      { parameter: 'prompt' },
    );
  }
  const embeds = get(data, 'prompt_embeds');
  if (Array.isArray(embeds) && embeds.length > max) {
    throw validationError(
      `prompt_embeds list length ${embeds.length} exceeds the maximum allowed count of ${max}. ${hint}`,
      { parameter: 'prompt_embeds' },
    );
  }
}

function isPyInt(value: unknown): boolean {
  return (
    (typeof value === 'number' && Number.isInteger(value)) ||
    typeof value === 'bigint' ||
    typeof value === 'boolean'
  );
}

function checkPromptPresent(data: PyDict): void {
  const prompt = get(data, 'prompt');
  const embeds = get(data, 'prompt_embeds');
  const hasNoEmbeds = embeds === null || (Array.isArray(embeds) && embeds.length === 0);
  if ((prompt === null || prompt === '') && hasNoEmbeds) {
    throw validationError('Either prompt or prompt_embeds must be provided and non-empty.', {
      parameter: 'prompt',
    });
  }
}

function checkLogprobs(data: PyDict): void {
  const hasIds = isTruthy(get(data, 'logprob_token_ids'));
  const isBeamSearch = isTruthy(get(data, 'use_beam_search'));
  const isEcho = isTruthy(get(data, 'echo'));
  const logprobs = get(data, 'logprobs');
  const fail = (text: string, parameter: string) => validationError(text, { parameter });
  if (hasIds && isBeamSearch) {
    throw fail('`logprob_token_ids` is not supported with beam search.', 'logprob_token_ids');
  }
  if (isBeamSearch && isEcho && logprobs !== null) {
    throw fail(
      '`echo` with `logprobs` is not supported with beam search because beam search does not compute prompt logprobs.',
      'echo',
    );
  }
  const maxTokens = get(data, 'max_tokens');
  if (hasIds && isEcho && maxTokens !== null && toNumber(maxTokens) === 0) {
    throw fail(
      '`logprob_token_ids` is not supported when `echo=True` and `max_tokens=0` because no output tokens are generated.',
      'logprob_token_ids',
    );
  }
  if (hasIds && logprobs === null) {
    throw fail('when using `logprob_token_ids`, `logprobs` must be set.', 'logprob_token_ids');
  }
  checkLogprobNumbers(data, 'logprobs');
}

function checkStructuredOutputs(data: PyDict): void {
  const structured = get(data, 'structured_outputs');
  if (structured === null) return;
  if (countStructuredOutputs(structured) > 1) {
    throw validationError(
      "You can only use one kind of constraints for structured outputs ('json', 'regex' or 'choice').",
      { parameter: 'structured_outputs' },
    );
  }
  checkStructuralTag(structured);
}
