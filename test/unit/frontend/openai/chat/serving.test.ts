import { describe, expect, it } from 'vitest';
import { createChatCompletion } from '../../../../../src/frontend/openai/chat/serving.ts';
import { RequestOutputKind } from '../../../../../src/shared/protocol/request.ts';
import {
  createOutput,
  createServing,
  errorOf,
  here,
  parseBody,
} from '../../../../support/openai.ts';

function chat(body: object = {}, { headers = {}, serving = createServing() } = {}) {
  const messages = [{ role: 'user', content: 'Q' }];
  const request = parseBody('chat-completion-request', { model: 'm', messages, ...body });
  here(createChatCompletion(serving.context, request, headers, serving.channel));
  return serving;
}

describe('createChatCompletion', () => {
  it('renders the template and asks once, for all choices', () => {
    const { llm } = chat({ n: 3 }, { headers: { 'x-request-id': 'id' } });
    expect(llm.preflights).toEqual([3]);
    expect(llm.calls.map(({ request }) => [request.requestId, request.params.n])).toEqual([
      ['chatcmpl-id', 3],
    ]);
    expect(String.fromCodePoint(...(llm.calls[0]?.request.promptTokenIds ?? []))).toBe(
      '<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it('takes n: null for one choice', () => {
    expect(chat({ n: null }).llm.preflights).toEqual([1]);
  });

  it('answers whole', () => {
    const { llm, channel } = chat({ request_id: 'body' });
    llm.emit(createOutput({ finishReason: 'stop' }));
    expect(channel.body).toContain('{"id":"chatcmpl-body","object":"chat.completion"');
  });

  it('streams', () => {
    const { llm, channel } = chat({ stream: true });
    llm.emit(createOutput({ finishReason: 'stop' }));
    expect(channel.events).toHaveLength(3);
    expect([channel.events[2], channel.isEnded]).toEqual(['[DONE]', true]);
  });

  it.each([
    [{}, { logprobs: null, promptLogprobs: null, outputKind: RequestOutputKind.FINAL_ONLY }],
    [{ max_tokens: 5 }, { maxTokens: 5 }],
    [{ max_tokens: 5, max_completion_tokens: 6 }, { maxTokens: 6 }],
    [{ stream: true }, { outputKind: RequestOutputKind.DELTA }],
    [
      { logprobs: true, top_logprobs: 2 },
      { logprobs: 2, promptLogprobs: null },
    ],
    [
      { logprobs: true, top_logprobs: 2, echo: true },
      { logprobs: 2, promptLogprobs: 2 },
    ],
    [{ logprobs: true, echo: true, prompt_logprobs: 1 }, { promptLogprobs: 1 }],
    [
      { logprobs: true, logprob_token_ids: [5] },
      { logprobs: null, logprobTokenIds: [5] },
    ],
    [{ logprobs: false }, { logprobs: null }],
  ])('makes of %j the right sampling parameters', (body, params) => {
    expect(chat(body).llm.calls[0]?.request.params).toMatchObject(params);
  });

  it('may fill the context where no limit is given', () => {
    const { llm } = chat();
    const call = llm.calls[0]?.request;
    expect(call?.params.maxTokens).toBe(100 - (call?.promptTokenIds.length ?? 0));
  });

  it('refuses before the answer begins', () => {
    const serving = createServing();
    expect(errorOf(() => chat({ model: 'other' }, { serving })).code).toBe(404);
    serving.llm.preflightError = new Error('busy');
    expect(() => chat({ stream: true }, { serving })).toThrow('busy');
    expect([serving.channel.hasBegun, serving.llm.calls.length]).toEqual([false, 0]);
  });
});
