import { describe, expect, it } from 'vitest';
import { responsesChecks } from '../../../../../src/frontend/openai/responses/checks.ts';
import type { PyDict } from '../../../../../src/shared/python/values.ts';
import { errorOf } from '../../../../support/openai.ts';

const TOOLS = [{ type: 'function', name: 'f' }];

describe('responsesChecks', () => {
  it.each([
    [{}, 'none'],
    [{ tool_choice: 'auto' }, 'none'],
    [{ tool_choice: 'none' }, 'none'],
    [{ tools: TOOLS, tool_choice: 'auto' }, 'auto'],
    [
      { tools: TOOLS, tool_choice: { type: 'function', name: 'f' } },
      { type: 'function', name: 'f' },
    ],
    [{ tools: TOOLS }, undefined],
    [{ tool_choice: 'odd' }, 'odd'],
  ] as readonly (readonly [PyDict, unknown])[])(
    'makes of %j the tool choice %j',
    (data, choice) => {
      expect(responsesChecks(data)['tool_choice']).toEqual(choice);
    },
  );

  it.each([
    { background: true },
    { background: true, store: true },
    { background: false, store: false },
    { tools: [{ type: 'custom', format: { type: 'text' } }] },
    { tools: [{ type: 'custom' }, 'odd', { type: 'function', format: { type: 'grammar' } }] },
  ] as readonly PyDict[])('takes %j', (data) => {
    expect(() => responsesChecks(data)).not.toThrow();
  });

  it.each([
    [
      { tool_choice: 'required' },
      "Tool choice 'required' must be specified with 'tools' parameter.",
      'tool_choice',
    ],
    [
      { tool_choice: { type: 'function', name: 'f' } },
      "Tool choice 'function' not found in 'tools' parameter.",
      'tool_choice',
    ],
    [
      { tool_choice: { type: 'custom', name: 'f' } },
      "Tool choice 'function' not found",
      'tool_choice',
    ],
    [
      { tools: TOOLS, tool_choice: { type: 'function' } },
      "Tool choice 'function' not found",
      'tool_choice',
    ],
    [
      { tools: TOOLS, tool_choice: { type: 'custom', name: '' } },
      "Tool choice 'function' not found",
      'tool_choice',
    ],
    [
      { tools: [{ type: 'custom', format: { type: 'grammar' } }] },
      'Custom tools with a grammar format',
      'tools',
    ],
    [{ prompt: {} }, 'prompt template is not supported', 'prompt'],
    [
      { background: true, store: false },
      'background can only be used when `store` is true',
      'background',
    ],
    [
      { background: true, store: null },
      'background can only be used when `store` is true',
      'background',
    ],
    [{ cache_salt: '' }, 'cache_salt', 'cache_salt'],
  ] as readonly (readonly [PyDict, string, string])[])('refuses %j', (data, words, param) => {
    expect(errorOf(() => responsesChecks(data))).toMatchObject({
      message: expect.stringContaining(words),
      param,
    });
  });
});
