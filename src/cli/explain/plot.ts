/**
 * `explain --plot FILE.svg`: the table as a picture. Lines over max_model_len where there are several lengths, else bars
 * per model and GPU; beside each capacity the naive figure, blocks × block size. Pure but for writing the file.
 */
import { writeFileSync } from 'node:fs';
import type { CapacityExplanation } from '../../capacity/explain/explain-capacity.ts';
import { ConfigError, reasonOf } from '../../shared/errors.ts';
import { withThousands } from '../../shared/python/float.ts';

const WIDTH = 900;
const PLOT = { left: 110, right: 860, top: 60, bottom: 400 } as const;
const ROW_HEIGHT = 20;

/** Told apart by readers who do not see colours as others do (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;
const NAIVE_COLOUR = '#999999';

/** Writes the file. Throws E_BAD_FILE where it cannot be written. */
export function writePlot(file: string, explanations: readonly CapacityExplanation[]): void {
  const svg = plotSvg(explanations);
  try {
    writeFileSync(file, svg);
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigError('E_BAD_FILE', `--plot ${file}: cannot be written (${reason})`, { cause });
  }
}

interface Point {
  readonly name: string;
  readonly length: number;
  readonly tokens: number;
  readonly naive: number;
}

interface LegendRow {
  readonly mark: string;
  readonly text: string;
}

/** A whole SVG document; a plan that fails has no point in it. */
export function plotSvg(explanations: readonly CapacityExplanation[]): string {
  const points = explanations.flatMap(toPoint);
  const hasLengths = new Set(points.map(({ length }) => length)).size > 1;
  const top = niceCeiling(Math.max(1, ...points.flatMap(({ tokens, naive }) => [tokens, naive])));
  const y = (tokens: number): number =>
    round(PLOT.bottom - (tokens / top) * (PLOT.bottom - PLOT.top));
  const { marks, legend } = hasLengths ? lines(points, y) : bars(points, y);
  const height = PLOT.bottom + 70 + legend.length * ROW_HEIGHT;
  const rows = legend.map(({ mark, text: label }, index) => {
    const at = PLOT.bottom + 70 + index * ROW_HEIGHT;
    return `<g transform="translate(${PLOT.left} ${at})">${mark}${text({ x: 40, y: 0, label })}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>KV cache capacity in tokens</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text({ x: WIDTH / 2, y: 30, label: 'KV cache capacity in tokens', anchor: 'middle', size: 18 }),
    ...gridLines(top, y),
    ...marks,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

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

type Scale = (tokens: number) => number;
type Drawing = { readonly marks: readonly string[]; readonly legend: readonly LegendRow[] };

/** One solid line per model and GPU, and a dashed one for its naive figure; lengths on a logarithmic axis. */
function lines(points: readonly Point[], y: Scale): Drawing {
  const lengths = [...new Set(points.map(({ length }) => length))].sort((a, b) => a - b);
  const first = Math.log2(lengths[0] ?? 1);
  const span = Math.log2(lengths.at(-1) ?? 2) - first;
  const x = (length: number): number =>
    round(PLOT.left + ((Math.log2(length) - first) / span) * (PLOT.right - PLOT.left));
  const ticks = lengths.map((length) =>
    text({ x: x(length), y: PLOT.bottom + 18, label: withThousands(length), anchor: 'middle' }),
  );
  const axis = text({
    x: (PLOT.left + PLOT.right) / 2,
    y: PLOT.bottom + 40,
    label: 'max_model_len (tokens)',
    anchor: 'middle',
  });
  const marks = [...ticks, axis];
  const legend: LegendRow[] = [];
  for (const [index, name] of [...new Set(points.map((point) => point.name))].entries()) {
    const colour = COLOURS[index % COLOURS.length];
    const own = points.filter((point) => point.name === name).sort((a, b) => a.length - b.length);
    for (const [label, key, dash] of [
      [name, 'tokens', ''],
      [`${name}: blocks × block size`, 'naive', ' stroke-dasharray="6 4"'],
    ] as const) {
      const path = own.map((point) => `${x(point.length)},${y(point[key])}`).join(' ');
      const style = `fill="none" stroke="${colour}" stroke-width="2"${dash}`;
      marks.push(`<polyline points="${path}" ${style}><title>${xmlText(label)}</title></polyline>`);
      legend.push({ mark: `<path d="M0 -4H30" ${style}/>`, text: label });
    }
  }
  return { marks, legend };
}

/** Two bars per model and GPU: the capacity, and the naive figure. */
function bars(points: readonly Point[], y: Scale): Drawing {
  const slot = (PLOT.right - PLOT.left) / Math.max(1, points.length);
  const width = round(Math.min(80, slot / 3));
  const marks = points.flatMap(({ name, tokens, naive }, index) => {
    const middle = round(PLOT.left + slot * (index + 0.5));
    const bar = (left: number, value: number, fill: string): string =>
      `<rect x="${left}" y="${y(value)}" width="${width}" height="${round(PLOT.bottom - y(value))}" fill="${fill}"><title>${xmlText(name)}: ${withThousands(value)}</title></rect>`;
    return [
      bar(middle - width, tokens, COLOURS[0]),
      bar(middle, naive, NAIVE_COLOUR),
      text({ x: middle, y: PLOT.bottom + 18, label: name, anchor: 'middle' }),
    ];
  });
  const square = (fill: string): string => `<rect y="-10" width="12" height="12" fill="${fill}"/>`;
  const legend = [
    { mark: square(COLOURS[0]), text: 'capacity' },
    { mark: square(NAIVE_COLOUR), text: 'blocks × block size' },
  ];
  return { marks, legend };
}

const NUM_GRID_STEPS = 5;

function gridLines(top: number, y: Scale): string[] {
  return Array.from({ length: NUM_GRID_STEPS + 1 }, (_, step) => {
    const tokens = (top * step) / NUM_GRID_STEPS;
    const at = y(tokens);
    return (
      `<path d="M${PLOT.left} ${at}H${PLOT.right}" stroke="#dddddd"/>` +
      text({ x: PLOT.left - 8, y: at + 4, label: withThousands(tokens), anchor: 'end' })
    );
  });
}

/** The next of 1, 2, 2.5 or 5 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5, 10].find((step) => value <= step * power) ?? 10) * power;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function text(options: {
  readonly x: number;
  readonly y: number;
  readonly label: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
}): string {
  const { x, y, label, anchor = 'start', size = 12 } = options;
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="#333333">${xmlText(label)}</text>`;
}

function xmlText(label: string): string {
  return label.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
