import { describe, expect, it } from 'vitest';
import { lint } from '../../../src/index.ts';

/** Ids of rules, of a dashboard's text. */
async function rules(dashboard: unknown): Promise<readonly string[]> {
  const { findings } = await lint(JSON.stringify(dashboard));
  return findings.map(({ rule }) => rule);
}

const grafana = (type: string, expr: string, legendFormat = '') => ({
  panels: [{ type, title: 'P', targets: [{ expr, legendFormat }] }],
});

const secondSchema = (vizConfig: object) => ({
  kind: 'Panel',
  spec: {
    title: 'P',
    vizConfig,
    data: {
      spec: {
        queries: [{ spec: { query: { kind: 'prometheus', spec: { expr: RUNNING } } } }],
      },
    },
  },
});

const perses = (kind: string, seriesNameFormat = '') => ({
  kind: 'Panel',
  spec: {
    display: { name: 'P' },
    plugin: { kind },
    queries: [
      {
        spec: {
          plugin: {
            kind: 'PrometheusTimeSeriesQuery',
            spec: { query: RUNNING, seriesNameFormat },
          },
        },
      },
    ],
  },
});

const RUNNING = 'vllm:num_requests_running';

describe('a panel of one figure', () => {
  it.each([
    grafana('stat', RUNNING),
    grafana('gauge', 'vllm:kv_cache_usage_perc{model_name="$model"}'),
    grafana('singlestat', 'rate(vllm:generation_tokens_total[5m])'),
    secondSchema({ kind: 'stat' }),
    secondSchema({ kind: 'VizConfig', group: 'gauge' }),
    perses('StatChart'),
    perses('GaugeChart'),
  ])('wants one value: %j', async (dashboard) => {
    expect(await rules(dashboard)).toEqual(['per-engine-value']);
  });

  it.each([
    grafana('timeseries', RUNNING),
    grafana('bargauge', RUNNING),
    grafana('stat', `sum(${RUNNING})`),
    grafana('stat', `${RUNNING}{engine="0"}`),
    grafana('stat', `${RUNNING}{engine=~"$engine"}`),
    grafana('stat', RUNNING, '{{engine}}'),
    grafana('stat', 'vllm:cache_config_info', '{{num_gpu_blocks}}'),
    secondSchema({ kind: 'timeseries' }),
    perses('TimeSeriesChart'),
    perses('StatChart', '{{instance}} {{engine}}'),
  ])('has it, or shows several: %j', async (dashboard) => {
    expect(await rules(dashboard)).toEqual([]);
  });
});
