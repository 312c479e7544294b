import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../../../src/frontend/llm/errors.ts';
import { verifyStructuredOutputs } from '../../../../../src/frontend/llm/structured-outputs/verify-structured-outputs.ts';
import { PyFloat } from '../../../../../src/shared/python/values.ts';

type Backend = Parameters<typeof verifyStructuredOutputs>[1];

function refusalOf(structuredOutputs: unknown, backend: Backend = 'auto'): string | null {
  try {
    verifyStructuredOutputs(structuredOutputs, backend);
    return null;
  } catch (error) {
    if (error instanceof ApiError) return error.info.message;
    throw error;
  }
}

describe('structured outputs', () => {
  it.each<[unknown, string]>([
    [{ choice: [] }, "Choice '[]' cannot be an empty list"],
    [{ grammar: ' \n' }, 'structured_outputs.grammar cannot be an empty string'],
    [{ json: ' ' }, 'structured_outputs.json cannot be an empty string'],
    [
      { json_object: false },
      'structured_outputs.json_object must be True if set; omit structured_outputs to disable structured outputs',
    ],
    [{ regex: 'a\0b' }, "structured_outputs.regex must not contain a NUL character ('\\x00')"],
    [{ structural_tag: '' }, 'structured_outputs.structural_tag cannot be an empty string'],
    [{}, 'You must use one kind of structured outputs constraint but none are specified: {}'],
  ])('refuse %j', (structuredOutputs, message) => {
    expect(refusalOf(structuredOutputs)).toBe(message);
  });

  it.each<[unknown]>([
    [{ choice: ['a'] }],
    [{ grammar: 'root ::= "a"' }],
    [{ json: '{}' }],
    [{ json: {} }],
    [{ json_object: true }],
    [{ regex: 'a+' }],
  ])('pass %j', (structuredOutputs) => {
    expect(refusalOf(structuredOutputs)).toBeNull();
  });

  it('read the numbers of a body, whole floats among them', () => {
    const schema = { type: 'number', minimum: new PyFloat(1), maximum: new PyFloat(2) };
    expect(refusalOf({ json: schema })).toBeNull();
  });

  it.each<[Backend, unknown, string]>([
    [
      'outlines',
      { json_object: true },
      'Outlines structured outputs backend does not support json_object specifications',
    ],
    [
      'outlines',
      { grammar: 'root ::= "a"' },
      'Outlines structured outputs backend does not support grammar specifications',
    ],
    [
      'lm-format-enforcer',
      { structural_tag: '{}' },
      'LM Format Enforcer structured outputs backend does not support structural_tag specifications',
    ],
  ])('refuse with %s what it has not: %j', (backend, structuredOutputs, message) => {
    expect(refusalOf(structuredOutputs, backend)).toBe(message);
  });
});
