import { describe, expect, it } from 'vitest';
import {
  mergeFamilies,
  renderExposition,
  wantsOpenMetrics,
} from '../../../../src/frontend/metrics/exposition.ts';
import { Family } from '../../../../src/frontend/metrics/families.ts';

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

  it('describes families without children too, as Python does', async () => {
    const { gauge, all } = createFamilies();
    gauge.child({}, 5).set(1, 0);
    const { body } = await renderExposition(all, false);
    expect(body.split('\n').filter((line) => !/^# (HELP|TYPE) [ch]/.test(line))).toEqual([
      '# HELP g Gauges.',
      '# TYPE g gauge',
      'g 1',
      '',
    ]);
    expect(body).toContain('# TYPE c_total counter\n');
    expect(body).not.toContain('_created');
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
      '# EOF',
    ]);
  });

  it('is for those who accept it, among others', () => {
    expect(wantsOpenMetrics(undefined)).toBe(false);
    expect(wantsOpenMetrics('*/*')).toBe(false);
    expect(wantsOpenMetrics('text/plain;q=0.5,application/openmetrics-text;version=1.0.0')).toBe(
      true,
    );
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
