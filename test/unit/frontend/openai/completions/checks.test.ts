import { describe, expect, it } from 'vitest';
import { completionChecks } from '../../../../../src/frontend/openai/completions/checks.ts';
import type { PyDict } from '../../../../../src/shared/python/values.ts';
import { errorOf } from '../../../../support/openai.ts';

const LIMITS = { maxCompletionPrompts: 2, maxStopStrings: 4 };
const check = (data: PyDict) => completionChecks({ prompt: 'p', ...data }, LIMITS);

describe('completionChecks', () => {
  it('fills max_tokens where it is missing or null', () => {
    expect(check({})).toEqual({ prompt: 'p', max_tokens: 16 });
    expect(check({ max_tokens: null })['max_tokens']).toBe(16);
    expect(check({ max_tokens: 0 })['max_tokens']).toBe(0);
  });

  it.each([
    { prompt: ['a', 'b'] },
    { prompt: [1, 2, 3] },
    { prompt: [true, 2n, 3] },
    { prompt: null, prompt_embeds: 'e' },
    { prompt: '', prompt_embeds: ['e', 'f'] },
    { logprob_token_ids: [1], logprobs: 1 },
    { logprob_token_ids: [1], logprobs: 0, echo: true, max_tokens: 1 },
    { use_beam_search: true, echo: true },
    { structured_outputs: { json: {} } },
  ] as readonly PyDict[])('takes %s', (data) => {
    expect(() => check(data)).not.toThrow();
  });

  it.each([
    [
      { prompt: ['a', 'b', 'c'] },
      'prompt list length 3 exceeds the maximum allowed count of 2. To increase this limit, set the VLLM_MAX_COMPLETION_PROMPTS',
      'prompt',
    ],
    [{ prompt: [1.5, 2, 3] }, 'prompt list length 3', 'prompt'],
    [
      { prompt_embeds: ['a', 'b', 'c'] },
      'prompt_embeds list length 3 exceeds the maximum allowed count of 2.',
      'prompt_embeds',
    ],
    [{ prompt: '' }, 'Either prompt or prompt_embeds must be provided and non-empty.', 'prompt'],
    [{ prompt: null }, 'Either prompt or prompt_embeds', 'prompt'],
    [{ prompt: null, prompt_embeds: [] }, 'Either prompt or prompt_embeds', 'prompt'],
    [{ stream_options: { a: 1 } }, 'Stream options', 'stream_options'],
    [
      { logprob_token_ids: [1], use_beam_search: true },
      '`logprob_token_ids` is not supported with beam search.',
      'logprob_token_ids',
    ],
    [
      { echo: true, logprobs: 0, use_beam_search: true },
      '`echo` with `logprobs` is not supported with beam search',
      'echo',
    ],
    [
      { logprob_token_ids: [1], echo: true, max_tokens: 0, logprobs: 1 },
      'not supported when `echo=True` and `max_tokens=0`',
      'logprob_token_ids',
    ],
    [
      { logprob_token_ids: [1] },
      'when using `logprob_token_ids`, `logprobs` must be set.',
      'logprob_token_ids',
    ],
    [{ logprobs: -2 }, '`logprobs` must be a positive value', 'logprobs'],
    [
      { structured_outputs: { json: {}, regex: 'r' } },
      'You can only use one kind of constraints',
      'structured_outputs',
    ],
    [
      { structured_outputs: { structural_tag: '' } },
      'Invalid structured_outputs',
      'structured_outputs',
    ],
    [
      { response_format: { type: 'json_schema' } },
      "'json_schema' field must be provided",
      'response_format',
    ],
    [{ cache_salt: '' }, 'cache_salt', 'cache_salt'],
  ] as readonly (readonly [PyDict, string, string])[])('refuses %j', (data, words, param) => {
    expect(errorOf(() => check(data))).toMatchObject({
      message: expect.stringContaining(words),
      param,
    });
  });
});
