/**
 * An explanation for a person: memory, layers, groups, pool, one request, capacity, in the order of the computation.
 */

import type { GroupSummary } from '../../capacity/explain/capacity-summary.ts';
import type {
  CapacityExplanation,
  ExplainedMemory,
} from '../../capacity/explain/explain-capacity.ts';
import type {
  CapacityPlanRecord,
  CapacityWorkerRecord,
} from '../../capacity/explain/plan-record.ts';
import { withThousands as n, toFixed2 } from '../../shared/python/float.ts';
import { type Palette, spread, table, wrap } from '../text-layout.ts';

/** Lines of at most 80 columns. */
export function explanationLines(explanation: CapacityExplanation, palette: Palette): string[] {
  const { plan } = explanation;
  const sections = [
    titleLines(explanation, palette),
    memoryLines(explanation, palette),
    layerLines(explanation, palette),
  ];
  if (plan.ok) {
    sections.push(groupLines(explanation, palette));
    if (plan.groups.length > 0) {
      sections.push(
        poolLines(explanation, plan, palette),
        requestLines(explanation, plan, palette),
        capacityLines(explanation, plan, palette),
      );
    }
  } else {
    sections.push([
      palette.bold('The plan fails, as it does in vLLM'),
      ...wrap(`${plan.error_type}: ${plan.error}`, '  ').map(palette.warn),
    ]);
  }
  const { warnings = [] } = plan;
  if (warnings.length > 0) {
    sections.push([
      palette.bold('Warnings of the planner'),
      ...warnings.flatMap((warning) => wrap(warning, '  ')),
    ]);
  }
  return sections.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]));
}

function titleLines(explanation: CapacityExplanation, palette: Palette): string[] {
  const { model, gpu, config, plan } = explanation;
  const numGpus = explanation.memory.length;
  const length = plan.ok ? plan.max_model_len : config.max_model_len;
  const fitted =
    plan.ok && plan.auto_fit_reduced ? ` (fitted; ${n(config.max_model_len)} asked)` : '';
  const title = `${model?.name ?? 'Explicit layers'}${gpu === null ? '' : ` on ${numGpus} × ${gpu.name}`}`;
  const facts = [
    ...(model === null
      ? []
      : [model.architecture, `${billions(model.num_parameters)} parameters`, model.dtype]),
    `max_model_len ${n(length)}${fitted}`,
    ...parallelism(explanation),
  ];
  return [palette.bold(title), ...wrap(facts.join(', '), ''), ...quantizationLines(model)];
}

/** What a quantized checkpoint is, and what it saves. */
function quantizationLines(model: CapacityExplanation['model']): string[] {
  const quantization = model?.quantization ?? null;
  if (quantization === null) return [];
  const { method, description, weights_bytes: own, plain_weights_bytes: plain } = quantization;
  const saved = plain - own;
  const share = plain === 0 ? 0 : Math.round((100 * Math.abs(saved)) / plain);
  const verdict =
    saved >= 0 ? `${gib(saved)} GiB (${share} %) saved` : `${gib(-saved)} GiB (${share} %) more`;
  return wrap(
    `quantized by ${method} (${description}): ${gib(own)} GiB of weights on each tensor rank instead of ${gib(plain)} ` +
      `unquantized, ${verdict}`,
  );
}

function parallelism({ config }: CapacityExplanation): string[] {
  const sizes = [
    ['TP', config.tensor_parallel_size],
    ['PP', config.pipeline_parallel_size],
    ['DCP', config.decode_context_parallel_size],
  ] as const;
  return sizes.filter(([, size]) => size > 1).map(([name, size]) => `${name} ${size}`);
}

function billions(count: number): string {
  return count >= 1e9
    ? `${(count / 1e9).toFixed(1)} billion`
    : `${Math.round(count / 1e6)} million`;
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2);
}

/** Workers with the same numbers share one table. */
function memoryLines(explanation: CapacityExplanation, palette: Palette): string[] {
  const alike = new Map<string, ExplainedMemory[]>();
  for (const memory of explanation.memory) {
    const { worker: _, ...numbers } = memory;
    const key = JSON.stringify(numbers);
    alike.set(key, [...(alike.get(key) ?? []), memory]);
  }
  return [...alike.values()].flatMap((members, i) => {
    const [memory] = members;
    if (memory === undefined) return [];
    const ranks = members.map(({ worker }) => worker).join(', ');
    const whose =
      alike.size === 1
        ? explanation.memory.length === 1
          ? ''
          : ' of each worker'
        : ` of worker${members.length === 1 ? '' : 's'} ${ranks}`;
    return [...(i === 0 ? [] : ['']), ...budgetTable(memory, whose, palette)];
  });
}

function budgetTable(memory: ExplainedMemory, whose: string, palette: Palette): string[] {
  const { budget } = memory;
  const rows: { name: string; bytes: number; formula?: string }[] = [];
  if (budget !== null) {
    const utilization = (budget.requested_bytes / budget.total_bytes).toFixed(2);
    const { formulas } = budget;
    rows.push(
      { name: 'GPU', bytes: budget.total_bytes },
      { name: `× gpu_memory_utilization ${utilization}`, bytes: budget.requested_bytes },
      { name: '- weights', bytes: budget.weights_bytes, formula: formulas.weights },
      {
        name: '- activation peak',
        bytes: budget.peak_activation_bytes,
        formula: formulas.peak_activation,
      },
      { name: '- outside torch', bytes: budget.non_torch_bytes, formula: formulas.non_torch },
      { name: '- CUDA graphs', bytes: budget.cuda_graph_bytes, formula: formulas.cuda_graph },
    );
  }
  const name = budget === null ? 'KV cache (given)' : '= KV cache';
  const error = budget?.expected_error ?? null;
  rows.push({
    name,
    bytes: memory.available_bytes,
    ...(error === null ? {} : { formula: error }),
  });
  return [
    palette.bold(`Memory${whose}`),
    ...rows.flatMap(({ name, bytes, formula }) => [
      ...spread(`  ${name}`, `${n(bytes)} bytes  ${gib(bytes).padStart(7)} GiB`),
      ...(formula === undefined ? [] : wrap(formula, '      ').map(palette.dim)),
    ]),
  ];
}

function layerLines({ layers }: CapacityExplanation, palette: Palette): string[] {
  if (layers.length === 0) return [palette.bold('Layers'), '  none has a KV cache'];
  return [
    palette.bold('Layers as the model reports them'),
    ...table(
      [
        { title: 'kind', align: 'left' },
        { title: 'dtype', align: 'left' },
        { title: 'block', align: 'right' },
        { title: 'page bytes', align: 'right' },
      ],
      layers.map((layer) => [
        `${layer.num_layers} × ${layer.label}${layer.is_draft ? ' (draft)' : ''}`,
        layer.dtype,
        n(layer.block_size),
        layer.page_size_bytes === null ? '-' : n(layer.page_size_bytes),
      ]),
      { indent: '  ', palette },
    ),
  ];
}

function groupLines({ grouping, groups }: CapacityExplanation, palette: Palette): string[] {
  const lines = [palette.bold('Groups'), ...wrap(grouping?.reason ?? '', '  ')];
  if (groups.length === 0) return lines;
  return [
    ...lines,
    ...table(
      [
        { title: 'groups', align: 'right' },
        { title: 'kind', align: 'left' },
        { title: 'layers each', align: 'right' },
        { title: 'block', align: 'right' },
        { title: 'page bytes', align: 'right' },
      ],
      groups.map((group) => [
        String(group.num_groups),
        shorten(group.label, 38),
        String(group.num_layers_per_group),
        n(group.block_size),
        pageText(group),
      ]),
      { indent: '  ', palette },
    ),
  ];
}

function pageText({ page_sizes_bytes: sizes }: GroupSummary): string {
  return sizes.length <= 1 ? n(sizes[0] ?? 0) : `${sizes.length} sizes`;
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 3)}...`;
}

function poolLines(
  explanation: CapacityExplanation,
  plan: CapacityPlanRecord,
  palette: Palette,
): string[] {
  const lines = [palette.bold('Pool')];
  const distinct = distinctWorkers(plan.workers);
  for (const { worker, ranks } of distinct) {
    const who = distinct.length === 1 ? '' : `worker ${ranks.join(', ')}: `;
    lines.push(
      ...spread(`  ${who}bytes per block, the largest group's`, n(worker.bytes_per_block)),
    );
    const available = (worker.check_memory_bytes ?? 0) + worker.bytes_per_block;
    const isOverridden = explanation.config.num_gpu_blocks_override !== null;
    const blocks = isOverridden
      ? `  ${who}num_gpu_blocks_override`
      : `  ${who}blocks = ${n(available)} / ${n(worker.bytes_per_block)}`;
    lines.push(...spread(blocks, n(worker.local_num_blocks ?? 0)));
  }
  const smallest = distinct.length === 1 ? '' : ', the fewest of all workers';
  lines.push(
    ...spread(`  num_gpu_blocks${smallest} (one is the null block)`, n(plan.num_blocks)),
    ...spread(`  physical layout`, plan.layout),
  );
  return lines;
}

function distinctWorkers(
  workers: readonly CapacityWorkerRecord[],
): { worker: CapacityWorkerRecord; ranks: number[] }[] {
  const distinct: { worker: CapacityWorkerRecord; ranks: number[] }[] = [];
  for (const [rank, worker] of workers.entries()) {
    const known = distinct.find(
      (entry) =>
        entry.worker.bytes_per_block === worker.bytes_per_block &&
        entry.worker.check_memory_bytes === worker.check_memory_bytes,
    );
    if (known === undefined) distinct.push({ worker, ranks: [rank] });
    else known.ranks.push(rank);
  }
  return distinct;
}

function requestLines(
  { groups }: CapacityExplanation,
  plan: CapacityPlanRecord,
  palette: Palette,
): string[] {
  const lines = [palette.bold(`Blocks of one request of ${n(plan.max_model_len)} tokens`)];
  for (const { group, numGroups } of alikePerRequest(groups)) {
    const each = n(group.blocks_per_request);
    const isOne = numGroups === 1;
    const times = isOne ? '' : `${numGroups} × `;
    const product = isOne ? '' : ` = ${numGroups} × ${each}`;
    const label = `  ${times}${shorten(group.label, 44)}${product}`;
    lines.push(
      ...spread(label, n(numGroups * group.blocks_per_request)),
      ...wrap(`${group.formula} = ${each}`, '      ').map(palette.dim),
    );
  }
  lines.push(...spread('  together', n(plan.total_blocks_per_request)));
  return lines;
}

/** Groups that take the same blocks for the same reason, whatever the number of their layers. */
function alikePerRequest(
  groups: readonly GroupSummary[],
): { group: GroupSummary; numGroups: number }[] {
  const alike = new Map<string, { group: GroupSummary; numGroups: number }>();
  for (const group of groups) {
    const key = `${group.label} ${group.formula} ${group.blocks_per_request}`;
    const numGroups = (alike.get(key)?.numGroups ?? 0) + group.num_groups;
    alike.set(key, { group, numGroups });
  }
  return [...alike.values()];
}

function capacityLines(
  { naive }: CapacityExplanation,
  plan: CapacityPlanRecord,
  palette: Palette,
): string[] {
  const concurrency = plan.kv_cache_max_concurrency ?? 0;
  const lines = [
    palette.bold('Capacity'),
    ...spread(
      `  maximum concurrency = ${n(plan.num_blocks)} / ${n(plan.total_blocks_per_request)}`,
      `${toFixed2(concurrency)}x`,
    ),
    ...spread(
      `  KV cache size = int(${plan.kv_cache_max_concurrency_repr} × ${n(plan.max_model_len)})`,
      `${n(plan.kv_cache_size_tokens ?? 0)} tokens`,
      palette.bold,
    ),
  ];
  if (naive === null) return lines;
  const isRight = Math.abs(naive.factor - 1) < 0.005;
  return [
    ...lines,
    ...spread(
      `  naive: num_gpu_blocks × block_size = ${n(plan.num_blocks)} × ${n(plan.cache_block_size)}`,
      `${n(naive.tokens)} tokens`,
    ),
    ...spread('', naiveVerdict(naive.factor), isRight ? undefined : palette.warn),
  ];
}

/** How wrong the naive product is, in words. */
export function naiveVerdict(factor: number): string {
  if (Math.abs(factor - 1) < 0.005) return 'which is right here';
  return factor > 1
    ? `${toFixed2(factor)} times too many`
    : `${toFixed2(1 / factor)} times too few`;
}
