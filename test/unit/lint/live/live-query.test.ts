import { describe, expect, it } from 'vitest';
import { asksForAbsence, liveQuery } from '../../../../src/lint/live/live-query.ts';
import { parsePromql } from '../../../../src/lint/promql/parse.ts';
import type { QueryKind, SourceQuery } from '../../../../src/lint/source-query.ts';

function asked(text: string, kind: QueryKind = 'panel'): string {
  const offsets = Array.from({ length: text.length + 1 }, (_, i) => i);
  const source: SourceQuery = { kind, title: '', text, offsets, line: 1, escape: (it) => it };
  const query = liveQuery(source, parsePromql(text));
  return 'asked' in query ? query.asked : `not asked: ${query.reason}`;
}

const ASKED: readonly (readonly [query: string, asked: string])[] = [
  ['sum(x)', 'sum(x)'],
  ['x{a="$b", c=~"$d|e.f"}', 'x{a=~".*", c=~".*|e.f"}'],
  [String.raw`x{a=~"10\\.0.$b"}`, String.raw`x{a=~"10\\.0..*"}`],
  ['x{a="pre.$b"}', 'x{a=~"pre\\\\..*"}'],
  ['x{a!="$b", c!~"$d"}', 'x{a!="vllm-twin-nowhere", c!="vllm-twin-nowhere"}'],
  ['x{a=$b}', 'x{a=~".*"}'],
  ['rate(x[$__rate_interval])', 'rate(x[5m])'],
  [`rate(x[\${__range_s}s])`, 'rate(x[300s])'],
  ['x[5$unit]', 'x[5m]'],
  ['histogram_quantile(0.$q, x)', 'histogram_quantile(0.5, x)'],
  ['sum by ($g) (x)', 'sum by (instance) (x)'],
  ['x > 5', 'x > bool 5'],
  ['x > bool 5', 'x > bool 5'],
  ['x > $t and y < 1', 'x > bool 1  and y < bool 1'],
  ['x > 1 unless (y > 2)', 'x > bool 1 unless (y > 2)'],
  ['x > 1 unless on (a) y > 2', 'x > bool 1 unless on (a) y > 2'],
  ['absent(x > 1)', 'absent(x > 1)'],
  ['label_values(x{a="b"}, c)', 'group by (c) (x{a="b"}) unless on (c) vector(0)'],
  ['label_values(x, $c)', 'x'],
  ['label_values(c)', 'count({c!=""})'],
  ['query_result(topk(1, x))', 'topk(1, x)'],
  ['label_names()', 'not asked: it asks for names of labels'],
  ['metrics(x.*)', 'not asked: it asks for names of metrics'],
  ['rate($m[5m])', 'not asked: the name of its metric is a variable'],
  ['sum(', 'not asked: it is no PromQL'],
];

describe('what is asked of a Prometheus', () => {
  it.each(ASKED)('%s', (query, expected) => {
    expect(asked(query).replace(/ +(?=[)\]])/g, '')).toBe(expected);
  });

  it('is PromQL again', () => {
    for (const [query] of ASKED) {
      const text = asked(query);
      if (!text.startsWith('not asked')) expect(parsePromql(text).problem, text).toBeNull();
    }
  });

  it('is a series of that name, with or without the prefix, where a name is all', () => {
    expect(asked('gpu_cache_usage_perc', 'metric-name')).toBe(
      '{__name__=~"(vllm:)?gpu_cache_usage_perc"}',
    );
  });

  it('finds something where there is nothing, where it asks for that', () => {
    const is = (text: string) => asksForAbsence(parsePromql(text));
    expect([is('absent(x)'), is('absent_over_time(x[5m])'), is('sum(absent_x)')]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
