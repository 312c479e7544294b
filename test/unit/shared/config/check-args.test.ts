import { describe, expect, it } from 'vitest';
import { checkArgs } from '../../../../src/shared/config/check-args.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../../src/shared/config/registry.ts';

const check = (args: Partial<EngineArgs>) => () => checkArgs({ ...defaultEngineArgs(), ...args });

describe('settings that do not go together', () => {
  it.each<[Partial<EngineArgs>, string]>([
    [{ enableLogOutputs: true }, '--enable-log-outputs requires --enable-log-requests'],
    [
      { enablePerRequestMetrics: true, disableLogStats: true },
      '--enable-per-request-metrics requires engine statistics logging; remove --disable-log-stats',
    ],
    [{ enableAutoToolChoice: true }, '--enable-auto-tool-choice requires --tool-call-parser'],
    [{ dataParallelBackend: 'ray' }, '--data-parallel-backend ray'],
    [{ reasoningEffortMap: { low: 1 } }, 'mapping reasoning efforts to strings'],
    [{ reasoningEffortMap: { huge: 'low' } }, 'has unknown efforts huge; keys must be one of none'],
  ])('are refused: %j', (args, message) => {
    expect(check(args)).toThrow(message);
  });

  it.each<Partial<EngineArgs>>([
    {},
    { enableLogOutputs: true, enableLogRequests: true },
    { enableAutoToolChoice: true, toolCallParser: 'hermes' },
    { reasoningEffortMap: { xhigh: 'max' } },
    { customHistogramBuckets: { request_latency: [0.1, 2], request_tokens: [1] } },
  ])('are taken: %j', (args) => {
    expect(check(args)).not.toThrow();
  });
});

describe('custom histogram buckets', () => {
  it.each([
    [{ latency: [1] }, "unknown bucket family 'latency'; known families: inter_token_latency,"],
    [
      { request_latency: [] },
      "custom_histogram_buckets['request_latency']: bucket list must not be",
    ],
    [{ request_latency: [0] }, 'bound 0 must be finite and greater than 0'],
    [{ request_latency: [-1] }, 'bound -1 must be finite and greater than 0'],
    [{ request_latency: [true] }, 'bound true must be a number, not a boolean'],
    [{ request_latency: ['1'] }, 'bound "1" must be a number'],
    [{ request_latency: [1, 1] }, 'bounds [1,1] must be strictly increasing'],
    [{ request_latency: 1 }, 'must be a list of numbers'],
  ])('are refused as vLLM does: %j', (customHistogramBuckets, message) => {
    expect(check({ customHistogramBuckets })).toThrow(message);
  });
});
