/** Every query of the dashboards of deploy/grafana, asked of a real Prometheus that knows half an hour of two unequal ranks. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filledIn, type Panel, readDashboards } from '../support/dashboards.ts';
import { HISTORY_END_S, writeHistory } from '../support/metrics-history.ts';
import { isPrometheusInstalled, Prometheus, type PromSample } from '../support/prometheus.ts';

const RULES = fileURLToPath(new URL('../../deploy/prometheus/rules.yml', import.meta.url));
const AT_S = HISTORY_END_S - 60;

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
  let file: string;
  const ask = (query: string): Promise<readonly PromSample[]> =>
    prometheus.queryAt(filledIn(query), AT_S);
  /** Its only value. */
  const askOne = async (query: string): Promise<number> => {
    const samples = await ask(query);
    expect(samples, query).toHaveLength(1);
    return samples[0]?.value ?? Number.NaN;
  };

  beforeAll(async () => {
    file = writeHistory({ job: 'vllm-twin', instance: 'frontend:8000' });
    prometheus = await Prometheus.overHistory({ openmetrics: [file], rules: RULES });
  });
  afterAll(async () => {
    await prometheus?.stop();
    if (file !== undefined) rmSync(dirname(file), { recursive: true });
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
