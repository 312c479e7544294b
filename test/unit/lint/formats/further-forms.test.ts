import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readQueries } from '../../../../src/lint/formats/read-file.ts';
import { lint } from '../../../../src/lint/lint.ts';

const found = (name: string, text: string) =>
  readQueries(name, text).queries.map(({ kind, title, text: query }) => [kind, title, query]);

const json = (value: unknown): string => JSON.stringify(value, null, 2);

describe('Google Cloud Monitoring', () => {
  it('has dashboards, whose widgets ask in PromQL', () => {
    const set = (query: string) => ({ timeSeriesQuery: { prometheusQuery: query } });
    const widget = {
      title: 'W',
      xyChart: { dataSets: [set('a'), set(`rate(b[\${__interval}])`)] },
    };
    const card = { title: 'C', scorecard: set('c') };
    const section = { title: 'S', collapsibleGroup: {} };
    const tiles = [{ widget }, { widget: card }, { widget: section }];
    expect(found('x.json', json({ displayName: 'D', mosaicLayout: { tiles } }))).toEqual([
      ['panel', 'W', 'a'],
      ['panel', 'W', `rate(b[\${__interval}])`],
      ['panel', 'C', 'c'],
    ]);
  });

  it('has alert policies', () => {
    const condition = {
      displayName: 'Queue',
      conditionPrometheusQueryLanguage: { query: 'vllm:num_requests_waiting > 5', duration: '60s' },
    };
    expect(found('x.json', json({ displayName: 'P', conditions: [condition] }))).toEqual([
      ['alert', 'Queue', 'vllm:num_requests_waiting > 5'],
    ]);
  });
});

describe('further autoscalers', () => {
  it('are told queries or names of metrics', () => {
    const inference = `kind: InferenceService
metadata: {name: isvc}
spec:
  predictor:
    autoScaling:
      metrics:
        - type: External
          external:
            metric: {backend: prometheus, serverAddress: "http://p", query: "sum(vllm:a)"}
`;
    expect(found('x.yaml', inference)).toEqual([['scaledobject', 'isvc', 'sum(vllm:a)']]);
    const annotated = `kind: InferenceSet
metadata:
  name: set
  annotations: {scaledobject.kaito.sh/metricName: "vllm:num_requests_waiting"}
`;
    expect(found('x.yaml', annotated)).toEqual([
      ['metric-name', 'set', 'vllm:num_requests_waiting'],
    ]);
    const policy = `kind: AutoscalingPolicy
metadata: {name: ap}
spec:
  homogeneousTarget:
    metricSources:
      waiting: {prometheus: {serverURL: "http://p", query: "sum(vllm:b)"}}
`;
    expect(found('x.yaml', policy)).toEqual([['scaledobject', 'ap', 'sum(vllm:b)']]);
    const external = `kind: ScaledObject
metadata: {name: so}
spec:
  triggers:
    - {type: external, metadata: {scalerAddress: "k:1", metricName: "vllm:num_requests_waiting"}}
    - {type: external, metadata: {scalerAddress: "k:1", metricName: "other"}}
`;
    expect(found('x.yaml', external)).toEqual([['metric-name', 'so', 'vllm:num_requests_waiting']]);
  });

  it("may name a metric as Google's adapter does", async () => {
    const scaler = `kind: HorizontalPodAutoscaler
metadata: {name: hpa}
spec:
  metrics:
    - {type: Pods, pods: {metric: {name: "prometheus.googleapis.com|vllm:gpu_cache_usage_perc|gauge"}}}
`;
    const [finding] = (await lint(scaler)).findings;
    expect(finding).toMatchObject({ rule: 'metric-removed', title: 'hpa' });
  });
});

describe('JSON that is not quite JSON', () => {
  it('may have comments', () => {
    const text = `/* Copyright // */\n// of somebody\n${json({ title: 'T', targets: [{ expr: 'a' }] })}`;
    const { queries, problem } = readQueries('x.json', text);
    expect(problem).toBeNull();
    expect(queries.map(({ title, line }) => [title, line])).toEqual([['T', 7]]);
  });

  it('may have templates with quotes and brackets of their own', () => {
    const template = '{{ printf "{{le}} of {{x}}" }}';
    const chart = `kind: ConfigMap
data:
  d.json: |
    {"title": "T", "targets": [{"expr": "a", "legendFormat": "${template}"}], "uid": "x-{{ include "chart.name" . }}"}
`;
    expect(readQueries('x.yaml', chart).problem).toBeNull();
    expect(found('x.yaml', chart)).toEqual([['panel', 'T', 'a']]);
  });
});

describe('what decides over releases and promises', () => {
  it('asks in objects of Argo Rollouts, Flagger and Pyrra', () => {
    const argo = `kind: AnalysisTemplate
metadata: {name: t}
spec:
  metrics:
    - {name: m, provider: {prometheus: {address: "http://p", query: "sum(vllm:a)"}}}
    - {name: n, provider: {web: {query: "x"}}}
`;
    expect(found('x.yaml', argo)).toEqual([['query', 'm', 'sum(vllm:a)']]);
    const flagger = (type: string) =>
      `kind: MetricTemplate\nmetadata: {name: t}\nspec:\n  provider: {type: ${type}}\n  query: vllm:a\n`;
    expect(found('x.yaml', flagger('prometheus'))).toEqual([['query', 't', 'vllm:a']]);
    expect(found('x.yaml', flagger('datadog'))).toEqual([]);
    const pyrra = `kind: ServiceLevelObjective
metadata: {name: s}
spec:
  indicator: {latency: {success: {metric: 'vllm:a_bucket{le="5"}'}, total: {metric: vllm:a_count}}}
`;
    expect(found('x.yaml', pyrra)).toEqual([
      ['query', 's', 'vllm:a_bucket{le="5"}'],
      ['query', 's', 'vllm:a_count'],
    ]);
  });

  it('asks in service levels of Sloth, and in the rule groups of Azure', () => {
    const sloth = `kind: PrometheusServiceLevel
metadata: {name: l}
spec: {slos: [{sli: {events: {errorQuery: "a[{{.window}}]", totalQuery: b}}}]}
`;
    expect(found('x.yaml', sloth)).toEqual([
      ['query', 'l', 'a[{{.window}}]'],
      ['query', 'l', 'b'],
    ]);
    expect(found('x.yaml', 'slos: [{sli: {raw: {error_ratio_query: c}}}]')).toEqual([
      ['query', '', 'c'],
    ]);
    const rules = [{ alert: 'A', expression: 'vllm:a > 1' }, { expression: '$A * 2' }];
    expect(found('x.json', json({ properties: { rules } }))).toEqual([
      ['alert', 'A', 'vllm:a > 1'],
    ]);
    expect(found('x.json', json({ alert: 'A', expression: 'another language' }))).toEqual([]);
    expect(found('x.json', json({ serverURL: 'http://d', query: 'SELECT 1' }))).toEqual([]);
  });
});

describe('a dashboard in base64', () => {
  const dashboard = json({ title: 'D', panels: [{ title: 'P', targets: [{ expr: 'vllm:a' }] }] });
  const packed = gzipSync(dashboard).toString('base64');

  it('is read from what Grafana’s operator and a ConfigMap hold, and is where they hold it', () => {
    const folded = packed.replace(/.{20}/g, '$&\n    ');
    const operator = `kind: GrafanaDashboard\nspec:\n  gzipJson: |\n    ${folded}\n`;
    expect(found('x.yaml', operator)).toEqual([['panel', 'P', 'vllm:a']]);
    expect(readQueries('x.yaml', operator).queries[0]?.line).toBe(4);
    const plain = Buffer.from(dashboard).toString('base64');
    const map = `kind: ConfigMap\nbinaryData:\n  a.json: ${plain}\n  b.json: ${packed}\n  c.png: iVBORw0KGgo=\n`;
    expect(found('x.yaml', map)).toEqual([
      ['panel', 'P', 'vllm:a'],
      ['panel', 'P', 'vllm:a'],
    ]);
  });

  it('is told where it cannot be read', () => {
    const broken = gzipSync('{"panels": [').toString('base64');
    const { problem } = readQueries('x.yaml', `spec:\n  gzipJson: ${broken}\n`);
    expect(problem).toEqual({ message: 'gzipJson is not JSON: no JSON value', line: 2 });
  });

  it.each([
    ['is cut off', packed.slice(0, 40)],
    ['is no base64', 'not base64 !'],
    ['is empty space, however much', ' '.repeat(1 << 20)],
  ])('is told where it %s', (_, field) => {
    const { problem } = readQueries('x.json', JSON.stringify({ spec: { gzipJson: field } }));
    expect(problem?.message).toBe(
      'gzipJson cannot be unpacked: it is no base64, damaged, or too long with the others',
    );
  });
});

describe('a file whose last line has no end', () => {
  it('keeps the places of a block that ends there', () => {
    const text = `kind: ConfigMap\ndata:\n  d.json: |\n    {"title": "T",\n     "targets": [{"expr": "a"}]}`;
    expect(readQueries('x.yaml', text).queries[0]?.line).toBe(5);
  });
});

describe('a document', () => {
  it('asks in tables and lines as well', () => {
    const text = [
      '# Queries for `vllm:num_requests_running`',
      '| What | Query |',
      '| --- | --- |',
      '| Errors | `sum(rate(http_requests_total{status=~"4xx\\|5xx"}[5m]))` |',
      'Use `rate(vllm:num_preemptions[5m])`, `vllm:kv_cache_usage_perc > 0.9`, never `max(a, b)` or `rate(...)`.',
      '```promql',
      'vllm:a',
      '```',
      'and `vllm:a_total / _b`, `sum by(priority) (queue_size)`.',
    ].join('\n');
    expect(readQueries('x.md', text).queries.map(({ text: query, line }) => [query, line])).toEqual(
      [
        ['sum(rate(http_requests_total{status=~"4xx|5xx"}[5m]))', 4],
        ['rate(vllm:num_preemptions[5m])', 5],
        ['vllm:kv_cache_usage_perc > 0.9', 5],
        ['vllm:a', 7],
        ['sum by(priority) (queue_size)', 9],
      ],
    );
  });

  it('may send queries in a command', () => {
    const text =
      "```bash\ncurl http://p/api/v1/query \\\n  --data-urlencode 'query=sum(vllm:a)'\n```\n";
    expect(found('x.md', text)).toEqual([['query', '', 'sum(vllm:a)']]);
  });

  it('may hand objects to a command', () => {
    const text = [
      '```bash',
      "kubectl apply -f - <<'EOF'",
      'groups:',
      '- rules:',
      '  - {alert: A, expr: vllm:a > 1}',
      'EOF',
      'echo $((1 << 2))',
      'cat <<-END > b.json',
      '{"targets": [{"expr": "vllm:b"}]}',
      '  END',
      'cat <<EOF',
      'expr: never closed',
      '```',
    ].join('\n');
    expect(readQueries('x.md', text).queries.map(({ text: query, line }) => [query, line])).toEqual(
      [
        ['vllm:a > 1', 5],
        ['vllm:b', 9],
      ],
    );
  });

  it('is told where all of a file’s fields together are too long', () => {
    const long = gzipSync(`{"title": "${'x'.repeat(40 << 20)}"}`).toString('base64');
    const fields = { spec: [{ gzipJson: long }, { gzipJson: long }] };
    expect(readQueries('x.json', JSON.stringify(fields)).problem?.message).toMatch(/too long/);
  });

  it('takes no time over parentheses that never end', () => {
    const begunMs = performance.now();
    readQueries('x.md', `\`\`\`sh\n${'('.repeat(1 << 18)} <<EOF\n\`\`\`\n`);
    expect(performance.now() - begunMs).toBeLessThan(5_000);
  });

  it('hands on nothing by what only looks like it', () => {
    const text = [
      '```sh',
      'cat <<NEVER',
      'grep x <<< hello',
      'echo $((1 << n))',
      'kubectl apply -f - <<EOF',
      'groups:',
      '- rules:',
      '  - {alert: A, expr: vllm:a > 1}',
      'EOF',
      '```',
    ].join('\n');
    expect(readQueries('x.md', text).queries.map(({ text: query }) => query)).toEqual([
      'vllm:a > 1',
    ]);
  });

  it('has samples of /metrics, which ask nothing, where it says that they are Prometheus’', () => {
    const block = (text: string) => found('x.md', `\`\`\`prometheus\n${text}\n\`\`\`\n`);
    expect(
      block(
        '# HELP vllm:a What.\n# TYPE vllm:a gauge\nvllm:a{engine="0",b="x } 1"} 1.0\n...\nb_bucket{le="+Inf"} 1e+06 1700000000\nc NaN',
      ),
    ).toEqual([]);
    expect(block('# how many\nsum(vllm:a)\n/ 2')).toEqual([['query', '', 'sum(vllm:a)\n/ 2']]);
    expect(block('vllm:a{engine="0"} offset 5m')).toHaveLength(1);
  });

  it('has rules and what is scraped in blocks that it calls Prometheus’', () => {
    const block = (text: string) => found('x.md', `\`\`\`prometheus\n${text}\n\`\`\`\n`);
    expect(block('scrape_configs:\n  - job_name: vllm')).toEqual([]);
    expect(block('- alert: A\n  expr: vllm:a > 1')).toEqual([['alert', 'A', 'vllm:a > 1']]);
  });

  it('may have rules in a block that says no language', () => {
    const text = '```\n- alert: A\n  expr: vllm:a > 1\n```\n';
    expect(found('x.md', text)).toEqual([['alert', 'A', 'vllm:a > 1']]);
  });
});
