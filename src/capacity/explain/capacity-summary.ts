/**
 * A plan with its reasons: what `explain` shows and `explainCapacity` returns. Plain JSON; names are vLLM's.
 */
import type { PlannerConfigRecord } from '../file/capacity-record.ts';
import type { GroupingRule } from '../plan/grouping.ts';
import type { CapacityAnswerRecord } from './plan-record.ts';

/** Layers of one spec, as the model's workers report them. */
export interface LayerSummary {
  /** `sliding_window(1024)`. */
  readonly label: string;
  readonly kind: string;
  readonly num_layers: number;
  readonly dtype: string;
  /** Tokens. */
  readonly block_size: number;
  /** Of one layer, before pages are unified; null where the spec's sizes contradict each other, and the plan fails. */
  readonly page_size_bytes: number | null;
  readonly is_draft: boolean;
}

/** Groups of the same spec and number of layers. */
export interface GroupSummary {
  readonly label: string;
  readonly kind: string;
  readonly num_groups: number;
  /** In the whole model; a pipeline stage holds a part. */
  readonly num_layers_per_group: number;
  readonly block_size: number;
  /** Of one layer; several for pages of several sizes. */
  readonly page_sizes_bytes: readonly number[];
  /** Per group. */
  readonly blocks_per_request: number;
  /** How blocks_per_request comes about. */
  readonly formula: string;
}

export interface CapacitySummary {
  readonly layers: readonly LayerSummary[];
  /** Null where the plan failed before the layers were grouped for good. */
  readonly grouping: { readonly rule: GroupingRule; readonly reason: string } | null;
  readonly groups: readonly GroupSummary[];
  /** num_gpu_blocks × block_size, and how many times the capacity that is; null without a capacity. */
  readonly naive: { readonly tokens: number; readonly factor: number } | null;
  readonly config: PlannerConfigRecord;
  /** The plan, or vLLM's error. */
  readonly plan: CapacityAnswerRecord;
}
