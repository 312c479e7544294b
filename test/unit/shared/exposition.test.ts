import { describe, expect, it } from 'vitest';
import { describeSample, parseSamples } from '../../../src/shared/exposition.ts';

describe('samples of an exposition', () => {
  it('have their labels unescaped, and values beyond all numbers', () => {
    const text = String.raw`# TYPE a gauge
a{x="1",y="a \"b\" \\ \n{,}"} 2.5
b_bucket{le="+Inf"} +Inf 1700000000
c 1e-05
# EOF`;
    expect(parseSamples(text)).toEqual([
      { name: 'a', labels: { x: '1', y: 'a "b" \\ \n{,}' }, value: 2.5 },
      { name: 'b_bucket', labels: { le: '+Inf' }, value: Number.POSITIVE_INFINITY },
      { name: 'c', labels: {}, value: 1e-5 },
    ]);
  });

  it('leave out a line that was cut off', () => {
    expect(parseSamples('a{x="1"} 1\nb{x="')).toEqual([
      { name: 'a', labels: { x: '1' }, value: 1 },
    ]);
  });

  it('are written as they are asked for', () => {
    expect(describeSample({ name: 'a', labels: { x: '1', y: 'b' } })).toBe('a{x="1",y="b"}');
    expect(describeSample({ name: 'a', labels: {} })).toBe('a');
  });
});
