/**
 * The labels of `vllm:cache_config_info`: the cache config's fields as Python prints them, one child per engine.
 * Source: vllm/config/cache.py CacheConfig.metrics_info, vllm/v1/engine/core_client.py (0.28.0 to 0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import { pythonFloatRepr } from '../../shared/python/float.ts';
import { pyStr } from '../../shared/python/str.ts';

/** Which engine's capacity a child shows: its own, or (as vLLM 0.33.0) the first engine's that reported. */
export type DpMetricsMode = 'per-engine' | 'vllm';

/** What the frontend itself knows of the cache config: its flags and the model. */
export interface CacheConfigSettings {
  /** The user gave --block-size. */
  readonly userSpecifiedBlockSize: boolean;
  readonly gpuMemoryUtilization: number;
  readonly cacheDtype: string;
  readonly isAttentionFree: boolean;
  /** One value for all engines, or a value per rank where --engine-overrides makes them differ. */
  readonly numGpuBlocksOverride: number | null | ReadonlyMap<EngineIndex, number | null>;
  /** Tokens; only of models whose layers all slide. */
  readonly slidingWindow: number | null;
  readonly enablePrefixCaching: boolean;
  readonly prefixCachingHashAlgo: string;
  readonly prefixCacheRetentionInterval: number | null;
  readonly prefixMatchUnit: number | null;
  readonly kvCacheDtypeSkipLayers: readonly string[];
  readonly mambaPageSizePadded: number | null;
  /** The frontend's own, before an engine has said its. */
  readonly mambaBlockSize: number | null;
  /** The user gave --mamba-block-size. */
  readonly userSpecifiedMambaBlockSize: boolean;
  readonly mambaCacheDtype: string;
  readonly mambaSsmCacheDtype: string;
  readonly mambaCacheMode: string;
  readonly kvCacheMemoryBytes: number | null;
  /** GiB. */
  readonly kvOffloadingSize: number | null;
  readonly kvOffloadingBackend: string;
}

export interface CacheConfigInfoOptions {
  readonly mode: DpMetricsMode;
  /** Those of another version, in its order; null or absent: our own version's. */
  readonly labelNames?: readonly string[] | null;
}

/**
 * One label set per engine, in the order of `engines`. `engines` is in order of arrival: in `vllm` mode the first
 * one's capacity stands on every child. `num_gpu_blocks` is the sum over all engines in both modes.
 */
export function cacheConfigInfo(
  engines: ReadonlyMap<EngineIndex, EngineCoreReadyResponse>,
  settings: CacheConfigSettings,
  { mode, labelNames = null }: CacheConfigInfoOptions,
): readonly Readonly<Record<string, string>>[] {
  const first = engines.values().next().value;
  if (first === undefined) return [];
  let numGpuBlocks = 0;
  for (const engine of engines.values()) numGpuBlocks += engine.numGpuBlocks;
  return [...engines].map(([index, own]) => {
    const shown = mode === 'vllm' ? first : own;
    const options = { index, shown, numGpuBlocks, settings, mode };
    return labelNames === null ? labelsOf(options) : labelsOfVersion(labelNames, options);
  });
}

interface ChildOptions {
  readonly index: EngineIndex;
  readonly shown: EngineCoreReadyResponse;
  readonly numGpuBlocks: number;
  readonly settings: CacheConfigSettings;
  readonly mode: DpMetricsMode;
}

function labelsOf({
  index,
  shown,
  numGpuBlocks,
  settings,
  mode,
}: ChildOptions): Record<string, string> {
  return {
    block_size: pyStr(shown.blockSize),
    user_specified_block_size: pyStr(settings.userSpecifiedBlockSize),
    kv_cache_layout: 'None',
    prefix_match_unit: pyStr(settings.prefixMatchUnit),
    gpu_memory_utilization: pythonFloatRepr(settings.gpuMemoryUtilization),
    cache_dtype: settings.cacheDtype,
    is_attention_free: pyStr(settings.isAttentionFree),
    num_gpu_blocks_override: pyStr(numGpuBlocksOverrideOf(settings, index, mode)),
    sliding_window: pyStr(settings.slidingWindow),
    enable_prefix_caching: pyStr(settings.enablePrefixCaching),
    prefix_caching_hash_algo: settings.prefixCachingHashAlgo,
    prefix_cache_retention_interval: pyStr(settings.prefixCacheRetentionInterval),
    kv_cache_dtype_skip_layers: pyStr(settings.kvCacheDtypeSkipLayers),
    mamba_page_size_padded: pyStr(settings.mambaPageSizePadded),
    skip_page_size_padded: 'None',
    mamba_block_size: pyStr(shown.mambaBlockSize),
    mamba_cache_dtype: settings.mambaCacheDtype,
    mamba_ssm_cache_dtype: settings.mambaSsmCacheDtype,
    mamba_cache_mode: settings.mambaCacheMode,
    enable_mamba_shared_prefix_checkpoint: 'False',
    replayssm_buffer_len: '16',
    use_replayssm: 'False',
    use_kda_recoverssm: 'False',
    num_gpu_blocks: pyStr(numGpuBlocks),
    num_cpu_blocks: 'None',
    simple_cpu_offload_num_blocks: 'None',
    effective_attention_block_size: pyStr(shown.effectiveAttentionBlockSize),
    kv_cache_size_tokens: pyStr(shown.kvCacheSizeTokens),
    kv_cache_max_concurrency:
      shown.kvCacheMaxConcurrency === null ? 'None' : pythonFloatRepr(shown.kvCacheMaxConcurrency),
    hash_block_size: 'None',
    cache_hit_alignment_tokens: 'None',
    kv_sharing_fast_prefill: 'False',
    swa_bounded_replay: 'True',
    kv_cache_memory_bytes: pyStr(settings.kvCacheMemoryBytes),
    kv_offloading_size:
      settings.kvOffloadingSize === null ? 'None' : pythonFloatRepr(settings.kvOffloadingSize),
    kv_offloading_backend: settings.kvOffloadingBackend,
    _block_size_resolved: 'True',
    engine: String(index),
  };
}

/** `names` in their order. Throws on a label that no version from 0.28.0 on has: its value is not known here. */
function labelsOfVersion(
  names: readonly string[],
  options: ChildOptions,
): Readonly<Record<string, string>> {
  const { settings } = options;
  const known: Readonly<Record<string, string>> = {
    ...labelsOf(options),
    user_specified_mamba_block_size: pyStr(settings.userSpecifiedMambaBlockSize),
    enable_mamba_fine_grained_prefix_cache: 'False',
    // Before 0.30.0 engines do not say theirs. That came together with this label.
    ...(names.includes('kv_cache_layout')
      ? {}
      : { mamba_block_size: pyStr(settings.mambaBlockSize) }),
  };
  return Object.fromEntries(
    names.map((name) => {
      const value = known[name];
      assert(value !== undefined, () => `vllm:cache_config_info has no label ${name} here`);
      return [name, value];
    }),
  );
}

/**
 * A frontend of unequal engines has no override of its own (in vLLM each engine's command has it), so that `vllm`
 * mode shows None there and `per-engine` mode each engine's value.
 */
function numGpuBlocksOverrideOf(
  { numGpuBlocksOverride }: CacheConfigSettings,
  index: EngineIndex,
  mode: DpMetricsMode,
): number | null {
  if (numGpuBlocksOverride === null || typeof numGpuBlocksOverride === 'number')
    return numGpuBlocksOverride;
  return mode === 'vllm' ? null : (numGpuBlocksOverride.get(index) ?? null);
}
