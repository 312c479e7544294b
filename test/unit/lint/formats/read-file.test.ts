import { describe, expect, it } from 'vitest';
import { readQueries } from '../../../../src/lint/formats/read-file.ts';

/** Kind, title and text of each query; its line, where that is asked. */
const found = (name: string, text: string) =>
  readQueries(name, text).queries.map(({ kind, title, text: query }) => [kind, title, query]);

const json = (value: unknown): string => JSON.stringify(value, null, 2);
const panel = (expr: string, title = 'P') => ({ title, targets: [{ refId: 'A', expr }] });

describe('a Grafana dashboard', () => {
  it('has panels, in rows and in the rows of old, in libraries and in envelopes', () => {
    const dashboard = {
      dashboard: {
        panels: [
          panel('a', 'A'),
          { type: 'row', title: 'Row', panels: [panel('b', 'B')] },
          { libraryPanel: { name: 'L', model: panel('c', 'C') } },
        ],
        rows: [{ title: 'Old', panels: [panel('d', 'D')] }],
      },
    };
    expect(found('x.json', json(dashboard))).toEqual([
      ['panel', 'A', 'a'],
      ['panel', 'B', 'b'],
      ['panel', 'C', 'c'],
      ['panel', 'D', 'd'],
    ]);
  });

  it('leaves out what other datasources are asked', () => {
    const targets = [
      { expr: 'rate({app="x"}[5m])', datasource: { type: 'loki', uid: 'l' } },
      { expr: 'a', datasource: { type: 'prometheus', uid: `\${ds}` } },
      { expr: 'b', datasource: `\${DS_PROMETHEUS}` },
      { expr: 'c', datasource: 'My Loki' },
      { expr: 'd', datasource: { uid: `\${datasource}` } },
      { expr: 'e', datasource: { type: '__expr__', uid: '__expr__' } },
      { expr: 'f' },
    ];
    const mixed = { title: 'M', datasource: { type: 'datasource', uid: '-- Mixed --' }, targets };
    expect(found('x.json', json({ panels: [mixed] })).map(([, , query]) => query)).toEqual([
      'a',
      'b',
      'd',
      'f',
    ]);
    const logs = { title: 'L', datasource: { type: 'loki' }, targets: [{ expr: '{a="b"}' }] };
    expect(found('x.json', json({ panels: [logs] }))).toEqual([]);
  });

  it('has variables as strings and as objects, and annotations', () => {
    const list = [
      { name: 'a', type: 'query', query: 'label_values(x, a)' },
      { name: 'b', type: 'query', query: { query: 'label_values(b)', refId: 'V' } },
      { name: 'c', type: 'query', query: { refId: 'V' }, definition: 'query_result(c)' },
      { name: 'd', type: 'custom', query: '1,2' },
      { name: 'e', type: 'query', query: 'label_values(x)', datasource: { type: 'loki' } },
    ];
    const annotations = {
      list: [
        { name: 'dead', expr: 'up == 0' },
        { name: 'built in', datasource: '-- Grafana --' },
      ],
    };
    expect(found('x.json', json({ templating: { list }, annotations }))).toEqual([
      ['variable', 'a', 'label_values(x, a)'],
      ['variable', 'b', 'label_values(b)'],
      ['variable', 'c', 'query_result(c)'],
      ['annotation', 'dead', 'up == 0'],
    ]);
  });

  it('may be of the second schema', () => {
    const query = (kind: string, spec: object) => ({ kind, spec });
    const dashboard = {
      apiVersion: 'dashboard.grafana.app/v2beta1',
      kind: 'Dashboard',
      spec: {
        elements: {
          one: {
            kind: 'Panel',
            spec: {
              title: 'One',
              data: {
                kind: 'QueryGroup',
                spec: {
                  queries: [
                    { kind: 'PanelQuery', spec: { query: query('prometheus', { expr: 'a' }) } },
                    {
                      kind: 'PanelQuery',
                      spec: {
                        query: { kind: 'DataQuery', group: 'prometheus', spec: { expr: 'b' } },
                      },
                    },
                    { kind: 'PanelQuery', spec: { query: query('loki', { expr: '{a="b"}' }) } },
                  ],
                },
              },
            },
          },
        },
        variables: [
          {
            kind: 'QueryVariable',
            spec: { name: 'v', query: query('prometheus', { query: 'label_values(x, v)' }) },
          },
        ],
        annotations: [
          {
            kind: 'AnnotationQuery',
            spec: { name: 'n', query: query('prometheus', { expr: 'up' }) },
          },
        ],
      },
    };
    expect(found('x.json', json(dashboard))).toEqual([
      ['panel', 'One', 'a'],
      ['panel', 'One', 'b'],
      ['variable', 'v', 'label_values(x, v)'],
      ['annotation', 'n', 'up'],
    ]);
  });

  it('may be text in an object of Kubernetes, at its place in that file', () => {
    const text = json({ panels: [panel('rate(x{a="b"}[5m])')] });
    const block = text.replaceAll('\n', '\n    ');
    const yaml = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\ndata:\n  d.json: |-\n    ${block}\n`;
    const [query] = readQueries('cm.yaml', yaml).queries;
    expect(query).toMatchObject({ kind: 'panel', title: 'P', text: 'rate(x{a="b"}[5m])' });
    const at = yaml.indexOf('rate(');
    expect([query?.offsets[0], query?.offsets.at(-1)]).toEqual([
      at,
      at + 'rate(x{a=\\"b\\"}[5m])'.length,
    ]);
    expect(yaml.split('\n')[(query?.line ?? 0) - 1]).toContain('rate(');
    // Twice quoted: in the dashboard's JSON and in the object's.
    const object = json({ kind: 'GrafanaDashboard', spec: { json: text } });
    const [quoted] = readQueries('gd.json', object).queries;
    expect(quoted?.text).toBe('rate(x{a="b"}[5m])');
    expect(quoted?.escape('a="b"')).toBe('a=\\\\\\"b\\\\\\"');
    expect(object.slice(quoted?.offsets[0], quoted?.offsets.at(-1))).toBe(
      'rate(x{a=\\\\\\"b\\\\\\"}[5m])',
    );
  });
});

describe('rules', () => {
  const groups = `groups:
  - name: g
    rules:
      - alert: High
        expr: |
          vllm:num_requests_waiting
            > 5
      - record: r:x
        expr: sum(x)
`;

  it('are a file', () => {
    expect(found('rules.yaml', groups)).toEqual([
      ['alert', 'High', 'vllm:num_requests_waiting\n  > 5'],
      ['record', 'r:x', 'sum(x)'],
    ]);
  });

  it('are an object, one of several documents, or of a list', () => {
    const indented = groups.trimEnd().replaceAll('\n', '\n  ');
    const object = `kind: PrometheusRule\nmetadata: {name: n}\nspec:\n  ${indented}\n`;
    const documents = `kind: Service\n---\n${object}---\n${object}`;
    expect(found('x.yaml', documents)).toHaveLength(4);
    const list = {
      kind: 'List',
      items: [{ spec: { groups: [{ rules: [{ alert: 'A', expr: 'x' }] }] } }],
    };
    expect(found('x.json', json(list))).toEqual([['alert', 'A', 'x']]);
  });

  it("of Grafana's own ask several things", () => {
    const rule = {
      uid: 'u',
      title: 'T',
      condition: 'C',
      data: [
        { refId: 'A', datasourceUid: 'prom', model: { expr: 'vllm:x', refId: 'A' } },
        {
          refId: 'B',
          datasourceUid: 'l',
          model: { expr: '{a="b"}', datasource: { type: 'loki' } },
        },
        { refId: 'C', datasourceUid: '__expr__', model: { expression: 'A', type: 'threshold' } },
      ],
    };
    const provisioned = { apiVersion: 1, groups: [{ name: 'g', rules: [rule] }] };
    expect(found('x.json', json(provisioned))).toEqual([['alert', 'T', 'vllm:x']]);
  });

  it("of Loki are left out: they look alike, but what they ask is not Prometheus'", () => {
    const loki =
      'groups: [{name: g, rules: [{alert: L, expr: \'sum(rate({a="b"} |= "err" [5m])) > 1\'}]}]';
    expect(found('x.yaml', loki)).toEqual([]);
  });
});

describe('autoscalers', () => {
  it('of KEDA have triggers', () => {
    const yaml = `kind: ScaledObject
metadata: {name: so}
spec:
  triggers:
    - type: prometheus
      metadata: {serverAddress: http://p, query: sum(vllm:num_requests_waiting), threshold: '5'}
    - type: prometheus
      metadata: {metricName: m, query: 'x{a="b"}'}
    - type: cpu
      metadata: {value: '80'}
`;
    expect(found('x.yaml', yaml)).toEqual([
      ['scaledobject', 'so', 'sum(vllm:num_requests_waiting)'],
      ['scaledobject', 'm', 'x{a="b"}'],
    ]);
  });

  it('of the Prometheus adapter have rules, by themselves or as text of an object', () => {
    const rules = `rules:
  - seriesQuery: 'vllm:num_requests_waiting{namespace!=""}'
    name: {as: waiting}
    metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)
`;
    const expected = [
      ['adapter', 'waiting', 'vllm:num_requests_waiting{namespace!=""}'],
      [
        'adapter',
        'waiting',
        'sum(vllm:num_requests_waiting{<<.LabelMatchers>>}) by (<<.GroupBy>>)',
      ],
    ];
    expect(found('x.yaml', rules)).toEqual(expected);
    const block = rules.trimEnd().replaceAll('\n', '\n    ');
    const object = `kind: ConfigMap\nmetadata: {name: a}\ndata:\n  config.yaml: |\n    ${block}\n`;
    expect(found('x.yaml', object)).toEqual(expected);
    expect(
      found('x.yaml', 'rules:\n  custom:\n  - {seriesQuery: "{__name__=~\\"^a$\\"}"}'),
    ).toEqual([['adapter', '', '{__name__=~"^a$"}']]);
  });

  it('of other kinds have names', () => {
    const hpa = `kind: HorizontalPodAutoscaler
metadata: {name: h}
spec:
  metrics:
    - {type: Pods, pods: {metric: {name: vllm_a}, target: {type: AverageValue}}}
    - {type: External, external: {metricName: b}}
    - {type: Resource, resource: {name: cpu}}
`;
    expect(found('x.yaml', hpa)).toEqual([
      ['metric-name', 'h', 'vllm_a'],
      ['metric-name', 'h', 'b'],
    ]);
    const aibrix = `kind: PodAutoscaler
metadata: {name: pa}
spec: {metricsSources: [{targetMetric: "gpu_cache_usage_perc", targetValue: "40"}]}
`;
    expect(found('x.yaml', aibrix)).toEqual([['metric-name', 'pa', 'gpu_cache_usage_perc']]);
  });
});

describe('Perses', () => {
  it('has panels and variables', () => {
    const plugin = (kind: string, spec: object) => ({ plugin: { kind, spec } });
    const dashboard = {
      kind: 'Dashboard',
      spec: {
        variables: [
          {
            kind: 'ListVariable',
            spec: {
              name: 'v',
              ...plugin('PrometheusLabelValuesVariable', {
                labelName: 'm',
                matchers: ['vllm:x{}'],
              }),
            },
          },
          { kind: 'ListVariable', spec: { name: 's', ...plugin('StaticListVariable', {}) } },
        ],
        panels: {
          one: {
            kind: 'Panel',
            spec: {
              display: { name: 'One' },
              queries: [
                {
                  kind: 'TimeSeriesQuery',
                  spec: plugin('PrometheusTimeSeriesQuery', { query: 'a' }),
                },
                { kind: 'TraceQuery', spec: plugin('TempoTraceQuery', { query: '{}' }) },
              ],
            },
          },
        },
      },
    };
    expect(found('x.json', json(dashboard))).toEqual([
      ['variable', 'v', 'vllm:x{}'],
      ['panel', 'One', 'a'],
    ]);
  });
});

describe('queries by themselves', () => {
  it('are parted by empty lines, comments and line ends, but not inside one query', () => {
    const text = '# first\nsum(\n\n  a\n)\n/ b\n\n# second\nc\nd{x="#"} # said\n';
    expect(found('x.promql', text).map(([, , query]) => query)).toEqual([
      'sum(\n\n  a\n)\n/ b',
      'c',
      'd{x="#"}',
    ]);
    expect(found('x.promql', '\uFEFFa\r\nb\r\n').map(([, , query]) => query)).toEqual(['a', 'b']);
    expect(found('x.promql', 'sum(a')).toEqual([['query', '', 'sum(a']]);
    expect(found('x.promql', '# nothing\n')).toEqual([]);
  });

  it('stand in blocks of documents, where files do too', () => {
    const text = [
      '# Title',
      '```promql',
      'rate(a[1m])',
      'histogram_quantile(0.9, ...)',
      '```',
      '- a list',
      '  ~~~yaml',
      '  - alert: A',
      '    expr: x > 1',
      '  ~~~',
      '```bash',
      'expr: no',
      '```',
    ].join('\n');
    expect(found('x.md', text)).toEqual([
      ['query', '', 'rate(a[1m])'],
      ['alert', 'A', 'x > 1'],
    ]);
  });
});

describe('a block that says no language', () => {
  it('is of queries where all of it is', () => {
    const block = (text: string) => found('x.md', `\`\`\`\n${text}\n\`\`\`\n`);
    expect(block('# said\nrate(vllm:a[5m])\nsum(vllm:b)')).toEqual([
      ['query', '', 'rate(vllm:a[5m])'],
      ['query', '', 'sum(vllm:b)'],
    ]);
    expect(block('vllm:a\nvllm:b')).toEqual([]);
    expect(block('vllm:a{engine="0"} 1.0')).toEqual([]);
    expect(block('sum(vllm:a)\n$ curl localhost')).toEqual([]);
  });
});

describe('a chart with templates', () => {
  it('is read around them, and what they say in a query stays', () => {
    const yaml = `{{- if .Values.keda }}
kind: ScaledObject
metadata:
  name: {{ .Release.Name }}
  {{- include "labels" . | nindent 2 }}
spec:
  triggers:
    - type: prometheus
      metadata:
        query: sum(x{model="{{ .Values.model }}"})
    - type: prometheus
      metadata:
        query: |
          {{- if .Values.y }}
          rate(y[{{ .Values.window }}])
          {{- end }}
{{- end }}
`;
    const { queries, problem } = readQueries('x.yaml', yaml);
    expect(problem).toBeNull();
    expect(queries[0]?.text).toBe('sum(x{model="{{ .Values.model }}"})');
    expect(queries[1]?.text).toContain('rate(y[{{ .Values.window }}])');
  });
});

describe('a dashboard in a chart with templates', () => {
  const chart = (expr: string) => `kind: ConfigMap
data:
  d.json: |-
    {
      {{- if .Values.x }}
      "panels": [{"title": "P", "targets": [{"legendFormat": "{{ "{{" }}pod{{ "}}" }}", "expr": "${expr}"}]}]
      {{- end }}
    }
`;

  it('is read, and its queries keep their templates', () => {
    const text = chart('x{ns=\\"{{ .Release.Namespace }}\\"}');
    const { queries, problem } = readQueries('cm.yaml', text);
    expect(problem).toBeNull();
    expect(queries.map((query) => query.text)).toEqual(['x{ns="{{ .Release.Namespace }}"}']);
    const [from, to] = [queries[0]?.offsets[0], queries[0]?.offsets.at(-1)];
    expect(text.slice(from, to)).toBe('x{ns=\\"{{ .Release.Namespace }}\\"}');
  });

  it('is told where it cannot be', () => {
    const { queries, problem } = readQueries('cm.yaml', chart('x').replace('}]}]', '}]'));
    expect(queries).toEqual([]);
    expect(problem?.message).toMatch(/^d\.json is not JSON/);
  });
});

describe('a file that is not what it should be', () => {
  it.each([
    ['x.json', '{"a": [1, }', 'is not JSON: no JSON value', 1],
    ['x.json', '{\n"a": "b\n"}', 'is not JSON: no JSON string', 2],
    ['x.json', '', 'is not JSON: no JSON value', 1],
    ['x.json', '{} {}', 'is not JSON: something behind the JSON', 1],
    ['x.json', '['.repeat(1e6), 'is not JSON: nested deeper than 500', 1],
  ])('%s: says what and where', (name, text, message, line) => {
    const { problem } = readQueries(name, text);
    expect(problem?.line).toBe(line);
    expect(problem?.message.startsWith(message.split(':')[0] ?? '')).toBe(true);
  });

  it('is read as far as it can be', () => {
    const { queries, problem } = readQueries('x.yaml', '- {alert: A, expr: x}\n- b: c: d\n');
    expect(queries.map(({ text }) => text)).toEqual(['x']);
    expect(problem).toMatchObject({ line: 2 });
  });

  it('is not followed where it leads in a circle, or to millions of copies', () => {
    const laughs = ['n0: &n0 [x, x]'];
    for (let i = 1; i < 40; i++) laughs.push(`n${i}: &n${i} [*n${i - 1}, *n${i - 1}]`);
    expect(readQueries('x.yaml', laughs.join('\n'))).toEqual({ queries: [], problem: null });
    expect(readQueries('x.yaml', 'a: &a\n  b: *a\n  alert: A\n  expr: x\n').queries).toHaveLength(
      1,
    );
    const deep = '['.repeat(3000) + ']'.repeat(3000);
    expect(readQueries('x.yaml', deep).problem).not.toBeNull();
  });
});
