/**
 * What lint's readers find in files: in vLLM's own examples exactly what corpus.json lists, and in files of each format
 * that are made of the corpus's queries, those.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { readQueries } from '../../src/lint/formats/read-file.ts';
import { parsePromql } from '../../src/lint/promql/parse.ts';

interface CorpusQuery {
  readonly kind: string;
  readonly title: string;
  readonly query: string;
}

interface CorpusFile {
  readonly repo: string | null;
  readonly path: string | null;
  readonly kind: string;
  readonly queries: readonly CorpusQuery[];
}

const read = (path: string): string =>
  readFileSync(new URL(`versions/${path}`, import.meta.url), 'utf8');
const { files } = JSON.parse(read('corpus.json')) as { files: readonly CorpusFile[] };

/** The corpus lists a query once a file, and on one line. */
const told = (title: string, query: string): string => `${title}: ${query.replace(/\s+/g, '')}`;
const queryOf = (line: string): string => line.slice(line.lastIndexOf(': ') + 2);

/** Without those that are the same query again. */
function onceEach(lines: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return lines.filter((line) => {
    const isNew = !seen.has(queryOf(line));
    seen.add(queryOf(line));
    return isNew;
  });
}

const found = (name: string, text: string): readonly string[] => {
  const { queries, problem } = readQueries(name, text);
  expect(problem).toBeNull();
  return queries.map(({ title, text: query }) => told(title, query));
};

describe("vLLM's own examples", () => {
  it.each([
    ['observability/prometheus_grafana/grafana.json', 'grafana.json', []],
    ['observability/dashboards/grafana/query_statistics.json', 'query_statistics.json', []],
    [
      'observability/dashboards/perses/performance_statistics.yaml',
      'performance_statistics.yaml',
      // The corpus has no variables of Perses.
      ['Deployment_id: vllm:generation_tokens_total{}'],
    ],
  ])('%s asks what the corpus says', (path, name, besides) => {
    const listed = files.find((file) => file.path === `examples/${path}`)?.queries ?? [];
    expect(listed.length).toBeGreaterThan(10);
    const expected = [...listed.map(({ title, query }) => told(title, query)), ...besides];
    const lines = onceEach(found(name, read(`corpus/vllm/${name}`)));
    expect([...lines].sort()).toEqual([...onceEach(expected)].sort());
  });
});

/** A file of a format, made of queries. */
const MADE: Readonly<
  Record<string, (queries: readonly CorpusQuery[]) => readonly [name: string, text: string]>
> = {
  grafana: (queries) => [
    'x.json',
    JSON.stringify({
      panels: queries
        .filter(({ kind }) => kind === 'panel')
        .map(({ title, query }) => ({ title, targets: [{ expr: query }] })),
      templating: {
        list: queries
          .filter(({ kind }) => kind === 'variable')
          .map(({ title, query }) => ({
            name: title,
            type: 'query',
            query: { query, refId: 'V' },
          })),
      },
    }),
  ],
  perses: (queries) => [
    'x.yaml',
    stringify({
      kind: 'PersesDashboard',
      spec: {
        panels: Object.fromEntries(
          queries.map(({ title, query }, i) => {
            const plugin = { kind: 'PrometheusTimeSeriesQuery', spec: { query } };
            const asked = [{ kind: 'TimeSeriesQuery', spec: { plugin } }];
            return [`${i}`, { kind: 'Panel', spec: { display: { name: title }, queries: asked } }];
          }),
        ),
      },
    }),
  ],
  'prometheus-rules': (queries) => [
    'x.yaml',
    stringify({
      kind: 'PrometheusRule',
      spec: {
        groups: [{ rules: queries.map(({ title, query }) => ({ alert: title, expr: query })) }],
      },
    }),
  ],
  keda: (queries) => [
    'x.yaml',
    stringify({
      kind: 'ScaledObject',
      spec: {
        triggers: queries.map(({ title, query }) => ({
          type: 'prometheus',
          metadata: { metricName: title, query },
        })),
      },
    }),
  ],
  'prometheus-adapter': (queries) => [
    'x.yaml',
    stringify({
      rules: queries.map(({ kind, title, query }) => ({
        name: { as: title },
        [kind === 'adapter' ? 'metricsQuery' : 'seriesQuery']: query,
      })),
    }),
  ],
  'queries-in-docs': (queries) => [
    'x.md',
    queries.map(({ query }) => `## A query\n\n\`\`\`promql\n${query}\n\`\`\`\n`).join('\n'),
  ],
};

describe('files made of the public corpus', () => {
  it.each(files.map((file) => [`${file.kind} ${file.path ?? 'of no name'}`, file] as const))(
    '%s',
    (_name, { kind, queries }) => {
      const made = MADE[kind];
      if (made === undefined) throw new Error(`no file is made of ${kind}`);
      const expected = queries.map(({ title, query }) => told(title, query));
      expect([...found(...made(queries))].sort()).toEqual([...expected].sort());
    },
  );

  it('hold queries that all parse', () => {
    for (const { query } of files.flatMap(({ queries }) => queries))
      expect(parsePromql(query), query).toMatchObject({ problem: null });
  });
});
