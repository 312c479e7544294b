/**
 * Explanations side by side: models, GPUs or lengths, one row each.
 */
import type { CapacityExplanation } from '../../capacity/explain/explain-capacity.ts';
import { withThousands as n, toFixed2 } from '../../shared/python/float.ts';
import { type Column, PAGE_WIDTH, type Palette, table, wrap } from '../text-layout.ts';

interface Row {
  readonly model: string;
  readonly gpu: string;
  readonly length: string;
  readonly memory: string;
  readonly groups: string;
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
  const names = (['model', 'gpu', 'length'] as const).filter(
    (name) => name === 'length' || new Set(rows.map((row) => row[name])).size > 1,
  );
  const shared = (['model', 'gpu'] as const).filter((name) => !names.includes(name));
  const title = shared.map((name) => rows[0]?.[name] ?? '').filter((text) => text !== '');
  const columns: (Column & { readonly key: keyof Row })[] = [
    ...names.map((name) => NAME_COLUMNS[name]),
    { key: 'memory', title: 'KV GiB', align: 'right' },
    { key: 'groups', title: 'groups', align: 'right' },
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
    palette.bold(title.length > 0 ? title.join(' on ') : 'Capacity'),
    ...table(columns, fitNames(columns, cells), { palette }),
    palette.dim(
      'x: requests of max_model_len at a time; naive: num_gpu_blocks × block_size / tokens',
    ),
    ...failures,
  ];
}

const NAME_COLUMNS = {
  model: { key: 'model', title: 'model', align: 'left' },
  gpu: { key: 'gpu', title: 'GPU', align: 'left' },
  length: { key: 'length', title: 'max_model_len', align: 'right' },
} as const;

function toRow(explanation: CapacityExplanation): Row {
  const { model, gpu, config, plan, naive, memory } = explanation;
  const numGpus = memory.length > 1 ? `${memory.length} × ` : '';
  const smallest = Math.min(...memory.map(({ available_bytes }) => available_bytes));
  const names = {
    model: model?.name ?? 'explicit layers',
    gpu: gpu === null ? '' : `${numGpus}${gpu.name}`,
    memory: (smallest / 2 ** 30).toFixed(2),
  };
  if (!plan.ok) {
    const length = n(config.max_model_len);
    return {
      ...names,
      length,
      groups: '',
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
    groups: String(plan.groups.length),
    blocks: n(plan.num_blocks),
    concurrency: concurrency === null ? '-' : toFixed2(concurrency),
    tokens: tokens === null ? '-' : n(tokens),
    naive: naive === null ? '-' : `${toFixed2(naive.factor)}x`,
  };
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
