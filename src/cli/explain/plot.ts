/**
 * `explain --plot FILE.svg`: the table as a picture. ECharts draws SVG without a browser; it is loaded for this only.
 */
import { writeFileSync } from 'node:fs';
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { CapacityExplanation } from '../../capacity/explain/explain-capacity.ts';
import { ConfigError } from '../../shared/errors.ts';

const WIDTH = 900;
const HEIGHT = 520;

/** Told apart by readers who do not see colours as others do (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;

/** Writes the file. Throws E_BAD_FILE where it cannot be written. */
export function writePlot(file: string, explanations: readonly CapacityExplanation[]): void {
  const svg = plotSvg(explanations);
  try {
    writeFileSync(file, svg);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError('E_BAD_FILE', `--plot ${file}: cannot be written (${reason})`, { cause });
  }
}

/** Lines over max_model_len where there are several lengths, else bars per model and GPU. */
export function plotSvg(explanations: readonly CapacityExplanation[]): string {
  use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);
  const points = explanations.flatMap(toPoint);
  const hasLengths = new Set(points.map(({ length }) => length)).size > 1;
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      title: { text: 'KV cache capacity in tokens', left: 'center' },
      legend: { bottom: 8, type: 'plain', itemGap: 60 },
      grid: { left: 100, right: 40, top: 60, bottom: 90 },
      yAxis: { type: 'value', name: 'tokens', min: 0 },
      ...(hasLengths ? lineOptions(points) : barOptions(points)),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

interface Point {
  readonly name: string;
  readonly length: number;
  readonly tokens: number;
  readonly naive: number;
}

/** A plan that fails has no point. */
function toPoint({ model, gpu, plan }: CapacityExplanation): Point[] {
  if (!plan.ok || plan.kv_cache_size_tokens === null) return [];
  const name = [model?.name ?? 'explicit layers', ...(gpu === null ? [] : [gpu.name])].join(', ');
  return [
    {
      name,
      length: plan.max_model_len,
      tokens: plan.kv_cache_size_tokens,
      naive: plan.naive_tokens,
    },
  ];
}

function lineOptions(points: readonly Point[]): object {
  const names = [...new Set(points.map(({ name }) => name))];
  return {
    xAxis: {
      type: 'log',
      logBase: 2,
      name: 'max_model_len (tokens)',
      nameLocation: 'middle',
      nameGap: 32,
      min: Math.min(...points.map(({ length }) => length)),
      max: Math.max(...points.map(({ length }) => length)),
    },
    series: names.flatMap((name, i) => {
      const color = COLOURS[i % COLOURS.length];
      const own = points.filter((point) => point.name === name);
      return [
        { type: 'line', name, color, data: own.map(({ length, tokens }) => [length, tokens]) },
        {
          type: 'line',
          name: `${name}: blocks × block size`,
          color,
          lineStyle: { type: 'dashed' },
          data: own.map(({ length, naive }) => [length, naive]),
        },
      ];
    }),
  };
}

function barOptions(points: readonly Point[]): object {
  return {
    xAxis: { type: 'category', data: points.map(({ name }) => name) },
    series: [
      { type: 'bar', name: 'capacity', data: points.map(({ tokens }) => tokens) },
      { type: 'bar', name: 'blocks × block size', data: points.map(({ naive }) => naive) },
    ],
  };
}
