/** Every query of the dashboards of deploy/grafana, asked of a real Prometheus that knows ten minutes of two unequal ranks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filledIn, type Panel, readDashboards } from '../support/dashboards.ts';
import { isPrometheusInstalled, Prometheus, type PromSample } from '../support/prometheus.ts';
import { simulateHistory } from '../support/simulated-history.ts';

const RULES = fileURLToPath(new URL('../../deploy/prometheus/rules.yml', import.meta.url));
const SCENARIO = fileURLToPath(new URL('../support/two-unequal-ranks.yaml', import.meta.url));

const dashboards = readDashboards();
const panels = dashboards.flatMap((dashboard) =>
  dashboard.panels.map((panel) => ({ ...panel, at: `${dashboard.uid}: ${panel.title}` })),
);
const fleet = panels.filter(({ at }) => at.startsWith('vllm-fleet'));

/** Shares and times: of several engines they lie between those of each. Everything else is counted. */
const isCount = ({ unit }: Panel): boolean => unit !== 'percentunit' && unit !== 's';
/** The same query of one engine alone. */
const ofEngine = (query: string, engine: number): string =>
  query.replaceAll('model_name=~"$model_name"', `model_name=~"$model_name", engine="${engine}"`);

describe.skipIf(!isPrometheusInstalled())('the dashboards over a real Prometheus', () => {
  let prometheus: Prometheus;
  const folder = mkdtempSync(join(tmpdir(), 'twin-dashboards-'));
  const ask = (query: string): Promise<readonly PromSample[]> =>
    prometheus.queryAt(filledIn(query), prometheus.history.endS);
  /** Its only value. */
  const askOne = async (query: string): Promise<number> => {
    const samples = await ask(query);
    expect(samples, query).toHaveLength(1);
    return samples[0]?.value ?? Number.NaN;
  };

  beforeAll(async () => {
    const openmetrics = join(folder, 'history.om');
    const target = { job: 'vllm-twin', instance: 'frontend:8000' };
    await simulateHistory({ scenario: SCENARIO, duration: '10m', openmetrics, target });
    prometheus = await Prometheus.overHistory({ openmetrics: [openmetrics], rules: RULES });
  });
  afterAll(async () => {
    await prometheus?.stop();
    rmSync(folder, { recursive: true });
  });

  it.each(panels)('$at is not empty, and every value is a number', async ({ queries }) => {
    expect(queries).not.toHaveLength(0);
    for (const query of queries) {
      const samples = await ask(query);
      expect(samples, query).not.toHaveLength(0);
      for (const { value } of samples) expect(value, query).toBeGreaterThanOrEqual(0);
    }
  });

  it.each(panels.filter(({ at }) => at.startsWith('vllm-engines')))(
    '$at has a series of each engine, and none of both',
    async ({ queries }) => {
      for (const query of queries) {
        const samples = await ask(query);
        const engines = new Set(samples.map(({ labels }) => labels['engine']));
        expect([...engines].toSorted(), query).toEqual(['0', '1']);
      }
    },
  );

  it.each(fleet.filter(({ queries }) => queries.some((query) => query.includes('model_name'))))(
    '$at counts each rank once: the sum of counts, between the engines for shares and times',
    async (panel) => {
      for (const query of panel.queries) {
        const all = await askOne(query);
        const [first, second] = [
          await askOne(ofEngine(query, 0)),
          await askOne(ofEngine(query, 1)),
        ];
        if (isCount(panel)) expect(all, query).toBeCloseTo(first + second, 6);
        else {
          expect(all, query).toBeGreaterThanOrEqual(Math.min(first, second) - 1e-9);
          expect(all, query).toBeLessThanOrEqual(Math.max(first, second) + 1e-9);
        }
      }
    },
  );
});
