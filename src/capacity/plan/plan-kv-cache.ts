/**
 * The whole plan of a model's KV cache: from each worker's layers and memory to groups, pool and capacity.
 * Pure and synchronous. The engine process, `explain` and the tests all call this one function.
 * Source: vllm/v1/engine/core.py EngineCore._initialize_kv_caches (0.33.0).
 */
import type { KVCacheConfig } from '../spec/kv-cache-config.ts';
import { PlanRuleError } from '../spec/rule-error.ts';
import type { RequestLimits } from '../spec/spec-size.ts';
import { getKVCacheCapacity, type KVCacheCapacity } from './capacity.ts';
import type { CapacityInput, PlannerConfig } from './capacity-input.ts';
import { type GroupingRule, getGlobalKVCacheGroups } from './grouping.ts';
import {
  resolveCacheBlockSize,
  resolveCacheHitAlignmentTokens,
  resolveHashBlockSizes,
  validateBlockSize,
} from './hash-block-sizes.ts';
import { groupBlocksPerRequest, type PlannedGroup, representativeSpec } from './kv-cache-group.ts';
import { type KVCacheLayout, resolveKVCacheLayout } from './layout.ts';
import { KVCachePlanError, type PlanStage } from './plan-error.ts';
import { type PlannedPool, planWorkers, type WorkerPlan } from './worker-plan.ts';

export interface KVCachePlan {
  readonly layout: KVCacheLayout;
  /** The whole model's groups in order. */
  readonly groups: readonly PlannedGroup[];
  readonly groupingRule: GroupingRule;
  /** The scheduler's view: worker 0's groups, a uniform type represented by its first layer. */
  readonly schedulerConfig: KVCacheConfig;
  /** In rank order. Empty groups and no bytes for a model without layers. */
  readonly workers: readonly WorkerPlan[];
  /** num_gpu_blocks: the null block included. */
  readonly numBlocks: number;
  /** Blocks that one request of maxModelLen tokens can hold in each group. */
  readonly blocksPerRequest: readonly number[];
  readonly totalBlocksPerRequest: number;
  /** Null without groups (attention free). */
  readonly capacity: KVCacheCapacity | null;
  /** After auto-fit. */
  readonly maxModelLen: number;
  readonly autoFitReduced: boolean;
  /** Memory of the worker that limits auto-fit, without the null block; null without auto-fit, or without groups. */
  readonly autoFitMemoryBytes: number | null;
  /** cache_config.block_size after planning. */
  readonly cacheBlockSize: number;
  readonly schedulerBlockSize: number;
  readonly hashBlockSize: number;
  readonly cacheHitAlignmentTokens: number;
  /** num_gpu_blocks × block_size: what the capacity would be if every group held every token. For comparison only. */
  readonly naiveTokens: number;
  /** Both are off with any non-causal layer. */
  readonly enablePrefixCaching: boolean;
  readonly enableChunkedPrefill: boolean;
  /** The WARNING lines of vLLM's planner, in order. */
  readonly warnings: readonly string[];
}

/** Throws KVCachePlanError (E_KV_CACHE) with vLLM's words. */
export function planKVCache(input: CapacityInput): KVCachePlan {
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
  };
  const at: AtStage = (stage, work) => {
    try {
      return work();
    } catch (error) {
      if (error instanceof PlanRuleError) throw new KVCachePlanError(error, stage, warnings);
      throw error;
    }
  };

  const { config, workers } = input;
  const layerSpecs = workers.flatMap(({ layers }) => [...layers.values()]);
  const isNonCausal = layerSpecs.some((spec) => 'nonCausal' in spec && spec.nonCausal);
  const enablePrefixCaching = config.enablePrefixCaching && !isNonCausal;

  const layout = at('resolve_kv_cache_layout', () =>
    resolveKVCacheLayout({
      supported: input.layout.supported,
      requested: input.layout.requested,
      numWorkers: workers.length,
      specs: layerSpecs,
    }),
  );
  const { groups, rule: groupingRule } = at('get_global_kv_cache_groups', () =>
    getGlobalKVCacheGroups(
      workers.map(({ layers }) => layers),
      {
        layout,
        disableHybridKvCacheManager: config.disableHybridKvCacheManager,
        numPrefillLookaheadTokens: config.numPrefillLookaheadTokens,
        speculative: config.speculative,
        warn,
      },
    ),
  );
  const pool = at('get_kv_cache_configs', () =>
    groups.length === 0
      ? emptyPool(workers.length, config.maxModelLen)
      : planWorkers(groups, workers, {
          layout,
          numGpuBlocksOverride: config.numGpuBlocksOverride,
          autoFitMaxModelLen: config.autoFitMaxModelLen,
          limits: config,
          maxModelLen: config.maxModelLen,
        }),
  );
  const { maxModelLen } = pool;
  const numBlocks = pool.workers[0]?.numBlocks ?? 1;
  const schedulerConfig = createSchedulerConfig(pool.workers[0]?.groups ?? [], numBlocks);
  const limits: RequestLimits = { ...config, maxModelLen };
  const blocksPerRequest = at('update_kv_cache_capacity', () =>
    schedulerConfig.groups.map(({ spec }) => groupBlocksPerRequest(spec, limits)),
  );
  const totalBlocksPerRequest = blocksPerRequest.reduce((sum, blocks) => sum + blocks, 0);
  const capacity =
    groups.length === 0
      ? null
      : at('update_kv_cache_capacity', () =>
          getKVCacheCapacity({ numBlocks, blocksPerRequest: totalBlocksPerRequest, maxModelLen }),
        );

  const tokenSizes = resolveTokenSizes(schedulerConfig.groups, {
    config,
    enablePrefixCaching,
    at,
    warn,
  });
  return {
    layout,
    groups,
    groupingRule,
    schedulerConfig,
    workers: pool.workers,
    numBlocks,
    blocksPerRequest,
    totalBlocksPerRequest,
    capacity,
    maxModelLen,
    autoFitReduced: maxModelLen !== config.maxModelLen,
    autoFitMemoryBytes: pool.autoFitMemoryBytes,
    ...tokenSizes,
    naiveTokens: numBlocks * tokenSizes.cacheBlockSize,
    enablePrefixCaching,
    enableChunkedPrefill: config.enableChunkedPrefill && !isNonCausal,
    warnings,
  };
}

/** Runs a step of the plan and says which one failed. */
type AtStage = <Result>(stage: PlanStage, work: () => Result) => Result;

function resolveTokenSizes(
  groups: KVCacheConfig['groups'],
  context: {
    config: PlannerConfig;
    enablePrefixCaching: boolean;
    at: AtStage;
    warn: (message: string) => void;
  },
): Pick<
  KVCachePlan,
  'cacheBlockSize' | 'schedulerBlockSize' | 'hashBlockSize' | 'cacheHitAlignmentTokens'
> {
  const { config, enablePrefixCaching, at, warn } = context;
  const cacheBlockSize = resolveCacheBlockSize(groups, config.initialBlockSize);
  const decodeContextParallelSize = config.decodeContextParallelSize;
  at('validate_block_size', () =>
    validateBlockSize({
      cacheBlockSize,
      decodeContextParallelSize,
      interleaveSize: config.cpKvCacheInterleaveSize,
    }),
  );
  const options = {
    groups,
    cacheBlockSize,
    enablePrefixCaching,
    prefixMatchUnit: config.prefixMatchUnit,
    decodeContextParallelSize,
  };
  const sizes = at('resolve_kv_cache_block_sizes', () => resolveHashBlockSizes(options));
  const cacheHitAlignmentTokens = at('resolve_cache_hit_alignment_tokens', () =>
    resolveCacheHitAlignmentTokens(options, sizes, warn),
  );
  return { cacheBlockSize, ...sizes, cacheHitAlignmentTokens };
}

/** A model without layers: one block in every worker, because the block pool always needs its null block. */
function emptyPool(numWorkers: number, maxModelLen: number): PlannedPool {
  const worker: WorkerPlan = {
    groups: [],
    bytesPerBlock: 0,
    localNumBlocks: 1,
    checkMemoryBytes: 0,
    neededMemoryBytes: 0,
    numBlocks: 1,
    poolBytes: 0,
    tensors: [],
  };
  return {
    workers: Array<WorkerPlan>(numWorkers).fill(worker),
    maxModelLen,
    autoFitMemoryBytes: null,
  };
}

function createSchedulerConfig(groups: readonly PlannedGroup[], numBlocks: number): KVCacheConfig {
  return {
    numBlocks,
    groups: groups.map(({ layerNames, spec, isEagleGroup }) => ({
      layerNames,
      spec: representativeSpec(spec),
      isEagleGroup,
    })),
  };
}
