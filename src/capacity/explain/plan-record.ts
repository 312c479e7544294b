/**
 * A plan as plain JSON: what `explain --case --json` prints, and the last part of an explanation. Names are vLLM's.
 */

import { pythonFloatRepr } from '../../shared/python/float.ts';
import type { LayerSpecRecord } from '../file/capacity-record.ts';
import { plannedSpecToRecord } from '../file/spec-record.ts';
import type { CapacityInput } from '../plan/capacity-input.ts';
import { groupPageSizeBytes, type PlannedGroup } from '../plan/kv-cache-group.ts';
import { KVCachePlanError } from '../plan/plan-error.ts';
import { type KVCachePlan, planKVCache } from '../plan/plan-kv-cache.ts';
import type { WorkerPlan } from '../plan/worker-plan.ts';
import { maxMemoryUsageBytes, type RequestLimits } from '../spec/spec-size.ts';
import { SpecTable } from '../spec/spec-table.ts';
import {
  getKVCacheSpecKind,
  getKVCacheSpecSlidingWindow,
  isPrefixCacheable,
} from '../spec/spec-traits.ts';

export interface CapacityGroupRecord {
  readonly kind: string;
  readonly block_size: number;
  /** Of one layer; of all layers together for a uniform type. */
  readonly page_size_bytes: number;
  readonly layer_names: readonly string[];
  /** Index into spec_table; a uniform type has `layer_specs` instead, one per layer. */
  readonly spec?: number;
  readonly layer_specs?: readonly number[];
  readonly is_eagle_group?: true;
  readonly scheduler_spec: number;
  readonly spec_kind: string;
  readonly spec_sliding_window?: number;
  readonly prefix_cacheable: boolean;
  readonly max_memory_usage_bytes: number;
  readonly blocks_per_request: number;
}

export interface CapacityWorkerRecord {
  readonly bytes_per_block: number;
  readonly local_num_blocks?: number;
  readonly check_memory_bytes?: number;
  readonly needed_memory_bytes?: number;
  readonly num_blocks: number;
  readonly pool_bytes?: number;
  /** With pipeline parallelism only. */
  readonly group_layer_names?: readonly (readonly string[])[];
  readonly group_page_size_bytes?: readonly number[];
}

export interface CapacityPlanRecord {
  readonly ok: true;
  readonly layout: string;
  readonly groups: readonly CapacityGroupRecord[];
  readonly spec_table: readonly LayerSpecRecord[];
  readonly workers: readonly CapacityWorkerRecord[];
  readonly num_blocks: number;
  readonly num_gpu_blocks: number;
  readonly blocks_per_request: readonly number[];
  readonly total_blocks_per_request: number;
  readonly kv_cache_size_tokens: number | null;
  readonly kv_cache_max_concurrency: number | null;
  /** The same as Python's repr. */
  readonly kv_cache_max_concurrency_repr: string | null;
  readonly max_model_len: number;
  readonly auto_fit_reduced: boolean;
  readonly cache_block_size: number;
  readonly scheduler_block_size: number;
  readonly hash_block_size: number;
  readonly cache_hit_alignment_tokens: number;
  readonly naive_tokens: number;
  readonly enable_prefix_caching: boolean;
  readonly enable_chunked_prefill: boolean;
  readonly warnings?: readonly string[];
}

export interface CapacityFailureRecord {
  readonly ok: false;
  readonly error_type: string;
  readonly error: string;
  readonly stage: string;
  readonly warnings?: readonly string[];
}

export type CapacityAnswerRecord = CapacityPlanRecord | CapacityFailureRecord;

/** Plans and reports, also where the plan fails. */
export function answerCapacity(input: CapacityInput): CapacityAnswerRecord {
  try {
    return planToRecord(input, planKVCache(input));
  } catch (error) {
    if (!(error instanceof KVCachePlanError)) throw error;
    return failureToRecord(error);
  }
}

export function failureToRecord(error: KVCachePlanError): CapacityFailureRecord {
  const { errorType, message, stage, warnings } = error;
  return {
    ok: false,
    error_type: errorType,
    error: message,
    stage,
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

export function planToRecord(input: CapacityInput, plan: KVCachePlan): CapacityPlanRecord {
  const table = new SpecTable();
  const groups = plan.groups.map((group, index) =>
    groupRecord(group, index, { input, plan, table }),
  );
  const concurrency = plan.capacity?.maxConcurrency ?? null;
  const hasStages = input.config.pipelineParallelSize > 1;
  return {
    ok: true,
    layout: plan.layout,
    groups,
    spec_table: table.specs.map(plannedSpecToRecord),
    workers: plan.workers.map((worker) => workerRecord(worker, hasStages)),
    num_blocks: plan.numBlocks,
    num_gpu_blocks: plan.numBlocks,
    blocks_per_request: plan.blocksPerRequest,
    total_blocks_per_request: plan.totalBlocksPerRequest,
    kv_cache_size_tokens: plan.capacity?.tokens ?? null,
    kv_cache_max_concurrency: concurrency,
    kv_cache_max_concurrency_repr: concurrency === null ? null : pythonFloatRepr(concurrency),
    max_model_len: plan.maxModelLen,
    auto_fit_reduced: plan.autoFitReduced,
    cache_block_size: plan.cacheBlockSize,
    scheduler_block_size: plan.schedulerBlockSize,
    hash_block_size: plan.hashBlockSize,
    cache_hit_alignment_tokens: plan.cacheHitAlignmentTokens,
    naive_tokens: plan.naiveTokens,
    enable_prefix_caching: plan.enablePrefixCaching,
    enable_chunked_prefill: plan.enableChunkedPrefill,
    ...(plan.warnings.length > 0 ? { warnings: plan.warnings } : {}),
  };
}

function groupRecord(
  group: PlannedGroup,
  index: number,
  context: { input: CapacityInput; plan: KVCachePlan; table: SpecTable },
): CapacityGroupRecord {
  const { input, plan, table } = context;
  const { spec, layerNames } = group;
  const specs =
    spec.kind === 'uniform_type'
      ? { layer_specs: [...spec.layers.values()].map((layer) => table.indexOf(layer)) }
      : { spec: table.indexOf(spec) };
  const scheduled = plan.schedulerConfig.groups[index]?.spec;
  if (scheduled === undefined) throw new Error(`group ${index} has no scheduler spec`);
  const window = getKVCacheSpecSlidingWindow(scheduled);
  const limits: RequestLimits = { ...input.config, maxModelLen: plan.maxModelLen };
  return {
    kind: spec.kind,
    block_size: spec.blockSize,
    page_size_bytes: groupPageSizeBytes(spec),
    layer_names: layerNames,
    ...specs,
    ...(group.isEagleGroup ? { is_eagle_group: true } : {}),
    scheduler_spec: table.indexOf(scheduled),
    spec_kind: getKVCacheSpecKind(scheduled),
    ...(window === null ? {} : { spec_sliding_window: window }),
    prefix_cacheable: isPrefixCacheable(scheduled),
    max_memory_usage_bytes: maxMemoryUsageBytes(scheduled, limits),
    blocks_per_request: plan.blocksPerRequest[index] ?? 0,
  };
}

function workerRecord(worker: WorkerPlan, hasStages: boolean): CapacityWorkerRecord {
  const { bytesPerBlock, numBlocks, groups } = worker;
  if (groups.length === 0) return { bytes_per_block: bytesPerBlock, num_blocks: numBlocks };
  return {
    bytes_per_block: bytesPerBlock,
    local_num_blocks: worker.localNumBlocks,
    check_memory_bytes: worker.checkMemoryBytes,
    needed_memory_bytes: worker.neededMemoryBytes,
    num_blocks: numBlocks,
    pool_bytes: worker.poolBytes,
    ...(hasStages
      ? {
          group_layer_names: groups.map(({ layerNames }) => layerNames),
          group_page_size_bytes: groups.map(({ spec }) => groupPageSizeBytes(spec)),
        }
      : {}),
  };
}
