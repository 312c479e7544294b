import { describe, expect, it } from 'vitest';
import type { Child } from '../../../../src/frontend/metrics/child.ts';
import { METRICS, type MetricDefinition } from '../../../../src/frontend/metrics/definitions.ts';
import { createVllmMetrics } from '../../../../src/frontend/metrics/vllm-metrics.ts';
import { samplesOf } from '../../../support/metrics.ts';

function createMetrics({ ranks = [0, 1] as readonly number[], kvCacheMetrics = true } = {}) {
  return createVllmMetrics({
    servedModelName: 'm',
    ranks,
    maxModelLen: 20,
    kvCacheMetrics,
    customBuckets: {},
    createdSeconds: 3,
  });
}

/** Every child that can be reached by key and label value, with the place that it is reached at. */
function reachable(children: object): readonly (readonly [string, Child])[] {
  return Object.entries(children).flatMap(([key, own]: [string, Child | Record<string, Child>]) =>
    'labels' in own && typeof own.createdSeconds === 'number'
      ? [[key, own as Child] as const]
      : Object.entries(own as Record<string, Child>).map(
          ([value, child]) => [`${key}.${value}`, child] as const,
        ),
  );
}

function namesOf(wanted: (definition: MetricDefinition) => boolean): readonly string[] {
  return Object.entries(METRICS as Record<string, MetricDefinition>).flatMap(([key, definition]) =>
    wanted(definition)
      ? (definition.extraLabel?.values.map((value) => `${key}.${value}`) ?? [key])
      : [],
  );
}

describe('a histogram', () => {
  it('has the bounds of --custom-histogram-buckets where its family is in them', async () => {
    const { families } = createVllmMetrics({
      servedModelName: 'm',
      ranks: [0],
      maxModelLen: 20,
      kvCacheMetrics: false,
      customBuckets: { request_latency: [0.5, 2] },
      createdSeconds: 3,
    });
    const boundsOf = (name: string) =>
      families
        .find((family) => family.name === name)
        ?.render(name)
        .values.flatMap(({ metricName, labels }) =>
          metricName === `${name}_bucket` ? [labels['le']] : [],
        );
    expect(boundsOf('vllm:e2e_request_latency_seconds')).toEqual(['0.5', '2.0', '+Inf']);
    expect(boundsOf('vllm:request_queue_time_seconds')).toEqual(['0.5', '2.0', '+Inf']);
    expect(boundsOf('vllm:request_params_n')).toEqual([
      '1.0',
      '2.0',
      '5.0',
      '10.0',
      '20.0',
      '+Inf',
    ]);
  });
});

describe('the children of the vllm families', () => {
  it('are there for every engine, key and label value of the table', () => {
    const { engines, residency, frontend } = createMetrics();
    const isResidency = ({ needs }: MetricDefinition) => needs === 'kv_cache_metrics';
    const isFrontend = ({ perEngine }: MetricDefinition) => perEngine === false;
    expect([...engines.keys()]).toEqual([0, 1]);
    expect([...residency.keys()]).toEqual([0, 1]);
    for (const own of engines.values())
      expect(reachable(own).map(([place]) => place)).toEqual(
        namesOf((definition) => !isResidency(definition) && !isFrontend(definition)),
      );
    for (const own of residency.values())
      expect(reachable(own).map(([place]) => place)).toEqual(namesOf(isResidency));
    expect(reachable(frontend).map(([place]) => place)).toEqual(namesOf(isFrontend));
  });

  it('are each the one that a scrape shows with their labels', async () => {
    const { engines, residency, frontend, families } = createMetrics();
    const children = [frontend, ...engines.values(), ...residency.values()].flatMap((own) =>
      reachable(own),
    );
    const all = families.flatMap((family) => family.snapshot().children);
    expect(new Set(children.map(([, child]) => child)).size).toBe(all.length);
    for (const [i, [, child]] of children.entries()) child.value = i + 1;
    const shown = families.flatMap((family) => family.snapshot().children);
    expect(new Set(shown.map(({ value }) => value)).size).toBe(children.length);
    for (const { labels, value, createdSeconds } of shown) {
      const own = children[value - 1]?.[1];
      expect(own?.labels).toEqual(labels);
      expect(createdSeconds).toBe(3);
    }
  });

  it('belong to families of the name, type and help that the table has', () => {
    const { families } = createMetrics();
    expect(families.map(({ name, type, help }) => ({ name, type, help }))).toEqual(
      Object.values(METRICS).map(({ name, type, help }) => ({ name, type, help })),
    );
  });

  it('have the label of their value, their engine and the model, in alphabetical order', () => {
    const { engines, frontend } = createMetrics();
    const labelsAt = (children: object, place: string) =>
      Object.entries(new Map(reachable(children)).get(place)?.labels ?? {});
    expect(labelsAt(engines.get(1) ?? {}, 'requestSuccess.length')).toEqual([
      ['engine', '1'],
      ['finished_reason', 'length'],
      ['model_name', 'm'],
    ]);
    expect(labelsAt(engines.get(0) ?? {}, 'numPreemptions')).toEqual([
      ['engine', '0'],
      ['model_name', 'm'],
    ]);
    expect(labelsAt(frontend, 'admissionRejections.max_num_queued_reqs')).toEqual([
      ['model_name', 'm'],
      ['reason', 'max_num_queued_reqs'],
    ]);
  });

  it('stand in rank order, all ranks of a value before the next value', async () => {
    const { families } = createMetrics();
    const waiting = families.find(({ name }) => name === 'vllm:num_requests_waiting_by_reason');
    const order = waiting
      ?.snapshot()
      .children.map(({ labels }) => [labels['reason'], labels['engine']]);
    expect(order).toEqual([
      ['capacity', '0'],
      ['capacity', '1'],
      ['deferred', '0'],
      ['deferred', '1'],
    ]);
  });

  it('of the residency histograms are there with --kv-cache-metrics alone', () => {
    const without = createMetrics({ kvCacheMetrics: false });
    expect(without.residency.size).toBe(0);
    const names = without.families.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('vllm:kv_block'))).toEqual([]);
    expect(names).toHaveLength(createMetrics().families.length - 3);
  });

  it('of token counts have buckets up to the longest request', async () => {
    const { families } = createMetrics({ ranks: [0] });
    const samples = [...(await samplesOf(families)).keys()];
    const bounds = samples.filter((key) => key.startsWith('vllm:request_prompt_tokens_bucket'));
    expect(bounds.map((key) => /le="([^"]*)"/.exec(key)?.[1])).toEqual([
      '1.0',
      '2.0',
      '5.0',
      '10.0',
      '20.0',
      '+Inf',
    ]);
  });

  it('compile only where they are defined, written by somebody, and of that type', () => {
    const children = createMetrics().engines.get(0);
    if (children === undefined) throw new Error('no engine 0');
    // @ts-expect-error: no such metric.
    expect(children.numPreemption).toBeUndefined();
    // @ts-expect-error: no such label value.
    expect(children.requestSuccess.finished).toBeUndefined();
    // @ts-expect-error: it has a child per reason and none of its own.
    expect(children.requestSuccess.inc).toBeUndefined();
    // @ts-expect-error: what says that it is never written cannot be.
    expect(children.mmCacheQueries).toBeDefined();
    // @ts-expect-error: only with --kv-cache-metrics.
    expect(children.kvBlockLifetime).toBeUndefined();
    // @ts-expect-error: without an engine label.
    expect(children.admissionRejections).toBeUndefined();
    // @ts-expect-error: a counter is not set.
    expect(children.numPreemptions.set).toBeTypeOf('function');
  });
});
