import { describe, expect, it } from 'vitest';
import { createResponse } from '../../../../../src/frontend/openai/responses/serving.ts';
import { responseNotFound } from '../../../../../src/frontend/openai/responses/stored.ts';
import { RequestOutputKind } from '../../../../../src/shared/protocol/request.ts';
import {
  createOutput,
  createServing,
  errorOf,
  here,
  parseBody,
  TEST_MODEL,
} from '../../../../support/openai.ts';

function respond(body: object = {}, { headers = {}, serving = createServing() } = {}) {
  const request = parseBody('responses-request', { model: 'm', input: 'Q', ...body });
  here(createResponse(serving.context, request, headers, serving.channel));
  return serving;
}

const promptOf = (serving: ReturnType<typeof createServing>) =>
  String.fromCodePoint(...(serving.llm.calls[0]?.request.promptTokenIds ?? []));

describe('createResponse', () => {
  it('asks for one answer under the response’s id', () => {
    const { llm, channel } = respond({ request_id: 'resp_x' });
    expect(llm.preflights).toEqual([1]);
    expect(llm.calls[0]?.request.requestId).toBe('resp_x_0');
    llm.emit(createOutput({ finishReason: 'stop' }));
    expect(JSON.parse(channel.body)).toMatchObject({ id: 'resp_x', status: 'completed' });
  });

  it('makes an id where there is none', () => {
    expect(respond({}).llm.calls[0]?.request.requestId).toMatch(/^resp_[0-9a-f]{16}_0$/);
  });

  it('streams, and breaks off on an error', () => {
    const { llm, channel } = respond({ stream: true });
    expect(channel.stream).toContain('event: response.in_progress');
    llm.calls[0]?.sink.onError(new Error('gone'));
    expect([channel.isBroken, channel.isEnded, channel.stream.includes('gone')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('renders instructions and input', () => {
    const text =
      '\u0001<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n';
    expect(promptOf(respond({ instructions: 'Be brief.' }))).toBe(text);
  });

  it('continues an answer that was cut off', () => {
    const content = [{ type: 'output_text', text: 'So', annotations: [] }];
    const item = { type: 'message', role: 'assistant', id: 'msg_1', status: 'incomplete', content };
    expect(promptOf(respond({ input: [{ role: 'user', content: 'Q' }, item] }))).toMatch(
      /assistant\nSo$/,
    );
  });

  it.each([
    [
      {},
      {
        maxTokens: expect.any(Number),
        logprobs: null,
        extraArgs: {},
        stop: [],
        badWords: [],
        minTokens: 0,
      },
    ],
    [
      { max_output_tokens: 7, stream: true },
      { maxTokens: 7, outputKind: RequestOutputKind.DELTA },
    ],
    [
      { temperature: 0.5, top_p: 0.25, top_k: 3 },
      { temperature: 0.5, topP: 0.25, topK: 3 },
    ],
    [{ include: ['message.output_text.logprobs'], top_logprobs: 3 }, { logprobs: 3 }],
    [{ vllm_xargs: { a: 1 } }, { extraArgs: { a: 1 } }],
    [{ stop: '' }, { stop: [] }],
    [{ stop: 'END' }, { stop: ['END'] }],
    [{ kv_transfer_params: { a: 1 } }, { extraArgs: {} }],
  ])('makes of %j the right sampling parameters', (body, params) => {
    expect(respond(body).llm.calls[0]?.request.params).toMatchObject(params);
  });

  it.each([
    [{ model: 'other' }, 404, 'model'],
    [{ store: true, background: true }, 400, 'background'],
    [
      { previous_input_messages: [{}], previous_response_id: 'resp_1' },
      400,
      'previous_response_id',
    ],
    [{ previous_response_id: 'resp_1' }, 404, 'response_id'],
  ])('refuses %j before the answer begins', (body, code, param) => {
    const serving = createServing();
    expect(errorOf(() => respond(body, { serving }))).toMatchObject({ code, param });
    expect([serving.channel.hasBegun, serving.llm.calls.length]).toEqual([false, 0]);
  });

  it('refuses log probabilities of gpt-oss', () => {
    const serving = createServing({ model: { ...TEST_MODEL, modelType: 'gpt_oss' } });
    const body = { include: ['message.output_text.logprobs'] };
    expect(errorOf(() => respond(body, { serving }))).toMatchObject({
      message: 'logprobs are not supported with gpt-oss models',
      param: 'logprobs',
    });
  });

  it('refuses a prompt that leaves no room for a token', () => {
    // The rendered chat has 52 tokens.
    const withLength = (maxModelLen: number) =>
      createServing({ model: { ...TEST_MODEL, maxModelLen } });
    const refused = errorOf(() => respond({}, { serving: withLength(52) }));
    expect(refused).toMatchObject({
      message: 'The engine prompt length 52 exceeds the max_model_len 52. Please reduce prompt.',
      type: 'invalid_request_error',
      param: 'input',
    });
    expect(respond({}, { serving: withLength(53) }).llm.calls[0]?.request.params.maxTokens).toBe(1);
  });
});

it('knows no stored response', () => {
  expect(responseNotFound('resp_1').info).toEqual({
    message: "Response with id 'resp_1' not found.",
    type: 'invalid_request_error',
    param: 'response_id',
    code: 404,
  });
});
