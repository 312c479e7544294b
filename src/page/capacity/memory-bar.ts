/** The memory of a worker's GPU, cut into what takes it; in the order in which the budget takes it away. */
import type { Explanation } from './explanation.ts';

export type MemoryUse =
  | 'weights'
  | 'activation'
  | 'non_torch'
  | 'cuda_graph'
  | 'kv_cache'
  | 'kv_unused'
  | 'not_requested';

export interface MemorySegment {
  readonly use: MemoryUse;
  readonly label: string;
  readonly bytes: number;
  /** Of the whole bar, 0 to 1. */
  readonly share: number;
  /** How the figure comes about. */
  readonly why: string;
}

export interface MemoryBar {
  readonly worker: number;
  /** The whole bar: the GPU's memory, or more where more is asked for than there is. */
  readonly totalBytes: number;
  readonly segments: readonly MemorySegment[];
  /** How many bytes are missing; 0 where all fits. */
  readonly missingBytes: number;
}

/** One bar a worker. Empty segments are left out. */
export function memoryBars(explanation: Explanation): readonly MemoryBar[] {
  return explanation.memory.map((memory, index) => {
    const { plan } = explanation;
    const pool = plan.ok ? (plan.workers[index]?.pool_bytes ?? 0) : 0;
    const parts = partsOf(memory, pool, plan.ok);
    const used = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    const totalBytes = Math.max(memory.budget?.total_bytes ?? 0, used);
    return {
      worker: memory.worker,
      totalBytes,
      segments: parts
        .filter(({ bytes }) => bytes > 0)
        .map((part) => ({ ...part, share: part.bytes / totalBytes })),
      missingBytes: Math.max(0, -memory.available_bytes),
    };
  });
}

type Part = Omit<MemorySegment, 'share'>;

function partsOf(
  { available_bytes, budget }: Explanation['memory'][number],
  poolBytes: number,
  isPlanned: boolean,
): readonly Part[] {
  const cache: readonly Part[] = isPlanned
    ? [
        {
          use: 'kv_cache',
          label: 'KV cache',
          bytes: poolBytes,
          why: 'num_blocks × bytes per block',
        },
        {
          use: 'kv_unused',
          label: 'unused',
          bytes: Math.max(0, available_bytes - poolBytes),
          why: 'in no block: blocks are whole, workers have equally many, num_gpu_blocks_override may take fewer',
        },
      ]
    : [
        {
          use: 'kv_unused',
          label: 'left for the KV cache',
          bytes: Math.max(0, available_bytes),
          why: 'what the budget leaves; the plan failed',
        },
      ];
  if (budget === null) return cache;
  const { formulas } = budget;
  return [
    { use: 'weights', label: 'weights', bytes: budget.weights_bytes, why: formulas.weights },
    {
      use: 'activation',
      label: 'activation peak',
      bytes: budget.peak_activation_bytes,
      why: formulas.peak_activation,
    },
    {
      use: 'non_torch',
      label: 'outside torch',
      bytes: budget.non_torch_bytes,
      why: formulas.non_torch,
    },
    {
      use: 'cuda_graph',
      label: 'CUDA graphs',
      bytes: budget.cuda_graph_bytes,
      why: formulas.cuda_graph,
    },
    ...cache,
    {
      use: 'not_requested',
      label: 'not asked for',
      bytes: budget.total_bytes - budget.requested_bytes,
      why: 'total × (1 − gpu_memory_utilization)',
    },
  ];
}
