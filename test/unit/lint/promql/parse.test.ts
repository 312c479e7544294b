import { describe, expect, it } from 'vitest';
import { parsePromql } from '../../../../src/lint/promql/parse.ts';

/** A query and what the grammar is given of it. */
const SUBSTITUTED: readonly (readonly [query: string, substituted: string])[] = [
  ['rate(x[$__rate_interval])', 'rate(x[1s              ])'],
  [`rate(x[\${__range_s}s])`, 'rate(x[111111111111s])'],
  ['rate(x[[[interval]]])', 'rate(x[1s          ])'],
  ['x[$n$unit]', 'x[11s    ]'],
  ['x[2$unit]', 'x[2s    ]'],
  ['x[$__range:$__interval]', 'x[1s      :1s         ]'],
  ['x[{{ .Values.window }}]', 'x[1s                  ]'],
  ['x offset $o', 'x offset 1s'],
  [`x offset -\${o}h`, 'x offset -1111h'],
  [`x @ \${__from}`, 'x @ 1        '],
  ['x{a="$b", $filters}', 'x{a="$b",         }'],
  ['{$f, a="b"}', '{    a="b"}'],
  ['x{model=$model}', 'x{model="$___"}'],
  ['x{$l=~"a"}', 'x{__=~"a"}'],
  ['x{ns="{{ .Values.ns }}"}', 'x{ns="{{ .Values.ns }}"}'],
  ['$agg(x)', 'sum (x)'],
  ['$agg by (le) (x)', 'sum  by (le) (x)'],
  [`\${agg}_over_time(x[5m])`, 'last_over_time  (x[5m])'],
  ['$fn(x[5m])', 'abs(x[5m])'],
  ['sum by ($g, le) (x)', 'sum by (__, le) (x)'],
  ['sum $by (x)', 'sum     (x)'],
  ['sum(x) $by', 'sum(x)    '],
  ['topk($n, x)', 'topk(1 , x)'],
  ['histogram_quantile(0.$q, x)', 'histogram_quantile(0.11, x)'],
  [`vllm:\${m}_total{a="b"}`, 'vllm:_____total{a="b"}'],
  ['rate($metric[5m])', 'rate(_______[5m])'],
  ['x > bool $t', 'x > bool 1 '],
  ['x{a="b"} $op y', 'x{a="b"} +   y'],
  [`\${query}`, '1       '],
  [
    'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)',
    'sum(___________{                  }) by (____________)',
  ],
  ['rate(x[5m]) # $foo', 'rate(x[5m]) # $foo'],
];

describe('a query with variables', () => {
  it.each(SUBSTITUTED)('%s parses, place for place', (query, substituted) => {
    const parsed = parsePromql(query);
    expect(parsed).toMatchObject({ text: query, substituted, problem: null });
  });

  it('says what each variable stands for', () => {
    const roles = (query: string) =>
      parsePromql(query).variables.map(({ from, to, role }) => [query.slice(from, to), role]);
    expect(roles(`$agg by ($g) (rate(\${m}{a="$b", $f, c=$c}[$r:$s])) > $t`)).toEqual([
      ['$agg', 'aggregation'],
      ['$g', 'label'],
      [`\${m}`, 'metric'],
      ['$b', 'string'],
      ['$f', 'matchers'],
      ['$c', 'value'],
      ['$r', 'duration'],
      ['$s', 'duration'],
      ['$t', 'number'],
    ]);
  });
});

describe("Grafana's own functions", () => {
  it('are taken from around a selector', () => {
    const query = 'label_values(vllm:x{a="b", c="d"}, model_name)';
    const { substituted, call, problem } = parsePromql(query);
    expect(substituted.trim()).toBe('vllm:x{a="b", c="d"}');
    expect(substituted.indexOf('vllm:x')).toBe(query.indexOf('vllm:x'));
    expect(problem).toBeNull();
    expect(call).toEqual({
      function: 'label_values',
      label: { name: 'model_name', from: 35, to: 45 },
    });
  });

  it('may have no selector', () => {
    for (const query of ['label_values(model_name)', 'metrics(vllm.*)', 'label_names()'])
      expect(parsePromql(query)).toMatchObject({ problem: null });
  });

  it('may have a whole query', () => {
    const { substituted, call } = parsePromql('query_result(sum(x))');
    expect([substituted.trim(), call?.function]).toEqual(['sum(x)', 'query_result']);
  });
});

describe('what is no PromQL', () => {
  it.each([
    ['', 'the query is empty'],
    ['sum(x', 'the query ends before it is complete'],
    ['sum(x))', "no PromQL: ')' cannot stand here"],
    ['nosuch(x)', "no PromQL: '(' cannot stand here"],
    ['a b', "no PromQL: 'b' cannot stand here"],
    ['x{a=}', "no PromQL: '}' cannot stand here"],
  ])('%s: %s', (query, message) => {
    expect(parsePromql(query).problem?.message).toBe(message);
  });

  it('is told at its place', () => {
    expect(parsePromql('sum(x) by le').problem).toMatchObject({ from: 10, to: 12 });
  });
});

describe('a template in a string', () => {
  it('may have quotes of its own', () => {
    const text = 'sum(vllm:a{service="{{ include "chart.fullname" .Values.x }}", job="y"})';
    const { problem, substituted, variables } = parsePromql(text);
    expect(problem).toBeNull();
    expect(substituted).toHaveLength(text.length);
    expect(variables.map(({ role }) => role)).toEqual(['string']);
  });
});

it('a dollar that Terraform reads may be doubled', () => {
  expect(parsePromql('rate(vllm:a_total[$$' + '{__interval}])').problem).toBeNull();
});

it.each([' or ', ' + ', ' and '])('a query of a thousand operands with %s is no mistake', (op) => {
  const terms = Array.from({ length: 1_000 }, () => 'vllm:num_preemptions');
  expect(parsePromql(terms.join(op)).problem).toBeNull();
  expect(parsePromql(`${terms.join(op)} b c`).problem).not.toBeNull();
});
