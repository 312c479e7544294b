import { describe, expect, it } from 'vitest';
import { RequestStateStats } from '../../../../src/frontend/metrics/iteration-stats.ts';
import {
  jsonStopReason,
  requestMetricsJson,
  streamUsageJson,
  usageJson,
} from '../../../../src/frontend/openai/answer-json.ts';

it('writes a stop reason as a token id, a text or null', () => {
  expect([7, 'E"', null].map(jsonStopReason)).toEqual(['7', '"E\\""', 'null']);
});

it('writes all fields of a whole usage and the set ones of a stream’s', () => {
  expect(usageJson({ promptTokens: 3, completionTokens: 4, promptTokensDetails: '{}' })).toBe(
    '{"prompt_tokens":3,"total_tokens":7,"completion_tokens":4,"prompt_tokens_details":{},"completion_tokens_details":null}',
  );
  expect(streamUsageJson(3, 4)).toBe('{"prompt_tokens":3,"total_tokens":7,"completion_tokens":4}');
  expect(streamUsageJson(3, 4, ',"x":1')).toBe(
    '{"prompt_tokens":3,"total_tokens":7,"completion_tokens":4,"x":1}',
  );
});

describe('requestMetricsJson', () => {
  const stats = (fields: Partial<RequestStateStats>) =>
    Object.assign(new RequestStateStats(0), fields);
  const timed = stats({ queuedTs: 1, scheduledTs: 1.5, firstTokenTs: 2, lastTokenTs: 4 });

  it('tells times in milliseconds and the rate in tokens a second', () => {
    expect(JSON.parse(requestMetricsJson(timed, 5, false))).toEqual({
      time_to_first_token_ms: 500,
      generation_time_ms: 2000,
      queue_time_ms: 500,
      mean_itl_ms: 500,
      tokens_per_second: 2,
      speculative_decoding: null,
    });
  });

  it('has null, or nothing in a stream, for what was not measured', () => {
    expect(requestMetricsJson(stats({}), 5, false)).toBe(
      '{"time_to_first_token_ms":null,"generation_time_ms":null,"queue_time_ms":null,"mean_itl_ms":null,"tokens_per_second":null,"speculative_decoding":null}',
    );
    expect(requestMetricsJson(stats({}), 5, true)).toBe('{}');
    expect(requestMetricsJson(stats({ queuedTs: 1, scheduledTs: 2 }), 5, true)).toBe(
      '{"queue_time_ms":1000.0}',
    );
  });

  it('has no time between tokens where there is one token, and no rate without time', () => {
    expect(JSON.parse(requestMetricsJson(timed, 1, false))).toMatchObject({ mean_itl_ms: null });
    const instant = stats({ scheduledTs: 2, firstTokenTs: 2, lastTokenTs: 2 });
    expect(JSON.parse(requestMetricsJson(instant, 2, false))).toMatchObject({
      generation_time_ms: 0,
      mean_itl_ms: 0,
      tokens_per_second: null,
    });
  });
});
