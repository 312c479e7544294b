import { describe, expect, it } from 'vitest';
import {
  type CacheConfigSettings,
  cacheConfigInfo,
  type DpMetricsMode,
} from '../../../../src/frontend/metrics/cache-config-info.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from '../../../support/cache-config-settings.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';

function infoOf({
  settings = {},
  mode = 'per-engine',
  arrival = [0],
}: {
  settings?: Partial<CacheConfigSettings>;
  mode?: DpMetricsMode;
  arrival?: readonly number[];
} = {}): readonly Readonly<Record<string, string>>[] {
  const engines = new Map(
    arrival.map((rank) => [
      rank,
      createReadyResponse({
        dataParallelRank: rank,
        blockSize: 16 * (rank + 1),
        numGpuBlocks: 100 * (rank + 1),
        kvCacheMaxConcurrency: rank + 2,
        mambaBlockSize: 8 * (rank + 1),
      }),
    ]),
  );
  return cacheConfigInfo(engines, { ...DEFAULT_CACHE_CONFIG_SETTINGS, ...settings }, { mode });
}

describe('the labels of the cache config', () => {
  it("are vLLM's fields with their defaults as Python prints them", () => {
    expect(infoOf()).toEqual([
      {
        block_size: '16',
        user_specified_block_size: 'False',
        kv_cache_layout: 'None',
        prefix_match_unit: 'None',
        gpu_memory_utilization: '0.92',
        cache_dtype: 'auto',
        is_attention_free: 'False',
        num_gpu_blocks_override: 'None',
        sliding_window: 'None',
        enable_prefix_caching: 'True',
        prefix_caching_hash_algo: 'sha256',
        prefix_cache_retention_interval: '0',
        kv_cache_dtype_skip_layers: '[]',
        mamba_page_size_padded: 'None',
        skip_page_size_padded: 'None',
        mamba_block_size: '8',
        mamba_cache_dtype: 'auto',
        mamba_ssm_cache_dtype: 'auto',
        mamba_cache_mode: 'none',
        enable_mamba_shared_prefix_checkpoint: 'False',
        replayssm_buffer_len: '16',
        use_replayssm: 'False',
        use_kda_recoverssm: 'False',
        num_gpu_blocks: '100',
        num_cpu_blocks: 'None',
        simple_cpu_offload_num_blocks: 'None',
        effective_attention_block_size: '16',
        kv_cache_size_tokens: '16400',
        kv_cache_max_concurrency: '2.0',
        hash_block_size: 'None',
        cache_hit_alignment_tokens: 'None',
        kv_sharing_fast_prefill: 'False',
        swa_bounded_replay: 'True',
        kv_cache_memory_bytes: 'None',
        kv_offloading_size: 'None',
        kv_offloading_backend: 'native',
        _block_size_resolved: 'True',
        engine: '0',
      },
    ]);
  });

  it('show what the flags and the model say', () => {
    const [info] = infoOf({
      settings: {
        userSpecifiedBlockSize: true,
        gpuMemoryUtilization: 1,
        cacheDtype: 'fp8',
        isAttentionFree: true,
        numGpuBlocksOverride: 64,
        slidingWindow: 4096,
        enablePrefixCaching: false,
        prefixCachingHashAlgo: 'xxhash',
        prefixCacheRetentionInterval: null,
        prefixMatchUnit: 32,
        kvCacheDtypeSkipLayers: ['sliding_window', '3'],
        mambaPageSizePadded: 512,
        mambaCacheDtype: 'float32',
        mambaSsmCacheDtype: 'float16',
        mambaCacheMode: 'align',
        kvCacheMemoryBytes: 1 << 20,
        kvOffloadingSize: 2,
        kvOffloadingBackend: 'lmcache',
      },
    });
    expect(info).toMatchObject({
      user_specified_block_size: 'True',
      gpu_memory_utilization: '1.0',
      cache_dtype: 'fp8',
      is_attention_free: 'True',
      num_gpu_blocks_override: '64',
      sliding_window: '4096',
      enable_prefix_caching: 'False',
      prefix_caching_hash_algo: 'xxhash',
      prefix_cache_retention_interval: 'None',
      prefix_match_unit: '32',
      kv_cache_dtype_skip_layers: "['sliding_window', '3']",
      mamba_page_size_padded: '512',
      mamba_cache_dtype: 'float32',
      mamba_ssm_cache_dtype: 'float16',
      mamba_cache_mode: 'align',
      kv_cache_memory_bytes: '1048576',
      kv_offloading_size: '2.0',
      kv_offloading_backend: 'lmcache',
    });
  });

  it.each([
    ['per-engine', ['32', '16'], ['16', '8'], ['3.0', '2.0']],
    ['vllm', ['32', '32'], ['16', '16'], ['3.0', '3.0']],
  ] as const)(
    'show in %s mode whose capacity it says, in order of arrival',
    (mode, blockSizes, mambaBlockSizes, concurrencies) => {
      const info = infoOf({ mode, arrival: [1, 0] });
      expect(info.map((labels) => labels['engine'])).toEqual(['1', '0']);
      expect(info.map((labels) => labels['block_size'])).toEqual(blockSizes);
      expect(info.map((labels) => labels['mamba_block_size'])).toEqual(mambaBlockSizes);
      expect(info.map((labels) => labels['kv_cache_max_concurrency'])).toEqual(concurrencies);
      expect(info.map((labels) => labels['num_gpu_blocks'])).toEqual(['300', '300']);
    },
  );

  it('show one override in both modes, overrides of single ranks per engine only', () => {
    const overrides = (
      mode: DpMetricsMode,
      numGpuBlocksOverride: number | ReadonlyMap<number, number>,
    ) =>
      infoOf({ mode, arrival: [0, 1], settings: { numGpuBlocksOverride } }).map(
        (labels) => labels['num_gpu_blocks_override'],
      );
    expect(overrides('vllm', 5)).toEqual(['5', '5']);
    expect(overrides('per-engine', 5)).toEqual(['5', '5']);
    expect(overrides('vllm', new Map([[1, 200]]))).toEqual(['None', 'None']);
    expect(overrides('per-engine', new Map([[1, 200]]))).toEqual(['None', '200']);
  });

  it('have no concurrency where an engine told none', () => {
    const engine = createReadyResponse({ kvCacheMaxConcurrency: null });
    const [info] = cacheConfigInfo(new Map([[0, engine]]), DEFAULT_CACHE_CONFIG_SETTINGS, {
      mode: 'vllm',
    });
    expect(info?.['kv_cache_max_concurrency']).toBe('None');
  });

  it('are none without engines', () => {
    expect(cacheConfigInfo(new Map(), DEFAULT_CACHE_CONFIG_SETTINGS, { mode: 'vllm' })).toEqual([]);
  });
});
