import { describe, expect, it } from 'vitest';
import type { Matcher } from '../../../../src/lint/rules/expression.ts';
import { matches } from '../../../../src/lint/rules/matcher.ts';

function matcher(op: Matcher['op'], value: string): Matcher {
  const place = { from: 0, to: 0 };
  const label = { ...place, text: 'a', isVariable: false };
  return { ...place, label, op, value, valueAt: place, isVariable: false };
}

const fits = (pattern: string, candidate: string): boolean | null =>
  matches(matcher('=~', pattern), candidate);

describe('a matcher of a pattern', () => {
  it('is held against the whole value', () => {
    expect(fits('stop|length', 'stop')).toBe(true);
    expect(fits('sto', 'stop')).toBe(false);
    expect(fits('(?i)STOP', 'stop')).toBe(true);
    expect(fits('vllm:.*cache.*usage.*', 'vllm:kv_cache_usage_perc')).toBe(true);
    expect(matches(matcher('!~', '5..|4xx'), '5xx')).toBe(false);
    expect(fits('[0-9]{1,3}(\\.0)?', '120.0')).toBe(true);
  });

  it('says nothing where it is no pattern', () => {
    expect(fits('(', 'a')).toBe(null);
  });

  // Prometheus is as quick with them as with others; here each of these would take longer than anybody waits.
  it.each([
    '(a+)+b',
    '((a|b)*)*c',
    '(a|a)*b',
    '(a?){40}a{40}',
    '.*.*.*.*.*.*b',
    '(.*a){12}b',
    '((a{1,40}){1,40}){1,40}b',
  ])('says nothing where it would be tried for ever: %s', (pattern) => {
    expect(fits(pattern, 'a'.repeat(60))).toBe(null);
  });
});
