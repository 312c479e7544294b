import { describe, expect, it } from 'vitest';
import {
  entryOf,
  type LogprobsFormat,
  logprobTokenText,
  promptLogprobsJson,
  shownLogprob,
  topCandidates,
  utf8Bytes,
} from '../../../../src/frontend/openai/logprobs-json.ts';
import { createCharTokenizer, createPosition, errorOf } from '../../../support/openai.ts';

const FORMAT: LogprobsFormat = { tokenizer: createCharTokenizer(), limit: null, asTokenIds: false };

describe('what all endpoints show of log probabilities', () => {
  it('is a token’s decoded text, the tokenizer’s where there is none, or its id', () => {
    expect(logprobTokenText(FORMAT, 104, 'given')).toBe('given');
    expect(logprobTokenText(FORMAT, 104, null)).toBe('h');
    expect(logprobTokenText({ ...FORMAT, asTokenIds: true }, 104, 'given')).toBe('token_id:104');
  });

  it('is never below -9999', () => {
    expect(shownLogprob(-1)).toBe('-1.0');
    expect(shownLogprob(Number.NEGATIVE_INFINITY)).toBe('-9999.0');
  });

  it('is a 500 with the token’s id where the engine did not list it', () => {
    const position = createPosition([104, -1]);
    expect(entryOf(position, 104).logprob).toBe(-1);
    expect(errorOf(() => entryOf(position, 7))).toMatchObject({ message: '7', code: 500 });
  });

  it('is as many candidates as the limit says, in order', () => {
    const position = createPosition([104, -1], [105, -2], [106, -3]);
    const shown = (limit: number | null) =>
      topCandidates(position, { ...FORMAT, limit }, (token, logprob) => `${token}${logprob}`);
    expect(shown(null)).toEqual(['h-1', 'i-2', 'j-3']);
    expect(shown(2)).toEqual(['h-1', 'i-2']);
    expect(shown(0)).toEqual([]);
  });

  it('is bytes of UTF-8', () => {
    expect(utf8Bytes('é')).toBe('[195,169]');
    expect(utf8Bytes('')).toBe('[]');
  });
});

describe('promptLogprobsJson', () => {
  it('maps token ids, with ranks, and null for the first token', () => {
    expect(promptLogprobsJson(null)).toBe('null');
    expect(promptLogprobsJson([])).toBe('[]');
    expect(
      promptLogprobsJson([null, createPosition([104, -1], [34, Number.NEGATIVE_INFINITY])]),
    ).toBe(
      '[null,{"104":{"logprob":-1.0,"rank":1,"decoded_token":"h"},"34":{"logprob":-9999.0,"rank":2,"decoded_token":"\\""}}]',
    );
  });
});
