/** The queries of deploy/autoscaling, asked of a real Prometheus that knows two pods of two unequal ranks each. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readManifests } from '../support/kubernetes.ts';
import { isPrometheusInstalled, Prometheus, type PromSample } from '../support/prometheus.ts';
import { simulateHistory } from '../support/simulated-history.ts';

const FOLDER = new URL('../../deploy/autoscaling/', import.meta.url);
const SCENARIO = fileURLToPath(new URL('../support/two-unequal-ranks.yaml', import.meta.url));
const PODS = ['vllm-server-a', 'vllm-server-b'];
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
  const folder = mkdtempSync(join(tmpdir(), 'twin-autoscaling-'));
  let prometheus: Prometheus;
  /** When rules were evaluated last. */
  let atS = 0;

  beforeAll(async () => {
    const openmetrics = PODS.map((pod) => join(folder, `${pod}.om`));
    for (const [index, pod] of PODS.entries())
      await simulateHistory({
        scenario: SCENARIO,
        duration: '6m',
        // Pods are not alike.
        flags: ['--seed', `${index}`],
        openmetrics: openmetrics[index] ?? '',
        target: { job: 'vllm/vllm', namespace: 'vllm', pod, instance: `10.0.0.${index}:8000` },
      });
    prometheus = await Prometheus.overHistory({ openmetrics, rules: RULES });
    const [evaluated] = await prometheus.queryAt(
      'max(timestamp(engine:vllm_kv_cache_free_tokens))',
      prometheus.history.endS,
    );
    atS = evaluated?.value ?? 0;
  });
  afterAll(async () => {
    await prometheus?.stop();
    rmSync(folder, { recursive: true });
  });

  const ask = (query: string): Promise<readonly PromSample[]> => prometheus.queryAt(query, atS);
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
    expect(total).toBeGreaterThan(0);
    expect(await triggerValue('requests')).toBe(total);
  });

  it('sees the fuller rank of each pod', async () => {
    const fullest = PODS.map(async (pod) => {
      const usage = await ask(`vllm:kv_cache_usage_perc{pod="${pod}"}`);
      expect(new Set(usage.map(({ value }) => value)).size).toBe(2);
      return Math.max(...usage.map(({ value }) => value));
    });
    const [first = 0, second = 0] = await Promise.all(fullest);
    expect(await triggerValue('kv-cache')).toBeCloseTo((first + second) / 2, 9);
  });

  it('weighs ranks by their tokens', async () => {
    const place = ({ labels }: PromSample): string => `${labels['pod']} ${labels['engine']}`;
    const tokens = new Map<string, number>();
    for (const sample of await ask('vllm:cache_config_info'))
      tokens.set(place(sample), Number(sample.labels['kv_cache_size_tokens']));
    expect(new Set(tokens.values()).size).toBe(2);
    let used = 0;
    for (const sample of await ask('vllm:kv_cache_usage_perc'))
      used += sample.value * (tokens.get(place(sample)) ?? Number.NaN);
    const all = [...tokens.values()].reduce((sum, each) => sum + each, 0);
    expect(await triggerValue('used-tokens')).toBeCloseTo(used / all, 9);
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
    expect(values).toEqual({
      vllm_requests_per_pod: by(
        'pod',
        await ask('sum by (pod) ({__name__=~"vllm:num_requests_(running|waiting)"})'),
      ),
      vllm_kv_cache_usage_fullest_rank: by(
        'pod',
        await ask('max by (pod) (vllm:kv_cache_usage_perc)'),
      ),
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
