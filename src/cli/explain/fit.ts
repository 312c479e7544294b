/**
 * `explain MODEL --fit --concurrency N --tokens M`: which GPUs hold the model, as a table or JSON.
 */
import { type Fit, type FitQuestion, type FitRow, findFit } from '../../capacity/explain/fit.ts';
import type { ModelOptions } from '../../capacity/models/model-options.ts';
import { withThousands as n, toFixed2 } from '../../shared/python/float.ts';
import type { CliIo } from '../cli-io.ts';
import {
  COLOUR_PALETTE,
  type Column,
  PAGE_WIDTH,
  type Palette,
  PLAIN_PALETTE,
  table,
  wrap,
} from '../text-layout.ts';

/** Exit code 1 where nothing fits. */
export function explainFit(
  options: ModelOptions,
  question: FitQuestion,
  io: CliIo,
  isJson: boolean,
): number {
  const fit = findFit(options, question);
  const palette = io.colours ? COLOUR_PALETTE : PLAIN_PALETTE;
  const lines = isJson ? [JSON.stringify(fit, null, 2)] : fitLines(fit, palette, question);
  io.stdout(`${lines.join('\n')}\n`);
  return fit.rows.some(({ fits }) => fits) ? 0 : 1;
}

const COLUMNS: readonly Column[] = [
  { title: 'GPUs', align: 'left' },
  { title: 'weights', align: 'right' },
  { title: 'KV cache', align: 'right' },
  { title: 'tokens', align: 'right' },
  { title: 'at a time', align: 'right' },
];

/** Lines of at most 80 columns. One line a GPU, unless it was asked for by name: its smallest size that fits. */
export function fitLines(
  fit: Fit,
  palette: Palette,
  question: Pick<FitQuestion, 'gpus' | 'tensorParallelSizes'>,
): string[] {
  const isWhole = question.gpus === undefined && question.tensorParallelSizes === undefined;
  const rows = isWhole ? onePerGpu(fit.rows) : fit.rows;
  const fitting = rows.filter(({ fits }) => fits);
  const others = rows.filter(({ fits }) => !fits);
  return [
    palette.bold(
      `${fit.model}: ${n(fit.concurrency)} ${fit.concurrency === 1 ? 'request' : 'requests'} of ${n(fit.tokens)} tokens at a time`,
    ),
    ...(fitting.length === 0
      ? ['No GPU of the catalogue holds them, not even eight.']
      : table(COLUMNS, fitting.map(cellsOf), { palette })),
    palette.dim('weights, KV cache: GiB per GPU; tokens, requests: of all of them together'),
    ...otherLines(others, palette),
  ];
}

/** Its first row that fits, or the last one that does not: the most GPUs. */
function onePerGpu(rows: readonly FitRow[]): FitRow[] {
  const shown = new Map<string, FitRow>();
  for (const row of rows) {
    const before = shown.get(row.gpu);
    if (before?.fits !== true) shown.set(row.gpu, keepKnown(before, row));
  }
  const all = [...shown.values()];
  return [...all.filter(({ fits }) => fits), ...all.filter(({ fits }) => !fits)];
}

/** A size that vLLM refuses says less than one that is planned. */
function keepKnown(before: FitRow | undefined, row: FitRow): FitRow {
  return before !== undefined && row.weights_bytes === null ? before : row;
}

function cellsOf(row: FitRow): string[] {
  const { weights_bytes: weights, kv_cache_bytes: cache, kv_cache_size_tokens: tokens } = row;
  return [
    gpusOf(row),
    weights === null ? '-' : gib(weights),
    cache === null ? '-' : gib(cache),
    tokens === null ? '-' : n(tokens),
    row.max_concurrency === null ? '-' : `${toFixed2(row.max_concurrency)}`,
  ];
}

function gpusOf({ gpu, tensor_parallel_size: size }: FitRow): string {
  return `${size} × ${gpu}`;
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2);
}

/** Those for one reason share a paragraph. */
function otherLines(rows: readonly FitRow[], palette: Palette): string[] {
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map((row) => gpusOf(row).length));
  return [
    '',
    palette.bold('Do not fit'),
    ...rows.flatMap((row) => {
      const [first = '', ...more] = wrap(row.reason ?? '', '', PAGE_WIDTH - width - 2);
      const indent = ' '.repeat(width + 2);
      return [`${gpusOf(row).padEnd(width)}  ${first}`, ...more.map((line) => indent + line)];
    }),
  ];
}
