import { describe, expect, it } from 'vitest';
import { maxTokensFor, samplingFields } from '../../../../src/frontend/openai/sampling-fields.ts';
import { RequestOutputKind } from '../../../../src/shared/protocol/request.ts';
import { parseBody, TEST_MODEL } from '../../../support/openai.ts';

const DEFAULTS = { temperature: 0.25, top_p: 0.5, top_k: 7, min_p: 0.125, repetition_penalty: 1.5 };
const fields = (body: object = {}, defaultSamplingParams: Readonly<Record<string, number>> = {}) =>
  samplingFields(
    parseBody('chat-completion-request', { messages: [], ...body }),
    { ...TEST_MODEL, defaultSamplingParams },
    { maxTokens: 12, logprobs: 3, promptLogprobs: null },
  );

describe('samplingFields', () => {
  it('has OpenAI’s defaults, the model’s before them, the request’s before both', () => {
    expect(fields()).toMatchObject({
      temperature: 1,
      topP: 1,
      topK: 0,
      minP: 0,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      skipSpecialTokens: true,
      outputKind: RequestOutputKind.FINAL_ONLY,
      extraArgs: null,
      logprobTokenIds: null,
      structuredOutputs: null,
    });
    expect(fields({}, DEFAULTS)).toMatchObject({
      temperature: 0.25,
      topP: 0.5,
      topK: 7,
      minP: 0.125,
      repetitionPenalty: 1.5,
    });
    expect(
      fields({ temperature: 0, top_k: -1, skip_special_tokens: false }, DEFAULTS),
    ).toMatchObject({
      temperature: 0,
      topK: -1,
      skipSpecialTokens: false,
    });
  });

  it('passes the rest on', () => {
    const body = {
      n: 2,
      stop: ['a'],
      stop_token_ids: [5],
      bad_words: ['b'],
      thinking_token_budget: 3,
      include_stop_str_in_output: true,
      ignore_eos: true,
      min_tokens: 4,
      seed: 9,
      stream: true,
      stream_interval: 6,
      logit_bias: { 5: 1 },
      allowed_token_ids: [8],
      logprobs: true,
      logprob_token_ids: [7],
      presence_penalty: 0.5,
      frequency_penalty: 0.25,
      spaces_between_special_tokens: false,
    };
    expect(fields(body)).toMatchObject({
      n: 2,
      stop: ['a'],
      stopTokenIds: [5],
      badWords: ['b'],
      thinkingTokenBudget: 3,
      includeStopStrInOutput: true,
      ignoreEos: true,
      minTokens: 4,
      seed: 9,
      outputKind: RequestOutputKind.DELTA,
      streamInterval: 6,
      logitBias: { 5: 1 },
      allowedTokenIds: [8],
      logprobTokenIds: [7],
      presencePenalty: 0.5,
      frequencyPenalty: 0.25,
      spacesBetweenSpecialTokens: false,
    });
  });

  it('puts transfer parameters that say something beside the extra arguments', () => {
    expect(
      fields({ vllm_xargs: { a: 1 }, kv_transfer_params: { k: 1 }, ec_transfer_params: { e: 1 } })
        .extraArgs,
    ).toEqual({
      a: 1,
      kv_transfer_params: { k: 1 },
      ec_transfer_params: { e: 1 },
    });
    expect(
      fields({ vllm_xargs: {}, kv_transfer_params: {}, ec_transfer_params: {} }).extraArgs,
    ).toBeNull();
  });

  it.each([
    [{ structured_outputs: { regex: 'r' } }, { regex: 'r', json: null }],
    [{ response_format: { type: 'text' } }, null],
    [{ response_format: { type: 'text' }, structured_outputs: { regex: 'r' } }, { regex: 'r' }],
    [{ response_format: { type: 'json_object' } }, { json_object: true, json: null }],
    [
      { response_format: { type: 'json_object' }, structured_outputs: { regex: 'r' } },
      { json_object: true, regex: 'r' },
    ],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { a: 1 } } } },
      { json: { a: 1 } },
    ],
    [{ response_format: { type: 'json_schema', json_schema: { name: 'n' } } }, { json: null }],
  ] as const)('makes of %j the structured outputs %j', (body, expected) => {
    const { structuredOutputs } = fields(body);
    if (expected === null) expect(structuredOutputs).toBeNull();
    else expect(structuredOutputs).toMatchObject(expected);
  });

  it('keeps a structural tag as its JSON', () => {
    const format = { type: 'structural_tag', format: { type: 'any_text' } };
    expect(fields({ response_format: format }).structuredOutputs).toMatchObject({
      structural_tag: expect.stringContaining('"type":"structural_tag"'),
    });
  });
});

describe('maxTokensFor', () => {
  it.each([
    [null, {}, 90],
    [5, {}, 5],
    [95, {}, 90],
    [null, { max_tokens: 7 }, 7],
    [5, { max_tokens: 7 }, 5],
    [0, { max_tokens: 7 }, 0],
    [null, { max_tokens: 700 }, 90],
  ])(
    'of %s asked and defaults %j is %d behind 10 tokens of 100',
    (asked, defaultSamplingParams, expected) => {
      expect(maxTokensFor({ ...TEST_MODEL, defaultSamplingParams }, asked, 10)).toBe(expected);
    },
  );
});
