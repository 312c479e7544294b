/**
 * A plan with its reasons: what `explain` shows and `explainCapacity` returns. Plain JSON; names are vLLM's.
 */
import type {
  CapacityInputRecord,
  LayerSpecRecord,
  PlannerConfigRecord,
} from '../file/capacity-input.ts';
import { specFromRecord, specToRecord } from '../file/spec-record.ts';
import type { GroupingRule } from '../plan/grouping.ts';
import { KVCachePlanError } from '../plan/plan-error.ts';
import { type KVCachePlan, planKVCache } from '../plan/plan-kv-cache.ts';
import { blocksFormula, groupingReason, specLabel } from './explanation-words.ts';
import {
  type CapacityExpectedRecord,
  type CapacityPlanRecord,
  capacityFailure,
  planToExpected,
} from './plan-record.ts';

/** Layers of one spec, as the model's workers report them. */
export interface LayerSummary {
  /** `sliding_window(1024)`. */
  readonly label: string;
  readonly kind: string;
  readonly num_layers: number;
  readonly dtype: string;
  /** Tokens. */
  readonly block_size: number;
  /** Of one layer, before pages are unified. */
  readonly page_size_bytes: number;
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
  /** The plan in the golden format, or vLLM's error. */
  readonly plan: CapacityExpectedRecord;
}

/** Plans and explains. Throws only for an input that is none (E_BAD_FILE). */
export function summarizeCapacity(input: CapacityInputRecord): CapacitySummary {
  const layers = summarizeLayers(input);
  const { config } = input;
  let plan: KVCachePlan;
  try {
    plan = planKVCache(input);
  } catch (error) {
    if (!(error instanceof KVCachePlanError)) throw error;
    return {
      layers,
      grouping: null,
      groups: [],
      naive: null,
      config,
      plan: capacityFailure(error),
    };
  }
  const record = planToExpected(input, plan);
  const groups = summarizeGroups(record, config);
  const rule = plan.groupingRule;
  return {
    layers,
    grouping: { rule, reason: groupingReason(rule, { layers, groups, config, plan: record }) },
    groups,
    naive: naiveTokens(record),
    config,
    plan: record,
  };
}

/** Layers of all pipeline stages; tensor-parallel ranks hold the same ones. */
function summarizeLayers(input: CapacityInputRecord): LayerSummary[] {
  const counts = new Map<number, number>();
  const stages = new Set(input.workers.map((worker) => worker.layer_set));
  for (const stage of stages) {
    for (const [, spec] of input.layer_sets[stage] ?? []) {
      counts.set(spec, (counts.get(spec) ?? 0) + 1);
    }
  }
  return [...counts].flatMap(([index, count]) => {
    const given = input.spec_table[index];
    if (given === undefined) return [];
    const record = specToRecord(specFromRecord(given));
    return [
      {
        label: specLabel(record),
        kind: record.kind,
        num_layers: count,
        dtype: record.dtype ?? [...new Set(record.dtypes ?? [])].join('/'),
        block_size: record.block_size,
        page_size_bytes: record.page_size_bytes,
        is_draft: record.is_draft ?? false,
      },
    ];
  });
}

function summarizeGroups(plan: CapacityPlanRecord, config: PlannerConfigRecord): GroupSummary[] {
  const summaries: GroupSummary[] = [];
  for (const group of plan.groups) {
    const scheduled = plan.spec_table[group.scheduler_spec];
    if (scheduled === undefined) continue;
    const members = group.layer_specs ?? (group.spec === undefined ? [] : [group.spec]);
    const specs = [...new Set(members)]
      .map((index) => plan.spec_table[index])
      .filter((spec) => spec !== undefined);
    const summary: GroupSummary = {
      label: [...new Set(specs.map(specLabel))].join(' + '),
      kind: group.kind,
      num_groups: 1,
      num_layers_per_group: group.layer_names.length,
      block_size: group.block_size,
      page_sizes_bytes: [...new Set(specs.map(pageSize))],
      blocks_per_request: group.blocks_per_request,
      formula: blocksFormula(scheduled, config, plan.max_model_len),
    };
    const last = summaries.at(-1);
    const isLikeLast =
      last !== undefined && JSON.stringify({ ...last, num_groups: 1 }) === JSON.stringify(summary);
    if (isLikeLast) {
      summaries[summaries.length - 1] = { ...summary, num_groups: last.num_groups + 1 };
    } else {
      summaries.push(summary);
    }
  }
  return summaries;
}

function pageSize(spec: LayerSpecRecord): number {
  return (spec as LayerSpecRecord & { readonly page_size_bytes?: number }).page_size_bytes ?? 0;
}

function naiveTokens(plan: CapacityPlanRecord): CapacitySummary['naive'] {
  if (plan.kv_cache_size_tokens === null) return null;
  return { tokens: plan.naive_tokens, factor: plan.naive_tokens / plan.kv_cache_size_tokens };
}
