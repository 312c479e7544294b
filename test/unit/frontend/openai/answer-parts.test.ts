import { describe, expect, it } from 'vitest';
import { AnswerParts } from '../../../../src/frontend/openai/answer-parts.ts';
import type { GenerationRequest } from '../../../../src/frontend/openai/generation-request.ts';
import type { ServingContext } from '../../../../src/frontend/openai/serving-context.ts';
import { createOutput, createServing, parseBody, TEST_MODEL } from '../../../support/openai.ts';

function createParts(body: object = {}, fields: Partial<ServingContext> = {}, numPrompts = 1) {
  const request: GenerationRequest = parseBody('completion-request', { prompt: 'x', ...body });
  return new AnswerParts(createServing(fields).context, request, numPrompts);
}

describe('AnswerParts', () => {
  it('heads an answer with its id, kind, time in whole seconds and the first served name', () => {
    expect(createParts({ model: 'alias' }).head('i"d', 'text_completion')).toBe(
      '{"id":"i\\"d","object":"text_completion","created":1700000000,"model":"m","choices":[',
    );
  });

  it.each([
    [{}, {}, [false, false]],
    [{ include_usage: true }, {}, [true, false]],
    [{ include_usage: true, continuous_usage_stats: true }, {}, [true, true]],
    [{ include_usage: false, continuous_usage_stats: true }, {}, [false, false]],
    [{}, { enableForceIncludeUsage: true }, [true, true]],
  ])('tells usage with %j and %j: %j', (options, fields, expected) => {
    const parts = createParts({ stream: true, stream_options: options }, fields);
    expect([parts.includeUsage, parts.includeContinuousUsage]).toEqual(expected);
  });

  it('has no chunk with the usage where none was asked for', () => {
    const usage = () => '{"u":1}';
    expect(createParts().usageEvent('{[', usage, createOutput(), 1)).toBe('');
    const forced = createParts({}, { enableForceIncludeUsage: true });
    expect(forced.usageEvent('{[', usage, createOutput(), 1)).toBe(
      'data: {[],"usage":{"u":1},"system_fingerprint":"fp"}\n\n',
    );
  });

  it('has no fingerprint where the server has none', () => {
    const parts = createParts({}, { model: { ...TEST_MODEL, fingerprint: null } });
    expect([parts.fingerprint, parts.finishFingerprint]).toEqual(['null', '']);
    expect(createParts().finishFingerprint).toBe(',"system_fingerprint":"fp"');
  });

  it.each([
    [{}, 1, true],
    [{ n: 2 }, 1, false],
    [{}, 2, false],
  ])('has timings for %j of %d prompts: %s', (body, numPrompts, expected) => {
    const parts = createParts(body, { enablePerRequestMetrics: true }, numPrompts);
    expect(parts.metrics(createOutput(), 1) !== 'null').toBe(expected);
  });

  it('has no timings where the server does not tell them', () => {
    expect(createParts().metrics(createOutput(), 1)).toBe('null');
  });

  it('shows all candidates where the request names them', () => {
    expect(createParts().logprobsFormat(3).limit).toBe(3);
    expect(createParts({ logprobs: 1, logprob_token_ids: [5] }).logprobsFormat(3).limit).toBeNull();
    expect(createParts({ logprobs: 1, logprob_token_ids: [] }).logprobsFormat(3).limit).toBe(3);
  });
});
