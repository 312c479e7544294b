/** The dashboards, rules and autoscalers of deploy ask for what there is, and never add up what ranks have each for themselves. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { METRICS, type MetricDefinition } from '../../src/frontend/metrics/definitions.ts';
import { readDashboards } from '../support/dashboards.ts';
import { readManifests } from '../support/kubernetes.ts';

const read = (path: string): unknown =>
  parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
}

const { groups } = read('deploy/prometheus/rules.yml') as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const recorded = rules.flatMap(({ record }) => record ?? []);
const dashboards = readDashboards();

const triggers = readManifests('deploy/autoscaling/keda.yaml').flatMap(
  ({ spec }) => spec['triggers'] as readonly { readonly metadata: { readonly query: string } }[],
);
const QUERIES: readonly (readonly [string, string])[] = [
  ...rules.map(({ record, alert, expr }) => [record ?? alert ?? '', expr] as const),
  ...dashboards.flatMap(({ uid, panels, variableQueries }) => [
    ...panels.flatMap(({ title, queries }) =>
      queries.map((query) => [`${uid}: ${title}`, query] as const),
    ),
    ...variableQueries.map((query) => [`${uid}: a variable`, query] as const),
  ]),
  ...triggers.map(({ metadata }) => ['keda.yaml', metadata.query] as const),
];

/** Names of series by what they are of. */
const SERIES = new Set([
  ...(Object.values(METRICS) as MetricDefinition[]).flatMap(({ name, type }) => {
    if (type === 'counter') return [`${name}_total`];
    return type === 'gauge' ? [name] : ['_bucket', '_sum', '_count'].map((end) => name + end);
  }),
  'vllm:cache_config_info',
  ...recorded,
]);

/** Who asks something that it should not. */
const askersOf = (isWrong: (query: string) => boolean): readonly string[] =>
  QUERIES.filter(([, query]) => isWrong(query)).map(([at, query]) => `${at}: ${query}`);

describe('queries', () => {
  it('name only series that there are', () => {
    expect(QUERIES.length).toBeGreaterThan(60);
    const named = (query: string) => query.match(/\b(?:vllm|engine|model):\w+(?::\w+)?/g) ?? [];
    expect(askersOf((query) => named(query).some((name) => !SERIES.has(name)))).toEqual([]);
  });

  it('add up no share, no quantile and no configuration', () => {
    const added = (what: string) =>
      new RegExp(`\\b(?:sum|avg)\\b[^(]*(?:\\([\\w, ]*\\)\\s*)?\\(\\s*(?:${what})`);
    const ofRanks = added('vllm:(?:kv_cache_usage_perc|engine_sleep_state|cache_config_info)');
    const quantiles = added('histogram_quantile|engine:\\w+:(?:p99|ratio)_');
    expect('sum by (job) (vllm:kv_cache_usage_perc)').toMatch(ofRanks);
    expect('avg(engine:vllm_time_to_first_token_seconds:p99_rate5m)').toMatch(quantiles);
    expect(askersOf((query) => ofRanks.test(query) || quantiles.test(query))).toEqual([]);
  });

  it('ask the cache configuration for no model', () => {
    expect(askersOf((query) => /cache_config_info\{[^}]*model_name/.test(query))).toEqual([]);
  });

  it('keep the buckets apart where they sum histograms', () => {
    const mixed = /sum(?: by \((?![^)]*\ble\b)[^)]*\))?\s*\(\s*rate\(vllm:\w+_bucket/;
    expect('sum by (job) (rate(vllm:time_to_first_token_seconds_bucket[5m]))').toMatch(mixed);
    expect(askersOf((query) => mixed.test(query))).toEqual([]);
  });
});

describe('the dashboards', () => {
  it('are two, of the fleet and of each engine', () => {
    expect(dashboards.map(({ uid }) => uid)).toEqual(['vllm-engines', 'vllm-fleet']);
  });

  it.each(dashboards)(
    '$uid has panels with a name, a sentence and a place of their own',
    ({ panels }) => {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
        expect(x + w).toBeLessThanOrEqual(24);
        return Array.from(
          { length: w * h },
          (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`,
        );
      });
      expect(new Set(cells).size).toBe(cells.length);
      for (const { title, description, unit } of panels) {
        expect(title).not.toBe('');
        expect(description).toMatch(/\.$/);
        expect(unit).not.toBe('');
      }
    },
  );

  it.each(dashboards)(
    '$uid uses each of its variables, and no other',
    ({ variables, panels, variableQueries }) => {
      const text = [...panels.flatMap(({ queries }) => queries), ...variableQueries].join('\n');
      const used = new Set(text.match(/(?<=\$)(?!__)\w+/g));
      expect([...used, 'datasource'].toSorted()).toEqual(variables.toSorted());
    },
  );
});

describe('the rules', () => {
  it('are each tested by series, alerts as one that fires and one that does not', () => {
    const tests = read('deploy/prometheus/rules.test.yml') as {
      readonly tests: readonly {
        readonly alert_rule_test?: readonly { alertname: string; exp_alerts: readonly unknown[] }[];
        readonly promql_expr_test?: readonly { expr: string }[];
      }[];
    };
    const fired = tests.tests.flatMap(({ alert_rule_test: all = [] }) =>
      all
        .filter(({ exp_alerts: expected }) => expected.length > 0)
        .map(({ alertname }) => alertname),
    );
    const alerts = rules.flatMap(({ alert }) => alert ?? []);
    expect(fired.toSorted()).toEqual(alerts.toSorted());
  });

  it('tell of an alert in a line, and what it means below', () => {
    const alerts = rules.filter(({ alert }) => alert !== undefined);
    for (const rule of alerts)
      expect(rule).toMatchObject({
        labels: { severity: expect.stringMatching(/^(?:critical|warning)$/) },
        annotations: { summary: expect.any(String), description: expect.any(String) },
      });
  });
});
