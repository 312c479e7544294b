import { describe, expect, it } from 'vitest';
import {
  applyTokenLimits,
  checkTokenizeParams,
  type TokenizeParams,
  tokenizeText,
} from '../../../../../src/frontend/openai/tokenize/params.ts';
import { createCharTokenizer, errorOf } from '../../../../support/openai.ts';

const params = (fields: Partial<TokenizeParams> = {}): TokenizeParams => ({
  maxTotalTokens: 5,
  maxOutputTokens: 1,
  truncatePromptTokens: null,
  truncationSide: null,
  addSpecialTokens: false,
  maxOutputTokensParam: 'max_tokens',
  ...fields,
});
const right = createCharTokenizer();
const left = createCharTokenizer({ truncationSide: 'left' });
const tokens = (text: string, fields: Partial<TokenizeParams> = {}, tokenizer = right) =>
  String.fromCodePoint(...tokenizeText(tokenizer, text, params(fields)));
const limited = (fields: Partial<TokenizeParams>, tokenizer = right) =>
  applyTokenLimits(tokenizer, [1, 2, 3, 4, 5], params(fields));

describe('checkTokenizeParams', () => {
  it.each([
    { maxTotalTokens: null, maxOutputTokens: 100, truncatePromptTokens: 100 },
    { maxOutputTokens: 5, truncatePromptTokens: 5 },
    { maxOutputTokens: null, truncatePromptTokens: -1 },
  ])('takes %j', (fields) => {
    expect(() => checkTokenizeParams(params(fields))).not.toThrow();
  });

  it('refuses more than the context has', () => {
    expect(errorOf(() => checkTokenizeParams(params({ maxOutputTokens: 6 })))).toMatchObject({
      message:
        'max_tokens=6 cannot be greater than max_model_len=5. Please request fewer output tokens. (parameter=max_tokens, value=6)',
      param: 'max_tokens',
    });
    expect(errorOf(() => checkTokenizeParams(params({ truncatePromptTokens: 6 })))).toMatchObject({
      message:
        'truncate_prompt_tokens=6 cannot be greater than max_model_len = 5. Please request a smaller truncation size. ' +
        '(parameter=truncate_prompt_tokens, value=6)',
      param: 'truncate_prompt_tokens',
    });
  });
});

describe('tokenizeText', () => {
  it('encodes, with special tokens where they are wanted', () => {
    expect(tokens('abc')).toBe('abc');
    expect(tokenizeText(right, 'a', params({ addSpecialTokens: true }))).toEqual([1, 97]);
  });

  it.each([
    [{ truncatePromptTokens: 2 }, right, 'ab'],
    [{ truncatePromptTokens: 2 }, left, 'ef'],
    [{ truncatePromptTokens: 0 }, right, ''],
    [{ truncatePromptTokens: 0 }, left, ''],
    [{ truncatePromptTokens: -1 }, right, 'abcd'],
    [{ truncatePromptTokens: -1, maxOutputTokens: 0 }, right, 'abcde'],
    [{ truncatePromptTokens: 2, truncationSide: 'left' }, right, 'ef'],
    [{ truncatePromptTokens: 2, truncationSide: 'right' }, left, 'ab'],
    [{ maxTotalTokens: null }, right, 'abcdef'],
    [{ maxTotalTokens: null, truncatePromptTokens: -1 }, right, 'abcdef'],
    [{ maxTotalTokens: 6 }, right, 'abcdef'],
  ] as const)('cuts as %j says', (fields, tokenizer, expected) => {
    expect(tokens('abcdef', fields, tokenizer)).toBe(expected);
  });

  it('says of a text that is too long that it has at least so many tokens', () => {
    expect(errorOf(() => tokens('abcdefgh'))).toMatchObject({
      message:
        "This model's maximum context length is 5 tokens. However, your prompt contains at least 6 input tokens, which exceeds " +
        'this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=6)',
      param: 'input_tokens',
    });
  });

  it('does not encode a text that no tokenizer could fit', () => {
    // Four characters a token at most, so 20 may fit.
    expect(errorOf(() => tokens('x'.repeat(20))).param).toBe('input_tokens');
    expect(errorOf(() => tokens('😀'.repeat(20))).param).toBe('input_tokens');
    expect(errorOf(() => tokens('x'.repeat(21)))).toMatchObject({
      message:
        "This model's maximum context length is 5 tokens. However, your prompt contains 21 characters (more than 20 " +
        'characters, which is the upper bound for 5 input tokens). Please reduce the length of the input prompt. ' +
        '(parameter=input_text, value=21)',
      param: 'input_text',
    });
  });

  it('cuts such a text first where a side is named', () => {
    const long = `a${'x'.repeat(30)}z`;
    expect(tokens(long, { truncatePromptTokens: 2, truncationSide: 'left' })).toBe('xz');
    expect(tokens(long, { truncatePromptTokens: 2, truncationSide: 'right' })).toBe('ax');
    expect(tokens(long, { truncatePromptTokens: 2 })).toBe('ax');
  });
});

describe('applyTokenLimits', () => {
  it.each([
    [{}, [1, 2, 3, 4, 5]],
    [{ truncatePromptTokens: 5 }, [1, 2, 3, 4, 5]],
    [{ truncatePromptTokens: 2 }, [1, 2]],
    [{ truncatePromptTokens: 2, truncationSide: 'left' }, [4, 5]],
    [{ truncatePromptTokens: 0 }, []],
    [{ truncatePromptTokens: -1 }, [1, 2, 3, 4]],
    [{ truncatePromptTokens: -1, maxOutputTokens: null }, [1, 2, 3, 4]],
    [{ truncatePromptTokens: -1, maxTotalTokens: 0 }, []],
    [{ maxTotalTokens: null }, [1, 2, 3, 4, 5]],
  ] as const)('cuts ids as %j says', (fields, expected) => {
    expect(limited(fields)).toEqual(expected);
  });

  it('cuts on the tokenizer’s side', () => {
    expect(limited({ truncatePromptTokens: 2 }, left)).toEqual([4, 5]);
  });

  it('counts exactly where it knows', () => {
    expect(errorOf(() => limited({ maxTotalTokens: 3 })).message).toContain(
      'your prompt contains 5 input tokens',
    );
    expect(errorOf(() => limited({ maxTotalTokens: 4 })).message).toContain(
      'contains at least 5 input tokens',
    );
  });
});
