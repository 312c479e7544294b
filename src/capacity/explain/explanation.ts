/** Plans and explains: layers, groups and the reason for them, beside the plan itself. */
import { plannerConfigToRecord } from '../file/capacity-input.ts';
import type { CapacityInput } from '../plan/capacity-input.ts';
import { layerSpecsOf } from '../plan/kv-cache-group.ts';
import { KVCachePlanError } from '../plan/plan-error.ts';
import { type KVCachePlan, planKVCache } from '../plan/plan-kv-cache.ts';
import { PlanRuleError } from '../spec/rule-error.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import { pageSizeBytes } from '../spec/spec-size.ts';
import type { CapacitySummary, GroupSummary, LayerSummary } from './capacity-summary.ts';
import { blocksFormula, groupingReason, specLabel } from './explanation-words.ts';
import { failureToRecord, planToRecord } from './plan-record.ts';

/** Explains also a plan that fails, as far as it came. */
export function summarizeCapacity(input: CapacityInput): CapacitySummary {
  const layers = summarizeLayers(input);
  const config = plannerConfigToRecord(input.config);
  let plan: KVCachePlan;
  try {
    plan = planKVCache(input);
  } catch (error) {
    if (!(error instanceof KVCachePlanError)) throw error;
    const record = failureToRecord(error);
    return { layers, grouping: null, groups: [], naive: null, config, plan: record };
  }
  const groups = summarizeGroups(input, plan);
  const { layout, capacity, groupingRule: rule } = plan;
  const { disableHybridKvCacheManager } = input.config;
  return {
    layers,
    grouping: {
      rule,
      reason: groupingReason(rule, { layers, groups, layout, disableHybridKvCacheManager }),
    },
    groups,
    naive:
      capacity === null
        ? null
        : { tokens: plan.naiveTokens, factor: plan.naiveTokens / capacity.tokens },
    config,
    plan: planToRecord(input, plan),
  };
}

/** Layers of all pipeline stages; tensor-parallel ranks hold the same ones. */
function summarizeLayers(input: CapacityInput): LayerSummary[] {
  const counts = new Map<KVCacheSpec, number>();
  for (const layers of new Set(input.workers.map((worker) => worker.layers))) {
    for (const spec of layers.values()) counts.set(spec, (counts.get(spec) ?? 0) + 1);
  }
  return [...counts].map(([spec, count]) => ({
    label: specLabel(spec),
    kind: spec.kind,
    num_layers: count,
    dtype: spec.kind === 'mamba' ? [...new Set(spec.dtypes)].join('/') : spec.dtype,
    block_size: spec.blockSize,
    page_size_bytes: pageSizeOrNull(spec),
    is_draft: spec.isDraft,
  }));
}

function pageSizeOrNull(spec: KVCacheSpec): number | null {
  try {
    return pageSizeBytes(spec);
  } catch (error) {
    if (error instanceof PlanRuleError) return null;
    throw error;
  }
}

function summarizeGroups({ config }: CapacityInput, plan: KVCachePlan): GroupSummary[] {
  const summaries: GroupSummary[] = [];
  for (const [index, group] of plan.groups.entries()) {
    const scheduled = plan.schedulerConfig.groups[index]?.spec;
    if (scheduled === undefined) continue;
    const specs = layerSpecsOf(group.spec);
    const summary: GroupSummary = {
      label: [...new Set(specs.map(specLabel))].join(' + '),
      kind: group.spec.kind,
      num_groups: 1,
      num_layers_per_group: group.layerNames.length,
      block_size: group.spec.blockSize,
      page_sizes_bytes: [...new Set(specs.map(pageSizeBytes))],
      blocks_per_request: plan.blocksPerRequest[index] ?? 0,
      formula: blocksFormula(scheduled, { ...config, maxModelLen: plan.maxModelLen }),
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
