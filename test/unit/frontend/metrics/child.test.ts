import { describe, expect, it } from 'vitest';
import { Child, sortedLabels } from '../../../../src/frontend/metrics/child.ts';

describe('a child', () => {
  it('starts at 0 and adds what a counter is told', () => {
    const child = new Child({ engine: '0' }, null, 12.5);
    expect([child.value, child.count, child.updatedMs, child.createdSeconds]).toEqual([
      0, 0, 0, 12.5,
    ]);
    child.inc(2);
    child.inc(3);
    expect(child.value).toBe(5);
  });

  it('takes over a total that somebody else counts', () => {
    const child = new Child({}, null, 0);
    child.setTotal(7);
    child.setTotal(9);
    expect(child.value).toBe(9);
  });

  it('remembers when a gauge was set', () => {
    const child = new Child({}, null, 0);
    child.set(4, 1_000);
    expect([child.value, child.updatedMs]).toEqual([4, 1_000]);
  });

  it('counts an observation in the first bucket whose bound it does not exceed', () => {
    const child = new Child({}, [1, 2, 5], 0);
    for (const value of [0, 1, 1.5, 5, 5, 6]) child.observe(value);
    expect(child.bucketCounts).toEqual([2, 1, 2, 1]);
    expect([child.value, child.count]).toEqual([18.5, 6]);
  });

  it('of a summary counts and adds up, without buckets', () => {
    const child = new Child({}, null, 0);
    child.observe(3);
    child.observe(4);
    expect([child.value, child.count]).toEqual([7, 2]);
    expect(child.bucketCounts).toEqual([]);
  });
});

describe('label names', () => {
  it('stand in alphabetical order', () => {
    const labels = sortedLabels({ model_name: 'm', engine: '0', reason: 'r', _private: 'p' });
    expect(Object.entries(labels)).toEqual([
      ['_private', 'p'],
      ['engine', '0'],
      ['model_name', 'm'],
      ['reason', 'r'],
    ]);
  });
});
