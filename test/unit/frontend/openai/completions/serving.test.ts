import { describe, expect, it } from 'vitest';
import { createCompletion } from '../../../../../src/frontend/openai/completions/serving.ts';
import { RequestOutputKind } from '../../../../../src/shared/protocol/request.ts';
import {
  createOutput,
  createServing,
  errorOf,
  here,
  parseBody,
} from '../../../../support/openai.ts';

function complete(body: object = {}, { headers = {}, serving = createServing() } = {}) {
  here(
    createCompletion(
      serving.context,
      parseBody('completion-request', { model: 'm', prompt: 'PQ', ...body }),
      headers,
      serving.channel,
    ),
  );
  return serving;
}

describe('createCompletion', () => {
  it('asks for every prompt under an id of its own', () => {
    const { llm } = complete({ prompt: ['a', 'bc'], n: 2 }, { headers: { 'x-request-id': 'id' } });
    expect(llm.preflights).toEqual([2]);
    expect(
      llm.calls.map(({ request }) => [request.requestId, request.promptTokenIds, request.params.n]),
    ).toEqual([
      ['cmpl-id-0', [1, 97], 2],
      ['cmpl-id-1', [1, 98, 99], 2],
    ]);
    expect(llm.calls[0]?.request.arrivalTime).toBe(1_700_000_000.5);
    expect(llm.calls[0]?.request.params).not.toBe(llm.calls[1]?.request.params);
  });

  it('answers whole, under the id without the prompt’s number', () => {
    const { llm, channel } = complete({ request_id: 'body' });
    llm.emit(createOutput({ finishReason: 'stop' }));
    expect(channel.status).toBe(200);
    expect(channel.body).toContain('{"id":"cmpl-body","object":"text_completion"');
  });

  it('streams', () => {
    const { llm, channel } = complete({ stream: true });
    llm.emit(createOutput());
    llm.emit(createOutput({ finishReason: 'length' }));
    expect(channel.events).toHaveLength(3);
    expect(channel.events[2]).toBe('[DONE]');
    expect(channel.isEnded).toBe(true);
  });

  it.each([
    [
      {},
      {
        maxTokens: 16,
        logprobs: null,
        promptLogprobs: null,
        outputKind: RequestOutputKind.FINAL_ONLY,
      },
    ],
    [{ stream: true }, { outputKind: RequestOutputKind.DELTA }],
    [{ echo: true, max_tokens: 0 }, { maxTokens: 1 }],
    [{ logprobs: 2 }, { logprobs: 2, promptLogprobs: null }],
    [
      { logprobs: 2, echo: true },
      { logprobs: 2, promptLogprobs: 2 },
    ],
    [{ logprobs: 2, echo: true, prompt_logprobs: 1 }, { promptLogprobs: 1 }],
    [
      { logprobs: 0, logprob_token_ids: [5] },
      { logprobs: null, logprobTokenIds: [5] },
    ],
  ])('makes of %j the right sampling parameters', (body, params) => {
    expect(complete(body).llm.calls[0]?.request.params).toMatchObject(params);
  });

  it('generates no more than what fits behind the prompt', () => {
    const { llm } = complete({ max_tokens: 50, prompt: 'P'.repeat(89) });
    expect(llm.calls[0]?.request.params.maxTokens).toBe(10);
  });

  it('refuses before the answer begins', () => {
    const serving = createServing();
    expect(errorOf(() => complete({ model: 'other' }, { serving })).code).toBe(404);
    expect(
      errorOf(() => complete({ stream: true, use_beam_search: true }, { serving })),
    ).toMatchObject({
      message: 'Streaming is not currently supported with beam search',
      code: 400,
    });
    serving.llm.preflightError = new Error('busy');
    expect(() => complete({}, { serving })).toThrow('busy');
    expect([serving.channel.hasBegun, serving.llm.calls.length]).toEqual([false, 0]);
  });
});
