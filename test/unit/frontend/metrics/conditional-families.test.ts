import { describe, expect, it } from 'vitest';
import {
  FrontendMetrics,
  type FrontendMetricsOptions,
} from '../../../../src/frontend/metrics/frontend-metrics.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from '../../../support/cache-config-settings.ts';
import { parseExposition, samplesByKey } from '../../../support/exposition.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';

function createMetrics(options: Partial<FrontendMetricsOptions> = {}): FrontendMetrics {
  return new FrontendMetrics({
    engines: new Map([0, 1].map((rank) => [rank, createReadyResponse({ dataParallelRank: rank })])),
    servedModelName: 'tiny',
    cacheConfig: DEFAULT_CACHE_CONFIG_SETTINGS,
    dpMetrics: 'per-engine',
    kvCacheMetrics: false,
    maxLoras: null,
    clock: new VirtualClock(),
    ...options,
  });
}

async function familiesOf(metrics: FrontendMetrics) {
  const { body } = await metrics.render({ accept: undefined, names: [] });
  return { names: [...parseExposition(body).keys()], samples: samplesByKey(body) };
}

describe('the tool call parser counter', () => {
  it('is the last family with a parser, and all its children are there at 0', async () => {
    const { names, samples } = await familiesOf(createMetrics({ hasToolCallParser: true }));
    expect(names.slice(-2)).toEqual([
      'vllm:tool_call_parser_invocations_total',
      'vllm:tool_call_parser_invocations_created',
    ]);
    const own = [...samples].filter(([key]) => key.startsWith(names.at(-2) ?? ''));
    expect(own.length).toBe(2 * 2 * 3);
    expect(own).toContainEqual([
      'vllm:tool_call_parser_invocations_total{mode="non_streaming",model_name="tiny",outcome="no_tool_call",request_type="responses"}',
      0,
    ]);
  });

  it('is not there without a parser', async () => {
    const { names } = await familiesOf(createMetrics());
    expect(names.filter((name) => name.includes('tool_call'))).toEqual([]);
  });
});

describe('the counters of speculative decoding', () => {
  it('are the first vllm families, with a child per engine and draft position', async () => {
    const { names, samples } = await familiesOf(createMetrics({ numSpeculativeTokens: 2 }));
    const own = names.filter((name) => name.startsWith('vllm:') && name.endsWith('_total'));
    expect(own.slice(0, 5)).toEqual([
      'vllm:spec_decode_num_drafts_total',
      'vllm:spec_decode_num_draft_tokens_total',
      'vllm:spec_decode_num_accepted_tokens_total',
      'vllm:spec_decode_num_accepted_tokens_per_pos_total',
      'vllm:estimated_flops_per_gpu_total',
    ]);
    const positions = [...samples.keys()].filter((key) => key.includes('per_pos_total'));
    expect(positions).toEqual(
      [0, 1].flatMap((engine) =>
        [0, 1].map(
          (position) =>
            `vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="${engine}",model_name="tiny",position="${position}"}`,
        ),
      ),
    );
  });
});

describe('the families of sleep operations', () => {
  it('are not there before the first one', async () => {
    const { names } = await familiesOf(createMetrics());
    expect(names.filter((name) => name.includes('sleep_mode'))).toEqual([]);
  });

  it('count one while it runs and its duration once it has ended, failed or not', async () => {
    const clock = new VirtualClock();
    const metrics = createMetrics({ clock });
    let end = (): void => {};
    const sleeping = metrics.recordSleepOperation('sleep', () => {
      clock.advance(500);
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    });
    const during = await familiesOf(metrics);
    expect(during.samples.get('vllm:sleep_mode_operations_in_flight{operation="sleep"}')).toBe(1);
    end();
    await sleeping;
    const failing = metrics.recordSleepOperation('wake', () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    const { samples } = await familiesOf(metrics);
    expect(samples.get('vllm:sleep_mode_operations_in_flight{operation="sleep"}')).toBe(0);
    const duration = 'vllm:sleep_mode_operation_duration_seconds';
    expect(samples.get(`${duration}_sum{operation="sleep"}`)).toBe(0.5);
    expect(samples.get(`${duration}_bucket{le="1.0",operation="sleep"}`)).toBe(1);
    expect(samples.get(`${duration}_count{operation="wake"}`)).toBe(1);
  });

  it('of one API server are shown by another that had none', async () => {
    const [mine, theirs] = [createMetrics(), createMetrics()];
    await theirs.recordSleepOperation('sleep', () => Promise.resolve());
    const { body } = await mine.renderMerged([mine.snapshot(), theirs.snapshot()], {
      accept: undefined,
      names: [],
    });
    expect(
      samplesByKey(body).get('vllm:sleep_mode_operation_duration_seconds_count{operation="sleep"}'),
    ).toBe(1);
  });
});

describe('without stat logging', () => {
  it('no stat logger registers its families, and a load report is empty', async () => {
    const metrics = createMetrics({ logStats: false, hasToolCallParser: true });
    const { names } = await familiesOf(metrics);
    expect(names.filter((name) => name.startsWith('vllm:'))).toEqual([
      'vllm:tool_call_parser_invocations_total',
      'vllm:tool_call_parser_invocations_created',
    ]);
    expect(metrics.namedMetrics()).toEqual([]);
  });
});
