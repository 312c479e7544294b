import { describe, expect, it } from 'vitest';
import { chooseEncoder, mergeFamilies } from '../../../../src/frontend/metrics/exposition.ts';
import { Family } from '../../../../src/frontend/metrics/families.ts';
import { renderExposition } from '../../../support/metrics.ts';

function createFamilies() {
  const counter = new Family<'counter', 'engine'>({ type: 'counter', name: 'c', help: 'Counts.' });
  const gauge = new Family<'gauge', never>({ type: 'gauge', name: 'g', help: 'Gauges.' });
  const histogram = new Family<'histogram', 'engine'>({
    type: 'histogram',
    name: 'h',
    help: 'Observes.',
    buckets: [1],
  });
  return { counter, gauge, histogram, all: [counter, gauge, histogram] as const };
}

describe('the Prometheus text', () => {
  it('has each family in order, counters with _total, _created gauges but for gauges, no empty lines', async () => {
    const { counter, gauge, histogram, all } = createFamilies();
    counter.child({ engine: '0' }, 5).inc(2);
    gauge.child({}, 5).set(1.5, 0);
    histogram.child({ engine: '0' }, 6).observe(0.5);
    expect(await renderExposition(all, false)).toEqual({
      contentType: 'text/plain; version=1.0.0; charset=utf-8',
      body: `${[
        '# HELP c_total Counts.',
        '# TYPE c_total counter',
        'c_total{engine="0"} 2',
        '# HELP c_created Counts.',
        '# TYPE c_created gauge',
        'c_created{engine="0"} 5',
        '# HELP g Gauges.',
        '# TYPE g gauge',
        'g 1.5',
        '# HELP h Observes.',
        '# TYPE h histogram',
        'h_bucket{le="1.0",engine="0"} 1',
        'h_bucket{le="+Inf",engine="0"} 1',
        'h_count{engine="0"} 1',
        'h_sum{engine="0"} 0.5',
        '# HELP h_created Observes.',
        '# TYPE h_created gauge',
        'h_created{engine="0"} 6',
      ].join('\n')}\n`,
    });
  });

  it('names and types families without children too, and has no _created of them', async () => {
    const { gauge, all } = createFamilies();
    gauge.child({}, 5).set(1, 0);
    const { body } = await renderExposition(all, false);
    expect(body.split('\n').filter((line) => line !== '')).toEqual([
      '# HELP c_total Counts.',
      '# TYPE c_total counter',
      '# HELP g Gauges.',
      '# TYPE g gauge',
      'g 1',
      '# HELP h Observes.',
      '# TYPE h histogram',
    ]);
  });

  it("of several processes is that of Python's multiprocess registry", async () => {
    const [a, b] = [createFamilies(), createFamilies()];
    const sumOf = (value: number) => {
      const sum = new Family<'gauge', 'op'>({
        type: 'gauge',
        name: 's',
        help: 'Sums.',
        multiprocessMode: 'sum',
      });
      sum.child({ op: 'x' }, 1).set(value, 7);
      return sum;
    };
    for (const { counter, gauge, histogram } of [a, b]) {
      counter.child({ engine: '0' }, 5).inc(2);
      // Nobody sets it: Python's client then shows the family and no sample.
      gauge.child({}, 5);
      histogram.child({ engine: '0' }, 6).observe(0.5);
    }
    const childless = new Family({ type: 'counter', name: 'n', help: 'None.' });
    const shape = [...a.all, sumOf(1), childless];
    const snapshots = [shape, [...b.all, sumOf(2)]].map((all) =>
      all.map((family) => family.snapshot()),
    );
    const { body } = await renderExposition(mergeFamilies(shape, snapshots), false, true);
    expect(body.split('\n').filter((line) => line !== '')).toEqual([
      '# HELP c_total Counts.',
      '# TYPE c_total counter',
      'c_total{engine="0"} 4',
      '# HELP g Gauges.',
      '# TYPE g gauge',
      '# HELP h Observes.',
      '# TYPE h histogram',
      'h_bucket{le="1.0",engine="0"} 2',
      'h_bucket{le="+Inf",engine="0"} 2',
      'h_count{engine="0"} 2',
      'h_sum{engine="0"} 1',
      '# HELP s Sums.',
      '# TYPE s gauge',
      's{op="x"} 3',
    ]);
  });
});

describe('the OpenMetrics text', () => {
  it('names a counter without _total and its samples with it, has no _created and ends with EOF', async () => {
    const { counter, gauge, all } = createFamilies();
    counter.child({ engine: '0' }, 5).inc(2);
    gauge.child({}, 5).set(1, 0);
    const { contentType, body } = await renderExposition(all, true);
    expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(body.split('\n').filter((line) => line !== '')).toEqual([
      '# HELP c Counts.',
      '# TYPE c counter',
      'c_total{engine="0"} 2',
      '# HELP g Gauges.',
      '# TYPE g gauge',
      'g 1',
      '# HELP h Observes.',
      '# TYPE h histogram',
      '# EOF',
    ]);
  });
});

describe('the format that an Accept header chooses', () => {
  it.each([
    [undefined, false, 'text/plain; version=1.0.0; charset=utf-8'],
    ['', false, 'text/plain; version=0.0.4; charset=utf-8'],
    ['*/*', false, 'text/plain; version=0.0.4; charset=utf-8'],
    ['text/plain;version=0.0.4', false, 'text/plain; version=0.0.4; charset=utf-8'],
    [
      'text/plain;version=1.0.0;escaping=dots;q=0.1',
      false,
      'text/plain; version=1.0.0; charset=utf-8; escaping=dots',
    ],
    [
      'application/openmetrics-text',
      true,
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    ],
    [
      'application/openmetrics-text;version=0.0.1,text/plain;version=1.0.0',
      false,
      'text/plain; version=1.0.0; charset=utf-8; escaping=underscores',
    ],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2',
      true,
      'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
    ],
  ])("of %j is Python's client's", (accept, isOpenMetrics, contentType) => {
    expect(chooseEncoder(accept)).toEqual({ isOpenMetrics, contentType });
  });
});

describe('the families of several processes', () => {
  it('are merged into ones of the same shape, in the same order, our own not counted twice', () => {
    const [ours, theirs] = [createFamilies(), createFamilies()];
    ours.counter.child({ engine: '0' }, 5).inc(2);
    theirs.counter.child({ engine: '0' }, 5).inc(3);
    const snapshots = [ours, theirs].map(({ all }) => all.map((family) => family.snapshot()));
    const merged = mergeFamilies(ours.all, snapshots);
    expect(merged.map(({ name }) => name)).toEqual(['c', 'g', 'h']);
    expect(merged[0]?.snapshot().children[0]?.value).toBe(5);
    expect(ours.counter.snapshot().children[0]?.value).toBe(2);
  });

  it('must be the same ones', () => {
    const { counter, gauge } = createFamilies();
    expect(() => mergeFamilies([counter], [[gauge.snapshot()]])).toThrow(
      'g of an API server that has other families',
    );
  });
});
