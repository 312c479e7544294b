/** The queries of deploy/autoscaling, asked of a real Prometheus that knows two pods of two unequal ranks each. */
import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readManifests } from '../support/kubernetes.ts';
import { HISTORY_END_S, writeHistory } from '../support/metrics-history.ts';
import { isPrometheusInstalled, Prometheus, type PromSample } from '../support/prometheus.ts';

const FOLDER = new URL('../../deploy/autoscaling/', import.meta.url);
const RULES = fileURLToPath(new URL('../../deploy/prometheus/rules.yml', import.meta.url));

interface Trigger {
  readonly name: string;
  readonly metricType: string;
  readonly metadata: { readonly query: string; readonly threshold: string };
}

const [scaler] = readManifests('deploy/autoscaling/keda.yaml');
const triggers = scaler?.spec['triggers'] as readonly Trigger[];
const adapter = parse(readFileSync(new URL('prometheus-adapter.yaml', FOLDER), 'utf8')) as {
  readonly rules: readonly { seriesQuery: string; name: { as: string }; metricsQuery: string }[];
};

describe.skipIf(!isPrometheusInstalled())('autoscaling over a real Prometheus', () => {
  const files: string[] = [];
  let prometheus: Prometheus;

  beforeAll(async () => {
    // The second has twice the requests of the first.
    for (const [index, pod] of ['vllm-server-a', 'vllm-server-b'].entries()) {
      const target = { job: 'vllm/vllm', namespace: 'vllm', pod, instance: `10.0.0.${index}:8000` };
      files.push(writeHistory(target, { scale: index + 1 }));
    }
    prometheus = await Prometheus.overHistory({ openmetrics: files, rules: RULES });
  });
  afterAll(async () => {
    await prometheus?.stop();
    for (const file of files) rmSync(dirname(file), { recursive: true });
  });

  const ask = (query: string): Promise<readonly PromSample[]> =>
    prometheus.queryAt(query, HISTORY_END_S - 60);
  /** A number by pod (or whatever label), of samples that have one each. */
  const by = (label: string, samples: readonly PromSample[]): Readonly<Record<string, number>> =>
    Object.fromEntries(samples.map(({ labels, value }) => [labels[label] ?? '', value]));
  /** What the query of a KEDA trigger comes to: KEDA takes one number, and refuses several. */
  const triggerValue = async (name: string): Promise<number> => {
    const query = triggers.find((trigger) => trigger.name === name)?.metadata.query ?? '';
    const samples = await ask(query);
    expect(samples, query).toHaveLength(1);
    return samples[0]?.value ?? Number.NaN;
  };

  it('counts each request once, over ranks and pods', async () => {
    const gauges = await ask('{__name__=~"vllm:num_requests_(running|waiting)"}');
    expect(gauges).toHaveLength(8);
    const total = gauges.reduce((sum, { value }) => sum + value, 0);
    expect(await triggerValue('requests')).toBe(total);
  });

  it('sees the rank that is full beside one that is not', async () => {
    const usage = await ask('vllm:kv_cache_usage_perc');
    expect(new Set(usage.map(({ value }) => value))).toEqual(new Set([0.9, 0.2]));
    expect(await triggerValue('kv-cache')).toBe(0.9);
  });

  it('weighs ranks by their tokens', async () => {
    const used = (0.9 * 654_288 + 0.2 * 172_736) / (654_288 + 172_736);
    expect(await triggerValue('used-tokens')).toBeCloseTo(used, 9);
  });

  it('asks for a share with the metric type that leaves it a share', () => {
    const types = triggers.map(({ name, metricType }) => [name, metricType]);
    expect(types).toEqual([
      ['requests', 'AverageValue'],
      ['kv-cache', 'Value'],
      ['used-tokens', 'Value'],
    ]);
  });

  it('gives the custom metrics API one value a pod: requests of both ranks, usage of the fuller one', async () => {
    const values: Record<string, Readonly<Record<string, number>>> = {};
    for (const { seriesQuery, name, metricsQuery } of adapter.rules) {
      expect(await ask(seriesQuery), seriesQuery).toHaveLength(4);
      const series = /^[\w:]+/.exec(seriesQuery)?.[0] ?? '';
      const query = metricsQuery
        .replaceAll('<<.Series>>', series)
        .replaceAll('<<.GroupBy>>', 'pod')
        .replaceAll('<<.LabelMatchers>>', 'namespace="vllm",pod=~"vllm-server-a|vllm-server-b"');
      values[name.as] = by('pod', await ask(query));
    }
    const requests = by(
      'pod',
      await ask('sum by (pod) ({__name__=~"vllm:num_requests_(running|waiting)"})'),
    );
    expect(requests['vllm-server-b']).toBe(2 * (requests['vllm-server-a'] ?? 0));
    expect(values).toEqual({
      vllm_requests_per_pod: requests,
      vllm_kv_cache_usage_fullest_rank: { 'vllm-server-a': 0.9, 'vllm-server-b': 0.9 },
    });
  });

  it('never asks cache_config_info for a model, which it does not know', async () => {
    expect(await ask('vllm:cache_config_info')).toHaveLength(4);
    expect(await ask('vllm:cache_config_info{model_name=~".+"}')).toHaveLength(0);
    for (const query of [
      ...triggers.map(({ metadata }) => metadata.query),
      ...adapter.rules.map(({ metricsQuery }) => metricsQuery),
    ])
      expect(query).not.toMatch(/cache_config_info/);
  });
});
