import { describe, expect, it } from 'vitest';
import { labelText, parseExposition } from '../../../../src/page/metrics/exposition.ts';
import { growth, historyOf, sparkline } from '../../../../src/page/metrics/history.ts';
import { queriesFor } from '../../../../src/page/metrics/promql.ts';
import { lastChange, provenanceOf } from '../../../../src/page/metrics/provenance.ts';
import type { FrameLine } from '../../../../src/shared/tap/frame-line.ts';

describe('the exposition as the page reads it', () => {
  it('puts the samples of a histogram into one family, with escaped labels and infinite bounds', () => {
    const [family, ...others] = parseExposition(
      [
        '# HELP h Seconds.',
        '# TYPE h histogram',
        'h_bucket{le="+Inf",model_name="a\\"b\\\\c\\nd"} 2',
        'h_sum 0.5',
        'h_count 2',
        '',
      ].join('\n'),
    );
    expect(others).toEqual([]);
    expect(family).toMatchObject({ name: 'h', type: 'histogram', help: 'Seconds.' });
    expect(family?.samples.map(({ name }) => name)).toEqual(['h_bucket', 'h_sum', 'h_count']);
    expect(family?.samples[0]?.labels).toEqual({ le: '+Inf', model_name: 'a"b\\c\nd' });
    expect(labelText(family?.samples[0]?.labels ?? {}, 'model_name')).toBe('{le="+Inf"}');
  });

  it('reads values that are no finite numbers', () => {
    const [family] = parseExposition('a +Inf\na{b="1"} NaN\na{b="2"} 1e-05\n');
    expect(family?.samples.map(({ value }) => value)).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NaN,
      0.00001,
    ]);
  });
});

describe('history', () => {
  it('keeps the values of a sample over scrapes, with gaps where it was not there', () => {
    const scrapes = ['a 1\n', 'b 5\n', 'a 4\n'].map((text, atMs) => ({
      atMs,
      families: parseExposition(text),
    }));
    expect(historyOf(scrapes).get('a')).toEqual([1, Number.NaN, 4]);
    expect(historyOf(scrapes).get('b')).toEqual([Number.NaN, 5]);
  });

  it('shows a counter by what it grew, also over a restart', () => {
    expect(growth([5, 7, 7, 2])).toEqual([0, 2, 0, 0]);
  });

  it('draws points from left to right, the most on top', () => {
    expect(sparkline([0, 10], 90, 18)).toBe('0.0,17.0 90.0,1.0');
    expect(sparkline([Number.NaN], 90, 18)).toBe('');
  });
});

describe('the queries of a family', () => {
  const textOf = (name: string, type: string): string =>
    queriesFor({ name, type })
      .map(({ query }) => query)
      .join('\n');

  it('never sum a capacity or a share', () => {
    for (const name of ['vllm:cache_config_info', 'vllm:kv_cache_usage_perc']) {
      expect(textOf(name, 'gauge')).not.toContain('sum');
    }
  });

  it('ask for a rate of a counter, and for quantiles of a histogram by le', () => {
    expect(textOf('vllm:generation_tokens_total', 'counter')).toContain(
      'rate(vllm:generation_tokens_total[1m])',
    );
    expect(textOf('vllm:generation_tokens', 'counter')).toContain(
      'rate(vllm:generation_tokens_total[1m])',
    );
    expect(textOf('h', 'histogram')).toContain(
      'histogram_quantile(0.99, sum by (le) (rate(h_bucket[5m])))',
    );
  });
});

describe('where a metric comes from', () => {
  const outputs = (n: number, peer: number, message: unknown): FrameLine => ({
    n,
    seq: n,
    t_ms: n,
    process: 'APIServer',
    socket: 'output',
    direction: 'receive',
    peer,
    type: 'OUTPUTS',
    bytes: 9,
    message,
  });
  const running = (n: number, peer: number, value: number): FrameLine =>
    outputs(n, peer, { scheduler_stats: { num_running_reqs: value }, outputs: [] });
  const tokens = (n: number, peer: number, ids: number[]): FrameLine =>
    outputs(n, peer, { scheduler_stats: null, outputs: [{ new_token_ids: ids }] });

  it('of a level is the frame in which it was another value than before', () => {
    const lines = [running(1, 0, 2), running(2, 0, 1), running(3, 1, 7), running(4, 0, 1)];
    const found = lastChange(lines, provenanceOf('vllm:num_requests_running'), 0);
    expect(found).toMatchObject({ value: '1', line: { n: 2 } });
  });

  it('of a count is the last frame that brought something to count', () => {
    const lines = [tokens(1, 1, [5]), tokens(2, 1, [5]), tokens(3, 0, [6]), tokens(4, 1, [])];
    const found = lastChange(lines, provenanceOf('vllm:generation_tokens_total'), 1);
    expect(found).toMatchObject({ value: '[5]', line: { n: 2 } });
  });

  it('of preemptions is a frame with such an event, not with any', () => {
    const events = (n: number, ...types: number[]): FrameLine =>
      outputs(n, 0, { outputs: [{ events: types.map((type) => ({ type, timestamp: 1 })) }] });
    const lines = [events(1, 1, 2), events(2, 3), events(3, 1)];
    const found = lastChange(lines, provenanceOf('vllm:num_preemptions_total'), 0);
    expect(found?.line.n).toBe(2);
  });

  it('of hits in the prefix cache is the last step with any', () => {
    const hits = (n: number, value: number): FrameLine =>
      outputs(n, 0, { scheduler_stats: { prefix_cache_stats: { hits: value } } });
    const found = lastChange(
      [hits(1, 16), hits(2, 0)],
      provenanceOf('vllm:prefix_cache_hits_total'),
      0,
    );
    expect(found).toMatchObject({ value: '16', line: { n: 1 } });
  });

  it('is no message for what the server counts by itself', () => {
    expect(provenanceOf('http_requests_total').type).toBeNull();
    expect(provenanceOf('process_cpu_seconds_total').type).toBeNull();
    expect(lastChange([running(1, 0, 1)], provenanceOf('http_requests_total'), null)).toBeNull();
  });
});
