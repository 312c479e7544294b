import { describe, expect, it } from 'vitest';
import { verifyAgainstModel } from '../../../../src/frontend/llm/sampling-checks.ts';
import {
  type SamplingFields,
  updateFromGenerationConfig,
  updateFromTokenizer,
} from '../../../../src/frontend/llm/sampling-params.ts';
import { apiErrorOf } from '../../../support/api-error.ts';
import { ByteTokenizer } from '../../../support/byte-tokenizer.ts';
import { createTestSamplingParams, TEST_MAX_N } from '../../../support/sampling-fields.ts';

const refusal = (fields: Partial<SamplingFields>) =>
  apiErrorOf(() => createTestSamplingParams(fields)).message;

describe('sampling parameters of a request', () => {
  it('carry every field to the engine under its own name', () => {
    const fields = {
      n: 3,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      repetitionPenalty: 1.25,
      temperature: 0.75,
      topP: 0.9,
      topK: 40,
      minP: 0.05,
      seed: 7,
      thinkingTokenBudget: 10,
      includeStopStrInOutput: true,
      ignoreEos: true,
      maxTokens: 32,
      minTokens: 4,
      logprobs: 2,
      promptLogprobs: 1,
      logprobTokenIds: [1, 2],
      skipSpecialTokens: false,
      spacesBetweenSpecialTokens: false,
      outputKind: 1,
      streamInterval: 5,
      structuredOutputs: { regex: 'a+' },
      allowedTokenIds: [8, 9],
      extraArgs: { key: 'value' },
      routedExpertsPromptStart: 2,
    } as const;

    expect(createTestSamplingParams(fields)).toMatchObject(fields);
  });

  it('take vLLM’s defaults where the request says nothing', () => {
    expect(createTestSamplingParams()).toMatchObject({
      n: 1,
      stop: [],
      stopTokenIds: [],
      badWords: [],
      allStopTokenIds: [],
      outputTextBufferLength: 0,
      skipReadingPrefixCache: false,
      skipClone: true,
      watermarking: false,
      repetitionDetection: null,
      logitBias: null,
    });
  });

  it('raise a temperature that is too small to divide by to one hundredth', () => {
    expect(createTestSamplingParams({ temperature: 0.001 }).temperature).toBe(0.01);
    expect(createTestSamplingParams({ temperature: 0.01 }).temperature).toBe(0.01);
    expect(createTestSamplingParams({ temperature: 0.02 }).temperature).toBe(0.02);
  });

  it('are greedy at temperature 0, where top_p, top_k and min_p mean nothing', () => {
    const params = createTestSamplingParams({ temperature: 0, topP: 0.5, topK: 3, minP: 0.2 });

    expect(params).toMatchObject({ temperature: 0, topP: 1, topK: 0, minP: 0 });
  });

  it('keep top_p, top_k and min_p at the smallest temperature that still samples', () => {
    const params = createTestSamplingParams({ temperature: 0.005, topP: 0.5, topK: 3, minP: 0.2 });

    expect(params).toMatchObject({ topP: 0.5, topK: 3, minP: 0.2 });
  });

  it('take seed -1 for no seed', () => {
    expect(createTestSamplingParams({ seed: -1 }).seed).toBeNull();
    expect(createTestSamplingParams({ seed: 0 }).seed).toBe(0);
    expect(createTestSamplingParams({ seed: 2n ** 62n }).seed).toBe(2n ** 62n);
  });

  it('make a list of one stop string', () => {
    expect(createTestSamplingParams({ stop: 'END' }).stop).toEqual(['END']);
  });

  it('hold back one character less than the longest stop string, counted in code points', () => {
    expect(createTestSamplingParams({ stop: ['ab', '😀😀😀'] }).outputTextBufferLength).toBe(2);
  });

  it('hold nothing back where the stop string is part of the answer', () => {
    const params = createTestSamplingParams({ stop: ['abc'], includeStopStrInOutput: true });

    expect(params.outputTextBufferLength).toBe(0);
  });

  it('name each stop token and each bad word once, in the order they came', () => {
    const params = createTestSamplingParams({
      stopTokenIds: [9, 3, 9],
      badWords: ['b', 'a', 'b'],
    });

    expect(params.stopTokenIds).toEqual([9, 3]);
    expect(params.allStopTokenIds).toEqual([9, 3]);
    expect(params.badWords).toEqual(['b', 'a']);
  });

  it('do not read the prefix cache where prompt logprobs are wanted', () => {
    expect(createTestSamplingParams({ promptLogprobs: 0 }).skipReadingPrefixCache).toBe(true);
  });

  it('turn repetition_detection into the wire’s names', () => {
    const repetitionDetection = { max_pattern_size: 8, min_pattern_size: 2, min_count: 3 };

    expect(createTestSamplingParams({ repetitionDetection }).repetitionDetection).toEqual({
      maxPatternSize: 8,
      minPatternSize: 2,
      minCount: 3,
    });
  });
});

describe('logit_bias', () => {
  it('has integer keys as Python’s int() reads them, and values within [-100, 100]', () => {
    const logitBias = { '5': 1.5, ' 6 ': -1000, '+7': 1000, '1_0': 0 };

    expect(createTestSamplingParams({ logitBias }).logitBias).toEqual({
      '5': 1.5,
      '6': -100,
      '7': 100,
      '10': 0,
    });
  });

  it('names all keys that are no integers', () => {
    const logitBias = { '1': 0, a: 1, '1.5': 1, '1__0': 1, '5x': 1 };

    expect(apiErrorOf(() => createTestSamplingParams({ logitBias }))).toEqual({
      message:
        "logit_bias contains key(s) that cannot be converted to integer token IDs: ['a', '1.5', '1__0', '5x'] " +
        "(parameter=logit_bias, value=['a', '1.5', '1__0', '5x'])",
      type: 'BadRequestError',
      param: 'logit_bias',
      code: 400,
    });
  });
});

describe('a value out of range', () => {
  it.each<[string, Partial<SamplingFields>, string]>([
    ['n below 1', { n: 0 }, 'n must be at least 1, got 0.'],
    [
      'n above the limit',
      { n: TEST_MAX_N + 1 },
      'n must be at most 100, got 101. To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable.',
    ],
    [
      'n above 1 without randomness',
      { n: 2, temperature: 0 },
      'n must be 1 when using greedy sampling, got 2.',
    ],
    [
      'presence_penalty too low',
      { presencePenalty: -2.1 },
      'presence_penalty must be in [-2, 2], got -2.1.',
    ],
    [
      'presence_penalty too high',
      { presencePenalty: 2.1 },
      'presence_penalty must be in [-2, 2], got 2.1.',
    ],
    [
      'frequency_penalty too low',
      { frequencyPenalty: -3 },
      'frequency_penalty must be in [-2, 2], got -3.0.',
    ],
    [
      'frequency_penalty too high',
      { frequencyPenalty: 3 },
      'frequency_penalty must be in [-2, 2], got 3.0.',
    ],
    [
      'repetition_penalty not finite',
      { repetitionPenalty: Number.POSITIVE_INFINITY },
      'repetition_penalty must be a finite number, got inf.',
    ],
    [
      'repetition_penalty zero',
      { repetitionPenalty: 0 },
      'repetition_penalty must be greater than zero, got 0.0.',
    ],
    [
      'temperature not a number',
      { temperature: Number.NaN },
      'temperature must be a finite number, got nan. (parameter=temperature, value=nan)',
    ],
    [
      'temperature negative',
      { temperature: -1 },
      'temperature must be non-negative, got -1.0. (parameter=temperature, value=-1.0)',
    ],
    [
      'temperature above 2',
      { temperature: 2.5 },
      'temperature must be in [0, 2], got 2.5. (parameter=temperature, value=2.5)',
    ],
    ['top_p zero', { topP: 0 }, 'top_p must be in (0, 1], got 0.0. (parameter=top_p, value=0.0)'],
    [
      'top_p above 1',
      { topP: 1.5 },
      'top_p must be in (0, 1], got 1.5. (parameter=top_p, value=1.5)',
    ],
    ['top_k below -1', { topK: -2 }, 'top_k must be 0 (disable), or at least 1, got -2.'],
    ['min_p negative', { minP: -0.1 }, 'min_p must be in [0, 1], got -0.1.'],
    ['min_p above 1', { minP: 1.1 }, 'min_p must be in [0, 1], got 1.1.'],
    [
      'max_tokens zero',
      { maxTokens: 0 },
      'max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)',
    ],
    [
      'min_tokens negative',
      { minTokens: -1 },
      'min_tokens must be greater than or equal to 0, got -1.',
    ],
    [
      'min_tokens above max_tokens',
      { minTokens: 5, maxTokens: 4 },
      'min_tokens must be less than or equal to max_tokens=4, got 5.',
    ],
    [
      'stream_interval zero',
      { streamInterval: 0 },
      'stream_interval must be at least 1, got 0. (parameter=stream_interval, value=0)',
    ],
    [
      'logprobs below -1',
      { logprobs: -2 },
      'logprobs must be non-negative or -1, got -2. (parameter=logprobs, value=-2)',
    ],
    [
      'prompt_logprobs below -1',
      { promptLogprobs: -2 },
      'prompt_logprobs must be non-negative or -1, got -2. (parameter=prompt_logprobs, value=-2)',
    ],
    ['an empty stop string', { stop: ['a', ''] }, 'stop cannot contain an empty string.'],
    [
      'an empty bad word',
      { badWords: ['a', ''] },
      "bad_words cannot contain an empty string. Got bad_words=['a', '']",
    ],
  ])('is refused in vLLM’s words: %s', (_name, fields, message) => {
    expect(refusal(fields)).toBe(message);
  });

  it.each<[string, Partial<SamplingFields>]>([
    ['n', { n: TEST_MAX_N }],
    ['penalties at their lowest', { presencePenalty: -2, frequencyPenalty: -2 }],
    ['penalties at their highest', { presencePenalty: 2, frequencyPenalty: 2 }],
    ['repetition_penalty', { repetitionPenalty: 0.001 }],
    ['temperature', { temperature: 2 }],
    ['top_p', { topP: 0.001 }],
    ['top_k', { topK: -1 }],
    ['min_p', { minP: 1 }],
    ['max_tokens and min_tokens', { maxTokens: 1, minTokens: 1 }],
    ['min_tokens without max_tokens', { maxTokens: null, minTokens: 1000 }],
    ['stream_interval', { streamInterval: 1 }],
    ['all logprobs', { logprobs: -1, promptLogprobs: -1 }],
    ['no logprobs', { logprobs: 0, promptLogprobs: 0 }],
  ])('begins beyond the limit itself: %s', (_name, fields) => {
    expect(createTestSamplingParams(fields)).toMatchObject(fields);
  });

  it('is told of one at a time, in vLLM’s order', () => {
    expect(refusal({ n: 0, topP: 0, temperature: 9, stop: [''] })).toContain('n must be');
    expect(refusal({ topP: 0, temperature: 9, stop: [''] })).toContain('temperature must be');
    expect(refusal({ topP: 0, maxTokens: 0, stop: [''] })).toContain('top_p must be');
    expect(refusal({ maxTokens: 0, logprobs: -2, stop: [''] })).toContain('max_tokens must be');
    expect(refusal({ logprobs: -2, stop: [''] })).toContain('logprobs must be');
  });
});

describe('vllm_xargs', () => {
  const tooLarge =
    'extra_args integers must be between -2**63 and 2**64 - 1. (parameter=extra_args)';

  it.each([2n ** 64n, -(2n ** 63n) - 1n])('cannot hold %s, which no wire integer is', (value) => {
    expect(refusal({ extraArgs: { key: value } })).toBe(tooLarge);
  });

  it('are searched at every depth', () => {
    expect(refusal({ extraArgs: { list: [null, 'text', { deep: [1, 2n ** 64n] }] } })).toBe(
      tooLarge,
    );
  });

  it.each([2n ** 64n - 1n, -(2n ** 63n)])('may hold %s', (value) => {
    expect(createTestSamplingParams({ extraArgs: { key: value } }).extraArgs).toEqual({
      key: value,
    });
  });
});

describe('checks against the model', () => {
  const verify = (fields: Partial<SamplingFields>, model = { vocabSize: 100, maxLogprobs: 20 }) =>
    verifyAgainstModel(createTestSamplingParams(fields), model);
  const refusalOf = (
    fields: Partial<SamplingFields>,
    model?: { vocabSize: number; maxLogprobs: number },
  ) => apiErrorOf(() => verify(fields, model)).message;

  it.each<[string, Partial<SamplingFields>, string]>([
    [
      'more logprobs than --max-logprobs',
      { logprobs: 21 },
      'Requested sample logprobs of 21, which is greater than max allowed: 20 (parameter=logprobs, value=21)',
    ],
    [
      'the whole vocabulary’s logprobs',
      { logprobs: -1 },
      'Requested sample logprobs of 100, which is greater than max allowed: 20 (parameter=logprobs, value=100)',
    ],
    [
      'more prompt logprobs than --max-logprobs',
      { promptLogprobs: 21 },
      'Requested prompt logprobs of 21, which is greater than max allowed: 20 (parameter=prompt_logprobs, value=21)',
    ],
    [
      'the whole vocabulary’s prompt logprobs',
      { promptLogprobs: -1 },
      'Requested prompt logprobs of 100, which is greater than max allowed: 20 (parameter=prompt_logprobs, value=100)',
    ],
    [
      'too many logprob_token_ids',
      { logprobTokenIds: Array.from({ length: 129 }, () => 1) },
      'Requested logprob_token_ids of length 129, which is greater than max allowed: 128 (parameter=logprob_token_ids, value=129)',
    ],
    [
      'logprob_token_ids that no token has',
      { logprobTokenIds: [0, -1, 100, 99] },
      'token_id(s) [-1, 100] in logprob_token_ids contain out-of-vocab token ids. Vocabulary size: 100 (parameter=logprob_token_ids, value=[-1, 100])',
    ],
    [
      'another count of logprobs than of logprob_token_ids',
      { logprobs: 3, logprobTokenIds: [1, 2] },
      'When both logprobs and logprob_token_ids are set, logprobs must equal len(logprob_token_ids). Got logprobs=3, len(logprob_token_ids)=2. (parameter=logprob_token_ids, value=2)',
    ],
    [
      'a logit_bias of no token',
      { logitBias: { '100': 1, '99': 1, '-1': 1 } },
      'token_id(s) [100, -1] in logit_bias contain out-of-vocab token ids. Vocabulary size: 100 (parameter=logit_bias, value=[100, -1])',
    ],
    [
      'stop_token_ids that no token has',
      { stopTokenIds: [-1, 100, 0] },
      'token_id(s) [-1, 100] in stop_token_ids contain out-of-vocab token ids. Vocabulary size: 100 (parameter=stop_token_ids, value=[-1, 100])',
    ],
    [
      'nothing allowed',
      { allowedTokenIds: [] },
      'allowed_token_ids is not None and empty! (parameter=allowed_token_ids, value=[])',
    ],
    [
      'allowed_token_ids that no token has',
      { allowedTokenIds: [5, -1, 100] },
      'allowed_token_ids contains out-of-vocab token id! (parameter=allowed_token_ids, value=[-1, 100])',
    ],
  ])('refuse %s', (_name, fields, message) => {
    expect(refusalOf(fields)).toBe(message);
  });

  it.each<[string, Partial<SamplingFields>]>([
    ['as many logprobs as --max-logprobs', { logprobs: 20, promptLogprobs: 20 }],
    ['no logprobs at all', { logprobs: 0, promptLogprobs: 0 }],
    ['128 logprob_token_ids', { logprobTokenIds: Array.from({ length: 128 }, () => 99) }],
    ['as many logprobs as logprob_token_ids', { logprobs: 2, logprobTokenIds: [0, 99] }],
    ['the first and the last token', { stopTokenIds: [0, 99], allowedTokenIds: [0, 99] }],
    ['a bias of the last token', { logitBias: { '99': 1, '0': 1 } }],
  ])('pass %s', (_name, fields) => {
    expect(() => verify(fields)).not.toThrow();
  });

  it('let the whole vocabulary through where --max-logprobs is -1', () => {
    const model = { vocabSize: 100, maxLogprobs: -1 };

    expect(() => verify({ logprobs: -1, promptLogprobs: -1 }, model)).not.toThrow();
    expect(refusalOf({ logprobs: 101 }, model)).toContain('greater than max allowed: 100');
  });

  it.each<[Partial<SamplingFields>]>([[{ minP: 0.1 }], [{ logitBias: { '5': 1 } }]])(
    'refuse %j beside drafts alone',
    (fields) => {
      const model = { vocabSize: 100, maxLogprobs: 20 };
      expect(refusalOf(fields, { ...model, hasSpeculation: true } as typeof model)).toBe(
        'The min_p and logit_bias sampling parameters are not yet supported with speculative decoding.',
      );
      expect(() => verify(fields, model)).not.toThrow();
    },
  );
});

describe('bad words', () => {
  const tokenize = (badWords: readonly string[], words: readonly string[] = []) => {
    const params = createTestSamplingParams({ badWords });
    updateFromTokenizer(params, new ByteTokenizer({ words }));
    return params.badWordsTokenIds;
  };

  it('are forbidden at the start of a text and, where a blank makes another token, within it', () => {
    expect(tokenize(['cat'], ['cat', ' cat'])).toEqual([[256], [257]]);
  });

  it('are not doubled where the form with a blank has more tokens', () => {
    expect(tokenize(['cat'], ['cat'])).toEqual([[256]]);
  });

  it('lose their leading blanks first', () => {
    expect(tokenize(['  cat'], ['cat', ' cat'])).toEqual([[256], [257]]);
  });

  it('are left alone where there are none', () => {
    expect(tokenize([])).toBeNull();
  });

  it('compare the two forms of the same word only', () => {
    expect(tokenize(['a', 'b'], ['a', ' a', 'b', ' b'])).toEqual([[256], [257], [258], [259]]);
  });

  it('are not doubled where both forms begin with the same token', () => {
    const params = createTestSamplingParams({ badWords: ['x'] });
    const tokenizer = new ByteTokenizer();
    tokenizer.encode = () => [7];

    updateFromTokenizer(params, tokenizer);

    expect(params.badWordsTokenIds).toEqual([[7]]);
  });

  it('must have a token', () => {
    expect(apiErrorOf(() => tokenize(['   ']))).toMatchObject({
      message:
        "bad_words entries must tokenize to at least one token. (parameter=bad_words, value=['   '])",
      param: 'bad_words',
    });
  });

  it('may be 128 after tokenization, and no more', () => {
    const words = Array.from({ length: 129 }, (_, i) => `word${i}`);

    expect(tokenize(words.slice(1), words)).toHaveLength(128);
    expect(apiErrorOf(() => tokenize(words, words))).toMatchObject({
      message: expect.stringContaining(
        'Too many bad words after tokenization: 129. The max number is 128. (parameter=bad_words, value=[',
      ),
      param: 'bad_words',
    });
  });
});

describe('the end-of-sequence tokens', () => {
  const update = (
    fields: Partial<SamplingFields>,
    generationEosTokenIds: readonly number[],
    eosTokenId: number | null,
  ) => {
    const params = createTestSamplingParams(fields);
    updateFromGenerationConfig(params, generationEosTokenIds, eosTokenId);
    return params;
  };

  it('are the tokenizer’s, and the further ones of generation_config.json as stop tokens', () => {
    expect(update({ stopTokenIds: [50] }, [2, 9, 7], 2)).toMatchObject({
      eosTokenId: 2,
      stopTokenIds: [7, 9, 50],
      allStopTokenIds: [50, 2, 9, 7],
    });
  });

  it('do not stop a request that ignores them, but count for min_tokens', () => {
    expect(update({ stopTokenIds: [50], ignoreEos: true }, [2, 9], 2)).toMatchObject({
      eosTokenId: null,
      stopTokenIds: [50],
      allStopTokenIds: [50, 2, 9],
    });
  });

  it('leave the stop tokens as they came where generation_config.json adds none', () => {
    expect(update({ stopTokenIds: [50, 4] }, [2], 2)).toMatchObject({
      eosTokenId: 2,
      stopTokenIds: [50, 4],
      allStopTokenIds: [50, 4, 2],
    });
  });

  it('may be none', () => {
    expect(update({}, [], null)).toMatchObject({
      eosTokenId: null,
      stopTokenIds: [],
      allStopTokenIds: [],
    });
  });
});
