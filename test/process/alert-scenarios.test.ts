/**
 * Each alert of deploy/prometheus/rules.yml over two simulated deployments: one that makes it fire, and one that only looks
 * like it. Twice: as promtool runs rules over the series, and as a real Prometheus answers the rule's expression.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readDuration } from '../../src/shared/duration.ts';
import {
  type AlertRule,
  RULES_FILE,
  readAlertRules,
  scenariosOf,
} from '../support/alert-scenarios.ts';
import { isPrometheusInstalled, Prometheus, type PromSample } from '../support/prometheus.ts';
import { simulateHistory } from '../support/simulated-history.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DURATION = '12m';
const STEP_S = 15;
const SIMULATIONS_MS = 300_000;

interface ScenarioStep {
  readonly engine?: number;
  readonly load?: { readonly engine?: number };
}

const cases = readAlertRules().flatMap((rule) =>
  Object.entries(scenariosOf(rule)).map(([kind, scenario]) => ({
    rule,
    alert: rule.alert,
    scenario,
    name: `${rule.alert}-${kind}`,
    fires: kind === 'fires',
  })),
);
type Case = (typeof cases)[number];

/** Each deployment is a job of its own in the one Prometheus. */
const jobOf = ({ name }: Case): string => `vllm-${name}`;

/** The ranks that a scenario does something to; none where it does it to all. */
function ranksOf({ scenario }: Case): readonly string[] {
  const { steps } = parse(readFileSync(join(ROOT, scenario), 'utf8')) as {
    readonly steps: readonly ScenarioStep[];
  };
  const ranks = steps.map(({ engine, load }) => engine ?? load?.engine);
  return [...new Set(ranks.flatMap((rank) => (rank === undefined ? [] : `${rank}`)))];
}

/** Label sets for which an expression held at as many looks in a row as its `for` takes. */
function firingOf(rule: AlertRule, steps: readonly (readonly PromSample[])[]): readonly string[] {
  const needed = (readDuration(rule.for ?? 0) ?? 0) / 1000 / STEP_S + 1;
  const fired = new Set<string>();
  let running = new Map<string, number>();
  for (const samples of steps) {
    const next = new Map<string, number>();
    for (const { labels } of samples) {
      const key = JSON.stringify(Object.entries(labels).toSorted());
      next.set(key, (running.get(key) ?? 0) + 1);
      if (next.get(key) === needed) fired.add(key);
    }
    running = next;
  }
  return [...fired];
}

describe.skipIf(!isPrometheusInstalled())('the alerts over simulated deployments', () => {
  const folder = mkdtempSync(join(tmpdir(), 'twin-alerts-'));
  const openmetrics = (each: Case): string => join(folder, `${each.name}.om`);
  const series = (each: Case): string => join(folder, `${each.name}.series.yml`);
  let prometheus: Prometheus;

  beforeAll(async () => {
    for (const each of cases) {
      await simulateHistory({
        scenario: join(ROOT, each.scenario),
        duration: DURATION,
        openmetrics: openmetrics(each),
        series: series(each),
        target: { job: jobOf(each), instance: 'frontend:8000' },
      });
    }
    prometheus = await Prometheus.overHistory({
      openmetrics: cases.map(openmetrics),
      rules: join(ROOT, RULES_FILE),
      intervalS: STEP_S,
    });
  }, SIMULATIONS_MS);
  afterAll(async () => {
    await prometheus?.stop();
    rmSync(folder, { recursive: true });
  });

  it.each(cases)('$name: promtool runs the rules over it', (each) => {
    const { tests } = parse(readFileSync(series(each), 'utf8')) as { tests: readonly object[] };
    const file = join(folder, `${each.name}.test.yml`);
    const expr = `max(max_over_time(ALERTS{alertname="${each.alert}", alertstate="firing"}[${DURATION}]))`;
    const expected = each.fires ? [{ labels: '{}', value: 1 }] : [];
    const promql_expr_test = [{ expr, eval_time: DURATION, exp_samples: expected }];
    writeFileSync(
      file,
      JSON.stringify({
        rule_files: [join(ROOT, RULES_FILE)],
        evaluation_interval: `${STEP_S}s`,
        tests: tests.map((test) => ({ ...test, promql_expr_test })),
      }),
    );
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], {
      encoding: 'utf8',
    });
    expect(status, `${stdout}${stderr}`).toBe(0);
  });

  it.each(cases)('$name: a real Prometheus answers for it', async (each) => {
    const { startS, endS } = prometheus.history;
    const steps = await prometheus.queryRange(each.rule.expr, { startS, endS, stepS: STEP_S });
    const own = steps.map((samples) =>
      samples.filter(({ labels }) => labels['job'] === jobOf(each)),
    );
    const firing = firingOf(each.rule, own);
    expect(firing.length > 0, firing.join('\n')).toBe(each.fires);
    const engines = firing.flatMap((key) => new Map(JSON.parse(key)).get('engine') ?? []);
    const ranks = ranksOf(each);
    // An alert of an engine fires for the engine that something was done to.
    if (engines.length > 0 && ranks.length > 0) expect(engines).toEqual(ranks);
  });
});
