import { describe, expect, it } from 'vitest';
import {
  checkCacheSalt,
  checkLogprobNumbers,
  checkResponseFormat,
  checkStreamOptions,
  checkStructuralTag,
  countStructuredOutputs,
  notIterable,
  requestSchemaHooks,
  validateThinkingTokenBudget,
} from '../../../../src/frontend/openai/request-checks.ts';
import { type PyDict, PyFloat, type PyValue } from '../../../../src/shared/python/values.ts';
import { errorOf } from '../../../support/openai.ts';

describe('checkCacheSalt', () => {
  it.each([{}, { cache_salt: null }, { cache_salt: 's' }, { cache_salt: '😀'.repeat(128) }])(
    'takes %j',
    (data) => {
      expect(() => checkCacheSalt(data)).not.toThrow();
    },
  );

  it.each(['', 1, [], false])('wants a text that is not empty, not %j', (salt) => {
    expect(errorOf(() => checkCacheSalt({ cache_salt: salt }))).toEqual({
      message:
        "Parameter 'cache_salt' must be a non-empty string if provided. (parameter=cache_salt)",
      type: 'BadRequestError',
      param: 'cache_salt',
      code: 400,
    });
  });

  it.each(['a@b', 'a/b', 'a\\b', 'a\u0000b', 'x'.repeat(129)])('refuses %j', (salt) => {
    expect(errorOf(() => checkCacheSalt({ cache_salt: salt })).message).toContain(
      'must be at most 128 characters',
    );
  });
});

describe('checkStreamOptions', () => {
  it('wants a stream for stream options', () => {
    expect(errorOf(() => checkStreamOptions({ stream_options: { a: 1 } }))).toMatchObject({
      message: 'Stream options can only be defined when `stream=True`. (parameter=stream_options)',
      param: 'stream_options',
    });
    expect(() => checkStreamOptions({ stream_options: { a: 1 }, stream: true })).not.toThrow();
    expect(() => checkStreamOptions({ stream_options: {} })).not.toThrow();
  });
});

describe('checkResponseFormat', () => {
  it.each([
    {},
    { response_format: { type: 'text' } },
    { response_format: { type: 'json_schema', json_schema: {} } },
    { response_format: { type: 'structural_tag', format: { type: 'any_text' } } },
    {
      response_format: {
        type: 'structural_tag',
        structures: [{ begin: '<f>', schema: {}, end: '</f>' }],
        triggers: ['<'],
      },
    },
    { response_format: 'text' },
  ])('takes %j', (data) => {
    expect(() => checkResponseFormat(data)).not.toThrow();
  });

  it.each([
    [{ type: 'json_schema' }, "the 'json_schema' field must be provided"],
    [{ type: 'structural_tag' }, 'Invalid response_format structural_tag specification.'],
    [{ type: 'structural_tag', structures: [] }, 'Invalid response_format structural_tag'],
    [{ type: 'structural_tag', triggers: [] }, 'Invalid response_format structural_tag'],
    [{ type: 'structural_tag', format: {} }, 'Invalid response_format structural_tag'],
    [
      { type: 'structural_tag', structures: [], triggers: [] },
      'Invalid response_format structural_tag',
    ],
    [
      { type: 'structural_tag', format: 1, structures: [], triggers: [] },
      'Invalid response_format structural_tag',
    ],
  ])('refuses %j', (format, words) => {
    expect(errorOf(() => checkResponseFormat({ response_format: format }))).toMatchObject({
      message: expect.stringContaining(words),
      param: 'response_format',
    });
  });
});

describe('structured outputs', () => {
  it('counts json, regex and choice', () => {
    expect(countStructuredOutputs({})).toBe(0);
    expect(countStructuredOutputs({ json: null, grammar: 'g' })).toBe(0);
    expect(countStructuredOutputs({ json: {}, regex: 'r', choice: [] })).toBe(3);
  });

  it('answers what has no fields with Python’s own error', () => {
    expect(errorOf(() => countStructuredOutputs('x'))).toMatchObject({
      message: "'str' object has no attribute 'get'",
      code: 500,
    });
  });

  it.each(['', '{', '1', 'null', '{"a":1}', 5, {}])('refuses %j as a structural tag', (tag) => {
    expect(errorOf(() => checkStructuralTag({ structural_tag: tag as PyValue }))).toMatchObject({
      message:
        'Invalid structured_outputs structural_tag specification. (parameter=structured_outputs)',
      param: 'structured_outputs',
    });
  });

  it('takes the JSON of one, and none', () => {
    for (const given of [
      { structural_tag: '{"format":{"type":"any_text"}}' },
      { structural_tag: null },
      {},
      'x',
    ]) {
      expect(() => checkStructuralTag(given)).not.toThrow();
    }
  });
});

describe('checkLogprobNumbers', () => {
  it.each([
    {},
    { logprobs: 0, prompt_logprobs: 0 },
    { logprobs: -1, prompt_logprobs: -1 },
    { logprobs: 5 },
    { stream: true, prompt_logprobs: 0 },
    { logprobs: true },
    { logprobs: new PyFloat(2) },
  ])('takes %j', (data) => {
    expect(() => checkLogprobNumbers(data as PyDict, 'logprobs')).not.toThrow();
  });

  it.each([
    [
      { prompt_logprobs: 'x' },
      '`prompt_logprobs` must be an integer. (parameter=prompt_logprobs, value=x)',
      'prompt_logprobs',
    ],
    [{ logprobs: [] }, '`logprobs` must be an integer. (parameter=logprobs, value=[])', 'logprobs'],
    [
      { stream: true, prompt_logprobs: 1 },
      '`prompt_logprobs` are not available when `stream=True`.',
      'prompt_logprobs',
    ],
    [
      { stream: true, prompt_logprobs: -1 },
      '`prompt_logprobs` are not available when `stream=True`.',
      'prompt_logprobs',
    ],
    [
      { prompt_logprobs: -2 },
      '`prompt_logprobs` must be a positive value or -1. (parameter=prompt_logprobs, value=-2)',
      'prompt_logprobs',
    ],
    [
      { logprobs: -2 },
      '`logprobs` must be a positive value or -1. (parameter=logprobs, value=-2)',
      'logprobs',
    ],
  ])('refuses %j', (data, words, param) => {
    expect(errorOf(() => checkLogprobNumbers(data as PyDict, 'logprobs'))).toMatchObject({
      message: expect.stringContaining(words),
      param,
    });
  });
});

describe('validateThinkingTokenBudget', () => {
  it.each([
    [null, null],
    [-1, null],
    [0, 0],
    [7, 7],
    [2n ** 60n, 2n ** 60n],
  ])('makes of %s %s', (value, expected) => {
    expect(validateThinkingTokenBudget(value)).toBe(expected);
  });

  it.each([[-2], [1.5], ['1'], [true], [new PyFloat(1)], [-(2n ** 60n)]])('refuses %s', (value) => {
    expect(errorOf(() => validateThinkingTokenBudget(value)).message).toContain(
      '`thinking_token_budget` must be a non-negative integer or -1 for unlimited.',
    );
  });
});

describe('requestSchemaHooks', () => {
  it('knows the functions that change a value', () => {
    expect(requestSchemaHooks.before('validate_thinking_token_budget', -1)).toBeNull();
    expect(requestSchemaHooks.before('<lambda>', null)).toBe(0);
    expect(requestSchemaHooks.before('<lambda>', 3)).toBe(3);
    expect(requestSchemaHooks.before('another', null)).toBeNull();
    expect(requestSchemaHooks.keptExtras).toEqual(['mm_processor_kwargs', 'media_io_kwargs']);
  });

  const outputs = (fields: PyDict) =>
    errorOf(() => requestSchemaHooks.dataclass('StructuredOutputsParams', fields)).message;

  it('wants exactly one constraint of StructuredOutputsParams', () => {
    expect(() =>
      requestSchemaHooks.dataclass('StructuredOutputsParams', { json: null, regex: 'r' }),
    ).not.toThrow();
    expect(outputs({ json: null })).toBe(
      "You must use one kind of structured outputs constraint but none are specified: {'json': None, '_backend': None, '_backend_was_auto': False}",
    );
    expect(outputs({ grammar: 'g', structural_tag: 's' })).toContain('multiple are specified: ');
  });

  it.each([
    [{ max_pattern_size: 0, min_pattern_size: 0, min_count: 0 }, null],
    [{ max_pattern_size: 3, min_pattern_size: 3, min_count: 2 }, null],
    [
      { max_pattern_size: -1, min_pattern_size: 0, min_count: 2 },
      'max_pattern_size, min_pattern_size must be >=0',
    ],
    [
      { max_pattern_size: 1, min_pattern_size: -1, min_count: 2 },
      'max_pattern_size, min_pattern_size must be >=0',
    ],
    [
      { max_pattern_size: 2, min_pattern_size: 3, min_count: 2 },
      'with min_pattern_size <= max_pattern_size',
    ],
    [{ max_pattern_size: 1, min_pattern_size: 0, min_count: 1 }, 'min_count must be >= 2'],
  ])('checks repetition detection %j', (fields, words) => {
    const check = () => requestSchemaHooks.dataclass('RepetitionDetectionParams', fields);
    if (words === null) expect(check).not.toThrow();
    else expect(errorOf(check).message).toContain(words);
  });
});

it('says of what cannot be iterated what Python says', () => {
  expect(notIterable(1).message).toBe("'int' object is not iterable");
});
