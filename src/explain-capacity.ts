/**
 * The library call: how many tokens a model's KV cache holds on a GPU, and why.
 */
import { type CapacitySummary, summarizeCapacity } from './engine-core/kv-cache/explanation.ts';
import type { CapacityInputRecord } from './shared/models/capacity-input.ts';

/** The model as it was understood. */
export interface ExplainedModel {
  readonly name: string;
  readonly architecture: string;
  /** Where its config comes from. */
  readonly source: string;
  readonly dtype: string;
  /** The length that the config gives, before --max-model-len and auto-fit. */
  readonly derived_max_model_len: number;
  readonly num_parameters: number;
}

export interface ExplainedGpu {
  readonly name: string;
  readonly memory_bytes: number;
}

/** One worker's memory in bytes. */
export interface ExplainedMemory {
  /** Rank. */
  readonly worker: number;
  /** For the KV cache: what is left of the budget, or what the input says. */
  readonly available_bytes: number;
  /** Null where the memory was given instead of being made up. */
  readonly budget: {
    readonly total_bytes: number;
    /** total × gpu_memory_utilization. */
    readonly requested_bytes: number;
    readonly weights_bytes: number;
    readonly peak_activation_bytes: number;
    readonly non_torch_bytes: number;
    readonly cuda_graph_bytes: number;
  } | null;
}

/** Everything that `explain --json` prints for one model on one GPU. */
export interface CapacityExplanation extends CapacitySummary {
  readonly schema_version: 1;
  /** Null for explicit layers. */
  readonly model: ExplainedModel | null;
  readonly gpu: ExplainedGpu | null;
  readonly memory: readonly ExplainedMemory[];
}

/** Explains explicit layers: the golden record's `input`, or a `--kv-cache-specs` file. */
export function explainInput(input: CapacityInputRecord): CapacityExplanation {
  return {
    schema_version: 1,
    model: null,
    gpu: null,
    memory: input.workers.map(({ available_memory }, worker) => ({
      worker,
      available_bytes: available_memory,
      budget: null,
    })),
    ...summarizeCapacity(input),
  };
}
