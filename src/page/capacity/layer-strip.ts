/** The model's layers in its own order, each with the KV cache group that holds it. */
import type { Explanation } from './explanation.ts';

export interface LayerCell {
  /** As the model names it. */
  readonly name: string;
  /** Index among the plan's groups. */
  readonly group: number;
}

/** By the number in a layer's name, then by group; empty where the plan failed. */
export function layerStrip({ plan }: Explanation): readonly LayerCell[] {
  if (!plan.ok) return [];
  const cells = plan.groups.flatMap(({ layer_names }, group) =>
    layer_names.map((name) => ({ name, group })),
  );
  return cells
    .map((cell) => ({ cell, at: numberIn(cell.name) }))
    .sort((a, b) => a.at - b.at || a.cell.group - b.cell.group)
    .map(({ cell }) => cell);
}

/** A row for each kind of layer. */
export interface LayerRow {
  readonly label: string;
  readonly cells: readonly (LayerCell & {
    /** Its place in the model. */
    readonly column: number;
  })[];
}

/** The strip, split by the labels of the explanation's groups. */
export function layerRows(explanation: Explanation): {
  readonly numLayers: number;
  readonly rows: readonly LayerRow[];
} {
  const cells = layerStrip(explanation).map((cell, column) => ({ ...cell, column }));
  const labels = new Map(
    groupRows(explanation).flatMap(({ group, indices }) =>
      indices.map((index) => [index, group.label] as const),
    ),
  );
  const rows = [...new Set(labels.values())].map((label) => ({
    label,
    cells: cells.filter(({ group }) => labels.get(group) === label),
  }));
  return { numLayers: cells.length, rows };
}

/** `model.layers.12.self_attn.attn` → 12; last where there is none. */
function numberIn(name: string): number {
  const digits = /\.(\d+)(?:\.|$)/.exec(name)?.[1];
  return digits === undefined ? Number.MAX_SAFE_INTEGER : Number(digits);
}

/** Groups of the explanation, each with the indices among the plan's groups that it stands for. */
export function groupRows({ groups }: Explanation): readonly {
  readonly group: Explanation['groups'][number];
  readonly indices: readonly number[];
}[] {
  let next = 0;
  return groups.map((group) => {
    const first = next;
    next += group.num_groups;
    return { group, indices: Array.from({ length: group.num_groups }, (_, at) => first + at) };
  });
}
