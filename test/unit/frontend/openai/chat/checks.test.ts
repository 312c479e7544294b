import { describe, expect, it } from 'vitest';
import {
  chatChecks,
  checkGenerationPrompt,
} from '../../../../../src/frontend/openai/chat/checks.ts';
import type { PyDict, PyValue } from '../../../../../src/shared/python/values.ts';
import { errorOf } from '../../../../support/openai.ts';

const check = (data: PyDict) => chatChecks({ messages: [], ...data });
const TOOLS = [{ type: 'function', function: { name: 'f' } }];
const named = (name: PyValue) => ({ type: 'function', function: { name } });

describe('chatChecks', () => {
  it('chooses tools automatically where there are some and no choice', () => {
    expect(check({ tools: TOOLS })['tool_choice']).toBe('auto');
    expect(check({ tools: TOOLS, tool_choice: 'none' })['tool_choice']).toBe('none');
    expect(check({ tools: TOOLS, tool_choice: null })['tool_choice']).toBeNull();
    expect(check({})).toEqual({ messages: [] });
  });

  it.each([
    { tools: TOOLS, tool_choice: 'required' },
    { tools: TOOLS, tool_choice: named('f') },
    { tools: null, tool_choice: 'none' },
    { structured_outputs: { json: {} } },
    { structured_outputs: { json: {} }, tools: TOOLS },
    { logprobs: true, top_logprobs: 3 },
    { top_logprobs: 0 },
    { logprobs: true, logprob_token_ids: [1] },
    { continue_final_message: true, add_generation_prompt: false },
    { messages: 'abc' },
    { messages: {} },
  ] as readonly PyDict[])('takes %j', (data) => {
    expect(() => check(data)).not.toThrow();
  });

  it.each([
    [{ messages: 5 }, "'int' object is not iterable", null],
    [{ messages: null }, "'NoneType' object is not iterable", null],
    [{ continue_final_message: true, add_generation_prompt: true }, 'Cannot set both', null],
    [{ tools: [] }, '`tools` must not be an empty array.', 'tools'],
    [{ tool_choice: 'auto' }, 'When using `tool_choice`, `tools` must be set.', 'tool_choice'],
    [
      { tools: TOOLS, tool_choice: 'some' },
      'Invalid value for `tool_choice`: some!',
      'tool_choice',
    ],
    [
      { tools: TOOLS, tool_choice: {} },
      'Invalid value for `function`: `None`',
      'tool_choice.function',
    ],
    [
      { tools: TOOLS, tool_choice: { function: {} } },
      'Expected field `name`',
      'tool_choice.function.name',
    ],
    [
      { tools: TOOLS, tool_choice: named('') },
      'Invalid `name` in `function`: ``',
      'tool_choice.function.name',
    ],
    [
      { tools: TOOLS, tool_choice: named(3) },
      'Invalid `name` in `function`: `3`',
      'tool_choice.function.name',
    ],
    [
      { tools: TOOLS, tool_choice: named('g') },
      'does not match any of the specified `tools`',
      'tool_choice',
    ],
    [
      { tools: 'x', tool_choice: named('g') },
      'does not match any of the specified `tools`',
      'tool_choice',
    ],
    [
      { structured_outputs: { json: {}, regex: 'r' } },
      'You can only use one kind of constraints',
      null,
    ],
    [
      { structured_outputs: { json: {} }, tools: TOOLS, tool_choice: named('f') },
      'constraints for structured outputs or tools, not both',
      null,
    ],
    [
      { structured_outputs: { structural_tag: '' } },
      'Invalid structured_outputs structural_tag',
      'structured_outputs',
    ],
    [
      { logprob_token_ids: [1], use_beam_search: true, logprobs: true },
      'not supported with beam search',
      'logprob_token_ids',
    ],
    [
      { logprob_token_ids: [1] },
      'when using `logprob_token_ids`, `logprobs` must be set to true.',
      'logprob_token_ids',
    ],
    [
      { top_logprobs: 1 },
      'when using `top_logprobs`, `logprobs` must be set to true.',
      'top_logprobs',
    ],
    [
      { top_logprobs: -1 },
      'when using `top_logprobs`, `logprobs` must be set to true.',
      'top_logprobs',
    ],
    [{ top_logprobs: -2 }, '`top_logprobs` must be a positive value or -1.', 'top_logprobs'],
    [{ stream_options: { a: 1 } }, 'Stream options', 'stream_options'],
    [
      { response_format: { type: 'json_schema' } },
      "'json_schema' field must be provided",
      'response_format',
    ],
    [{ cache_salt: '' }, 'cache_salt', 'cache_salt'],
    [{ messages: [{ tool_calls: 5 }] }, "'int' object is not iterable", null],
  ] as readonly (readonly [PyDict, string, string | null])[])(
    'refuses %j',
    (data, words, param) => {
      expect(errorOf(() => check(data))).toMatchObject({
        message: expect.stringContaining(words),
        param,
        code: 400,
      });
    },
  );

  it('makes lists of tool calls, and reasoning of reasoning_content', () => {
    const messages = [
      { role: 'assistant', tool_calls: 'ab' },
      { tool_calls: { a: 1 } },
      { tool_calls: [1] },
      { reasoning_content: 'why' },
      { reasoning_content: 'why', reasoning: 'because' },
      { reasoning_content: null },
      'no dict',
    ];
    expect(check({ messages })['messages']).toEqual([
      { role: 'assistant', tool_calls: ['a', 'b'] },
      { tool_calls: ['a'] },
      { tool_calls: [1] },
      { reasoning: 'why' },
      { reasoning: 'because' },
      {},
      'no dict',
    ]);
    const plain = { messages: [{ role: 'user', content: 'x' }] };
    expect(chatChecks(plain)).toBe(plain);
  });
});

describe('checkGenerationPrompt', () => {
  it('refuses to continue a message and to begin one', () => {
    expect(() => checkGenerationPrompt({ continue_final_message: true })).not.toThrow();
    expect(() => checkGenerationPrompt({ add_generation_prompt: true })).not.toThrow();
    expect(
      errorOf(() =>
        checkGenerationPrompt({ continue_final_message: 1, add_generation_prompt: 'yes' }),
      ).message,
    ).toBe('Cannot set both `continue_final_message` and `add_generation_prompt` to True.');
  });
});
