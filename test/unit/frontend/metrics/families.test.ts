import { describe, expect, it } from 'vitest';
import { Family } from '../../../../src/frontend/metrics/families.ts';

function createHistogram(): Family<'histogram', 'engine'> {
  return new Family({ type: 'histogram', name: 'h', help: 'H.', buckets: [1, 2.5] });
}

/** What a family shows of each child: sample name, own label, value. */
function shown(family: Family, sampleName = family.name): readonly unknown[] {
  return family
    .render(sampleName)
    .values.map(({ metricName, labels, value }) => [metricName, labels['le'], value]);
}

describe('a family', () => {
  it('makes a child once for a label set, in whatever order the labels are written', () => {
    const family = new Family<'counter', 'a' | 'b'>({ type: 'counter', name: 'c', help: 'C.' });
    family.child({ a: 'x', b: 'y' }, 1).inc(1);
    family.child({ b: 'y', a: 'x' }, 2).inc(1);
    family.child({ a: 'y', b: 'x' }, 3).inc(1);
    expect(
      family.snapshot().children.map(({ value, createdSeconds }) => [value, createdSeconds]),
    ).toEqual([
      [2, 1],
      [1, 3],
    ]);
  });

  it.each([
    [
      { a: 'x', b: 'y' },
      { a: 'x', b: 'z' },
    ],
    [{ a: 'x,b=1:y' }, { a: 'x', b: 'y' }],
    [{ a: 'x' }, { b: 'x' }],
    [{ a: '' }, {}],
  ])('makes two children for %j and %j', (one, other) => {
    const family = new Family<'counter'>({ type: 'counter', name: 'c', help: 'C.' });
    for (const labels of [one, other]) family.child(labels as Record<string, string>, 1).inc(1);
    expect(family.snapshot().children.map(({ labels }) => labels)).toEqual([one, other]);
  });

  it.each([
    ['the same', { help: 'C.', engine: '0', createdSeconds: 5 }, true],
    ['another help', { help: 'D.', engine: '0', createdSeconds: 5 }, false],
    ['another label', { help: 'C.', engine: '1', createdSeconds: 5 }, false],
    ['another beginning', { help: 'C.', engine: '0', createdSeconds: 6 }, false],
  ])(
    'tells whether %s makes the series of another family',
    (_, { help, engine, createdSeconds }, isSame) => {
      const create = (text: string) =>
        new Family<'counter', 'engine'>({ type: 'counter', name: 'c', help: text });
      const [ours, theirs] = [create('C.'), create(help)];
      ours.child({ engine: '0' }, 5).inc(1);
      theirs.child({ engine }, createdSeconds).inc(7);
      expect(ours.hasSeriesOf(theirs)).toBe(isSame);
      theirs.child({ engine: '9' }, createdSeconds);
      expect(ours.hasSeriesOf(theirs)).toBe(false);
    },
  );

  it('takes only the labels and the writer of its type', () => {
    const gauge = new Family<'gauge', 'engine'>({ type: 'gauge', name: 'g', help: 'G.' });
    // @ts-expect-error: a gauge is set, not counted up.
    gauge.child({ engine: '0' }, 0).inc(1);
    // @ts-expect-error: its label is called engine.
    gauge.child({ rank: '0' }, 0).set(2, 0);
    // @ts-expect-error: only a histogram has buckets.
    new Family({ type: 'counter', name: 'c', help: 'C.', buckets: [1] });
    expect(gauge.snapshot().children.map(({ value }) => value)).toEqual([1, 2]);
  });

  it('shows a counter and a gauge as one sample a child, under the name that it is given', () => {
    const counter = new Family<'counter', 'a'>({ type: 'counter', name: 'c', help: 'C.' });
    counter.child({ a: '0' }, 0).inc(3);
    expect(counter.render('c_total')).toEqual({
      name: 'c_total',
      help: 'C.',
      type: 'counter',
      values: [{ labels: {}, sharedLabels: { a: '0' }, value: 3 }],
    });
    const gauge = new Family<'gauge', never>({ type: 'gauge', name: 'g', help: 'G.' });
    gauge.child({}, 0).set(4, 0);
    expect(gauge.render('g').values).toEqual([{ labels: {}, sharedLabels: {}, value: 4 }]);
  });

  it('shows a summary as count and sum, in this order', () => {
    const summary = new Family<'summary', never>({ type: 'summary', name: 's', help: 'S.' });
    summary.child({}, 0).observe(3);
    summary.child({}, 0).observe(4);
    expect(shown(summary)).toEqual([
      ['s_count', undefined, 2],
      ['s_sum', undefined, 7],
    ]);
  });

  it("shows a histogram's buckets cumulatively, bounds as Python prints them, then count and sum", () => {
    const histogram = createHistogram();
    for (const value of [0.5, 2, 2, 9]) histogram.child({ engine: '0' }, 0).observe(value);
    expect(shown(histogram)).toEqual([
      ['h_bucket', '1.0', 1],
      ['h_bucket', '2.5', 3],
      ['h_bucket', '+Inf', 4],
      ['h_count', undefined, 4],
      ['h_sum', undefined, 13.5],
    ]);
    const [first] = histogram.render('h').values;
    expect(first?.sharedLabels).toEqual({ engine: '0' });
  });

  it('shows when each child was made as a gauge of its own', () => {
    const histogram = createHistogram();
    histogram.child({ engine: '0' }, 5);
    expect(histogram.renderCreated()).toEqual({
      name: 'h_created',
      help: 'H.',
      type: 'gauge',
      values: [{ labels: {}, sharedLabels: { engine: '0' }, value: 5 }],
    });
  });
});

describe('the numbers of several processes', () => {
  it('add up in counters, summaries and histograms', () => {
    const [ours, theirs] = [createHistogram(), createHistogram()];
    for (const value of [0.5, 2]) ours.child({ engine: '0' }, 1).observe(value);
    for (const value of [2, 3, 9]) theirs.child({ engine: '0' }, 2).observe(value);
    theirs.child({ engine: '1' }, 3).observe(1);
    ours.merge(theirs.snapshot());
    expect(ours.snapshot()).toEqual({
      name: 'h',
      children: [
        {
          labels: { engine: '0' },
          value: 16.5,
          count: 5,
          bucketCounts: [1, 2, 2],
          updatedMs: 0,
          createdSeconds: 1,
        },
        {
          labels: { engine: '1' },
          value: 1,
          count: 1,
          bucketCounts: [1, 0, 0],
          updatedMs: 0,
          createdSeconds: 3,
        },
      ],
    });
  });

  it.each([
    ['an older', 99, 1],
    ['an equally old', 100, 2],
    ['a newer', 101, 2],
  ])('show %s gauge as it is due', (_what, updatedMs, expected) => {
    const create = () => new Family<'gauge', never>({ type: 'gauge', name: 'g', help: 'G.' });
    const [ours, theirs] = [create(), create()];
    ours.child({}, 0).set(1, 100);
    theirs.child({}, 0).set(2, updatedMs);
    ours.merge(theirs.snapshot());
    expect(ours.snapshot().children[0]).toMatchObject({
      value: expected,
      updatedMs: Math.max(100, updatedMs),
    });
  });

  it('start from an empty copy with the same buckets, and a snapshot that no later write changes', () => {
    const histogram = createHistogram();
    histogram.child({ engine: '0' }, 0).observe(2);
    const snapshot = histogram.snapshot();
    histogram.child({ engine: '0' }, 0).observe(2);
    const copy = histogram.emptyCopy();
    expect(copy.snapshot()).toEqual({ name: 'h', children: [] });
    copy.merge(snapshot);
    expect(shown(copy)).toEqual([
      ['h_bucket', '1.0', 0],
      ['h_bucket', '2.5', 1],
      ['h_bucket', '+Inf', 1],
      ['h_count', undefined, 1],
      ['h_sum', undefined, 2],
    ]);
    expect(copy.renderCreated()).toMatchObject({ help: 'H.' });
  });
});
