import { describe, expect, it } from 'vitest';
import {
  InputProcessor,
  type InputProcessorOptions,
} from '../../../../src/frontend/llm/input-processor.ts';
import { apiErrorOf } from '../../../support/api-error.ts';
import { ByteTokenizer } from '../../../support/byte-tokenizer.ts';
import { createLoRARequest } from '../../../support/kv-cache.ts';
import {
  createGenerateRequest,
  createInputProcessorOptions,
  createServedModel,
} from '../../../support/llm.ts';

type RequestOptions = Parameters<typeof createGenerateRequest>[0];

const process = (request: RequestOptions, options: Partial<InputProcessorOptions> = {}) =>
  new InputProcessor(createInputProcessorOptions(options)).processInputs(
    createGenerateRequest(request),
  );
const refusal = (request: RequestOptions, options: Partial<InputProcessorOptions> = {}) =>
  apiErrorOf(() => process(request, options)).message;

describe('the request that an engine gets', () => {
  it('has all that the client’s request says', () => {
    const loraRequest = createLoRARequest(['lora', 1, '/path']);
    const fields = {
      promptTokenIds: [5, 6],
      arrivalTime: 123.5,
      priority: -1,
      dataParallelRank: 1,
      cacheSalt: 'salt',
      sessionId: 'session',
      loraRequest,
    };

    expect(
      process({ ...fields, requestId: 'cmpl-1' }, { numRanks: 2, clientIndex: 3 }),
    ).toMatchObject({
      ...fields,
      externalReqId: 'cmpl-1',
      clientIndex: 3,
      samplingParams: { maxTokens: 16 },
    });
  });

  it('has the client’s id and eight random digits, so that two of the same id live apart', () => {
    const [first, second] = [process({}), process({})];

    expect(first.requestId).toMatch(/^a-[0-9a-f]{8}$/);
    expect(second.requestId).not.toBe(first.requestId);
  });

  it('ends at the tokenizer’s end-of-sequence token', () => {
    const tokenizer = new ByteTokenizer({ eosTokenId: 9 });

    expect(process({}, { tokenizer }).samplingParams?.eosTokenId).toBe(9);
  });

  it('ends at the model’s where the tokenizer has none', () => {
    expect(process({}).samplingParams?.eosTokenId).toBe(2);
  });

  it('ends at the further tokens of generation_config.json', () => {
    const model = createServedModel({ generationEosTokenIds: [7] });

    expect(process({}, { model }).samplingParams).toMatchObject({
      stopTokenIds: [7],
      allStopTokenIds: [2, 7],
    });
  });

  it('has its bad words as tokens', () => {
    const { samplingParams } = process({ sampling: { badWords: ['x'] } });

    expect(samplingParams?.badWordsTokenIds).toEqual([[120]]);
  });
});

describe('a prompt', () => {
  it('cannot be empty', () => {
    expect(refusal({ promptTokenIds: [] })).toBe('The decoder prompt cannot be empty');
  });

  it('leaves room for one token at least', () => {
    const promptOf = (length: number) => Array.from({ length }, () => 1);

    expect(process({ promptTokenIds: promptOf(15) }).promptTokenIds).toHaveLength(15);
    expect(refusal({ promptTokenIds: promptOf(16) })).toBe(
      'The decoder prompt (length 16) plus the number of requested output tokens (at least 1) is longer than the ' +
        'maximum model length of 16. Make sure that `max_model_len` is no smaller than the number of text tokens ' +
        '(prompt + requested output tokens).',
    );
    expect(refusal({ promptTokenIds: promptOf(17) })).toBe(
      'The decoder prompt (length 17) is longer than the maximum model length of 16. Make sure that `max_model_len` ' +
        'is no smaller than the number of text tokens.',
    );
  });

  it('has tokens of the model or of the tokenizer', () => {
    const words = Array.from({ length: 100 }, (_, i) => `word${i}`);
    const tokenizer = new ByteTokenizer({ words });

    expect(process({ promptTokenIds: [0, 299] }).promptTokenIds).toEqual([0, 299]);
    expect(refusal({ promptTokenIds: [5, 300, 301] })).toBe('Token id 301 is out of vocabulary');
    expect(process({ promptTokenIds: [355] }, { tokenizer }).promptTokenIds).toEqual([355]);
    expect(refusal({ promptTokenIds: [356] }, { tokenizer })).toBe(
      'Token id 356 is out of vocabulary',
    );
  });

  it('has no negative token', () => {
    expect(refusal({ promptTokenIds: [5, -1, -3, 2] })).toBe('Token id -3 is out of vocabulary');
  });

  it('is refused with all digits of a token that no number is exact for', () => {
    expect(refusal({ promptTokenIds: [1e21] })).toBe(
      'Token id 1000000000000000000000 is out of vocabulary',
    );
  });

  it('may be checked ahead, under the name of its parameter', () => {
    const processor = new InputProcessor(createInputProcessorOptions());

    expect(apiErrorOf(() => processor.validateTokenIds([300], 'prompt')).param).toBe('prompt');
    expect(apiErrorOf(() => processor.validateTokenIds([-1], 'prompt')).param).toBe('prompt');
    expect(apiErrorOf(() => processor.validateTokenIds([300])).param).toBeNull();
    expect(() => processor.validateTokenIds([0, 299], 'prompt')).not.toThrow();
  });
});

describe('a request is refused', () => {
  it('for a rank that this frontend has not', () => {
    expect(refusal({ dataParallelRank: 2 }, { numRanks: 2 })).toBe(
      'data_parallel_rank 2 is out of range [0, 2).',
    );
    expect(refusal({ dataParallelRank: -1 }, { numRanks: 2 })).toBe(
      'data_parallel_rank -1 is out of range [0, 2).',
    );
    expect(process({ dataParallelRank: 0 }, { numRanks: 2 }).dataParallelRank).toBe(0);
  });

  it('for a thinking budget, as there is no reasoning parser', () => {
    expect(refusal({ sampling: { thinkingTokenBudget: 5 } })).toBe(
      'thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-parser ' +
        'and/or --reasoning-config to use thinking_token_budget.',
    );
  });

  it('for more min_tokens than fit, where there is no limit', () => {
    const { maxModelLen } = createServedModel();
    expect(process({ sampling: { maxTokens: null } }).samplingParams?.maxTokens).toBe(
      maxModelLen - 3,
    );
    expect(refusal({ sampling: { maxTokens: null, minTokens: 2147483648 } })).toBe(
      `min_tokens must be less than or equal to max_tokens=${maxModelLen - 3}, got 2147483648.`,
    );
  });

  it('for sampling without bounds, where it is told what could have been sampled', () => {
    const returnsSamplingMask = true;
    expect(refusal({ sampling: { temperature: 0, topK: 5 } }, { returnsSamplingMask })).toBe(
      'sampling distribution replay requires temperature > 0',
    );
    expect(refusal({ sampling: { temperature: 1, topK: 0 } }, { returnsSamplingMask })).toContain(
      'sampling distribution replay requires top_k > 0 to bound sampling mask size',
    );
    expect(() =>
      process({ sampling: { temperature: 1, topK: 5 } }, { returnsSamplingMask }),
    ).not.toThrow();
  });

  it('for routed experts from beyond the prompt', () => {
    expect(apiErrorOf(() => process({ sampling: { routedExpertsPromptStart: 4 } }))).toMatchObject({
      message:
        'routed_experts_prompt_start must be between 0 and the prompt length (3), inclusive. ' +
        '(parameter=routed_experts_prompt_start, value=4)',
      param: 'routed_experts_prompt_start',
    });
    expect(process({ sampling: { routedExpertsPromptStart: 3 } }).samplingParams).toMatchObject({
      routedExpertsPromptStart: 3,
    });
  });

  it('for sampling parameters that the model has no tokens for, before all else', () => {
    expect(refusal({ promptTokenIds: [], sampling: { stopTokenIds: [300] } })).toContain(
      'stop_token_ids',
    );
    expect(refusal({ sampling: { logprobs: 5 } }, { maxLogprobs: 4 })).toContain(
      'greater than max allowed: 4',
    );
  });

  it('for its rank before its prompt is looked at', () => {
    expect(refusal({ promptTokenIds: [], dataParallelRank: 7 })).toContain('data_parallel_rank');
  });
});
