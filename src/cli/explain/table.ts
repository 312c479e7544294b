/**
 * Explanations side by side: models, GPUs or lengths, one row each.
 */
import type { CapacityExplanation } from '../../capacity/explain/explain-capacity.ts';
import { withThousands as n, toFixed2 } from '../../shared/python/float.ts';
import { type Column, PAGE_WIDTH, type Palette, table, wrap } from '../text-layout.ts';

interface Row {
  readonly model: string;
  readonly gpu: string;
  /** How the weights are stored: the quantization's name, or the dtype. */
  readonly stored: string;
  readonly length: string;
  readonly weights: string;
  readonly memory: string;
  readonly blocks: string;
  readonly concurrency: string;
  readonly tokens: string;
  readonly naive: string;
}

/** Only what differs gets a column for its name; the rest is said once above. */
export function comparisonLines(
  explanations: readonly CapacityExplanation[],
  palette: Palette,
): string[] {
  const rows = explanations.map(toRow);
  const names = (['model', 'stored', 'gpu', 'length'] as const).filter(
    (name) => new Set(rows.map((row) => row[name])).size > 1,
  );
  const columns: (Column & { readonly key: keyof Row })[] = [
    ...names.map((name) => NAME_COLUMNS[name]),
    { key: 'weights', title: 'weights', align: 'right' },
    { key: 'memory', title: 'KV GiB', align: 'right' },
    { key: 'blocks', title: 'blocks', align: 'right' },
    { key: 'concurrency', title: 'x', align: 'right' },
    { key: 'tokens', title: 'tokens', align: 'right' },
    { key: 'naive', title: 'naive', align: 'right' },
  ];
  const cells = rows.map((row) => columns.map(({ key }) => row[key]));
  const failures = explanations.flatMap((explanation, i) => {
    if (explanation.plan.ok) return [];
    const { error_type, error } = explanation.plan;
    const name = names.map((key) => rows[i]?.[key]).join(', ');
    return ['', ...wrap(`${name}: ${error_type}: ${error}`).map(palette.warn)];
  });
  return [
    palette.bold(titleOf(rows, names)),
    ...table(columns, fitNames(columns, cells), { palette }),
    palette.dim('weights, KV: GiB per GPU; x: requests of max_model_len at a time;'),
    palette.dim('naive: num_gpu_blocks × block_size / tokens'),
    ...failures,
  ];
}

/** What all rows have in common. */
function titleOf(rows: readonly Row[], names: readonly (keyof Row)[]): string {
  const [first] = rows;
  const shared = (name: keyof Row): string => (names.includes(name) ? '' : (first?.[name] ?? ''));
  const place = [shared('model'), shared('gpu')].filter((text) => text !== '').join(' on ');
  const length = shared('length');
  return `${place === '' ? 'Capacity' : place}${length === '' ? '' : `, max_model_len ${length}`}`;
}

const NAME_COLUMNS = {
  model: { key: 'model', title: 'model', align: 'left' },
  stored: { key: 'stored', title: 'stored', align: 'left' },
  gpu: { key: 'gpu', title: 'GPU', align: 'left' },
  length: { key: 'length', title: 'max_model_len', align: 'right' },
} as const;

function toRow(explanation: CapacityExplanation): Row {
  const { model, gpu, config, plan, naive, memory } = explanation;
  const numGpus = memory.length > 1 ? `${memory.length} × ` : '';
  const smallest = Math.min(...memory.map(({ available_bytes }) => available_bytes));
  const names = {
    model: model?.name ?? 'explicit layers',
    gpu: gpu === null ? '' : `${numGpus}${gpu.name.replace(/^(NVIDIA|AMD) /, '')}`,
    stored: model?.quantization?.method ?? model?.dtype ?? '',
    weights: weightsOf(memory),
    memory: (smallest / 2 ** 30).toFixed(2),
  };
  if (!plan.ok) {
    const length = n(config.max_model_len);
    return {
      ...names,
      length,
      blocks: '',
      concurrency: '',
      tokens: 'fails',
      naive: '',
    };
  }
  const { kv_cache_max_concurrency: concurrency, kv_cache_size_tokens: tokens } = plan;
  return {
    ...names,
    length: n(plan.max_model_len),
    blocks: n(plan.num_blocks),
    concurrency: concurrency === null ? '-' : toFixed2(concurrency),
    tokens: tokens === null ? '-' : n(tokens),
    naive: naive === null ? '-' : `${toFixed2(naive.factor)}x`,
  };
}

/** Of the worker that holds the most; nothing where the memory was given. */
function weightsOf(memory: CapacityExplanation['memory']): string {
  const bytes = memory.flatMap(({ budget }) => (budget === null ? [] : [budget.weights_bytes]));
  return bytes.length === 0 ? '-' : (Math.max(...bytes) / 2 ** 30).toFixed(2);
}

/** Cuts long names until the table fits the page. */
function fitNames(columns: readonly Column[], cells: readonly string[][]): string[][] {
  const widthOf = (rows: readonly string[][]): number =>
    columns.reduce(
      (sum, { title }, i) =>
        sum + Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)) + (i > 0 ? 2 : 0),
      0,
    );
  let rows = cells.map((row) => [...row]);
  const left = columns.flatMap(({ align }, i) => (align === 'left' ? [i] : []));
  while (widthOf(rows) > PAGE_WIDTH) {
    const longest = Math.max(...left.flatMap((i) => rows.map((row) => row[i]?.length ?? 0)));
    if (!Number.isFinite(longest) || longest <= 8) break;
    rows = rows.map((row) =>
      row.map((cell, i) =>
        left.includes(i) && cell.length >= longest ? `${cell.slice(0, longest - 2)}~` : cell,
      ),
    );
  }
  return rows;
}
