/**
 * What /metrics of older versions of vLLM has other than that of the next newer one, newest first: so each table is the sum
 * of those before it. Of the families that are served here; recorded from each version's own package.
 * Source: vllm/v1/metrics/loggers.py, vllm/config/cache.py of each version.
 */

export interface OlderMetrics {
  readonly version: string;
  /** Families of the next newer version that this one has not; counters without `_total`. */
  readonly lacks: readonly string[];
  /** Labels of `vllm:cache_config_info`: those that it has not, and those of its own with their value at the defaults. */
  readonly cacheConfigInfo: {
    readonly lacks: readonly string[];
    readonly has: Readonly<Record<string, string>>;
  };
}

export const OLDER_METRICS = [
  {
    version: '0.32.0',
    lacks: [],
    cacheConfigInfo: { lacks: ['simple_cpu_offload_num_blocks'], has: {} },
  },
  {
    version: '0.31.0',
    lacks: [
      'vllm:admission_rejections',
      'vllm:prompt_tokens_cached_by_source',
      'vllm:sleep_mode_operation_duration_seconds',
      'vllm:sleep_mode_operations_in_flight',
    ],
    cacheConfigInfo: {
      lacks: ['hash_block_size', 'cache_hit_alignment_tokens'],
      has: { user_specified_mamba_block_size: 'False' },
    },
  },
  {
    version: '0.30.0',
    lacks: [],
    cacheConfigInfo: {
      lacks: [
        'enable_mamba_shared_prefix_checkpoint',
        'effective_attention_block_size',
        'swa_bounded_replay',
      ],
      has: { enable_mamba_fine_grained_prefix_cache: 'False' },
    },
  },
  {
    version: '0.28.0',
    lacks: ['vllm:request_num_preemptions'],
    cacheConfigInfo: {
      lacks: [
        'kv_cache_layout',
        'prefix_cache_retention_interval',
        'enable_mamba_fine_grained_prefix_cache',
        'use_kda_recoverssm',
      ],
      has: {},
    },
  },
  {
    version: '0.26.0',
    lacks: [],
    cacheConfigInfo: {
      lacks: ['replayssm_buffer_len', 'use_replayssm'],
      has: { calculate_kv_scales: 'False' },
    },
  },
  {
    version: '0.24.0',
    lacks: [],
    cacheConfigInfo: {
      lacks: ['prefix_match_unit', 'skip_page_size_padded'],
      has: { hash_block_size: 'None' },
    },
  },
  {
    version: '0.20.0',
    lacks: ['vllm:tool_call_parser_invocations'],
    cacheConfigInfo: { lacks: ['kv_cache_size_tokens', 'kv_cache_max_concurrency'], has: {} },
  },
] as const satisfies readonly OlderMetrics[];

export type OlderVersion = (typeof OLDER_METRICS)[number]['version'];

export const OLDER_VERSIONS: readonly OlderVersion[] = OLDER_METRICS.map(({ version }) => version);

/** The differences from the reference version to this one, in the order in which they add up. */
export function differencesTo(version: OlderVersion): readonly OlderMetrics[] {
  return OLDER_METRICS.slice(0, OLDER_VERSIONS.indexOf(version) + 1);
}
