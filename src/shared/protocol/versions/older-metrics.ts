/**
 * What /metrics of older versions of vLLM has other than that of the next newer one, newest first: so each table is the sum
 * of those before it. Of the families that are served here and shown by default, by the V1 engine.
 * From 0.20.0 on it is recorded from each version's own package, labels of `vllm:cache_config_info` included. Before it the
 * names of families are known alone, from each version's source; the last of several versions with the same ones is here.
 * Source: vllm/v1/metrics/loggers.py, vllm/config/cache.py of each version.
 */

export interface OlderMetrics {
  readonly version: string;
  /** Families of the next newer version that this one has not; counters without `_total`. */
  readonly lacks: readonly string[];
  /** Families that the next newer version has not, or with another help text. */
  readonly has?: readonly OldFamily[];
  /**
   * Labels of `vllm:cache_config_info`: those that it has not, and those of its own with their value at the defaults.
   * Absent: not known.
   */
  readonly cacheConfigInfo?: {
    readonly lacks: readonly string[];
    readonly has: Readonly<Record<string, string>>;
  };
}

/** A family of an older version, made from one of the next newer version: its type, buckets and labels are the same. */
export interface OldFamily {
  readonly name: string;
  readonly help: string;
  /** Whose figures it shows: that family under its older name, or itself with another help text. */
  readonly like: string;
  /** Counters alone: it shows 0, because nothing counts any more what it told. */
  readonly stays0?: true;
}

const GPU_CACHE_USAGE = 'GPU KV-cache usage. 1 means 100 percent usage.';
const TIME_PER_OUTPUT_TOKEN = 'Histogram of time per output token in seconds.';

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
  {
    version: '0.19.0',
    lacks: ['vllm:num_requests_waiting_by_reason'],
    has: [
      {
        name: 'vllm:prompt_tokens_recomputed',
        help: 'Number of cached tokens recomputed for forward pass.',
        like: 'vllm:prompt_tokens_cached',
        stays0: true,
      },
    ],
  },
  {
    version: '0.16.0',
    lacks: [
      'vllm:estimated_flops_per_gpu',
      'vllm:estimated_read_bytes_per_gpu',
      'vllm:estimated_write_bytes_per_gpu',
    ],
  },
  {
    version: '0.14.0',
    lacks: [
      'vllm:prompt_tokens_by_source',
      'vllm:prompt_tokens_cached',
      'vllm:prompt_tokens_recomputed',
    ],
  },
  { version: '0.12.0', lacks: ['vllm:request_prefill_kv_computed_tokens'] },
  {
    version: '0.11.2',
    lacks: [
      'vllm:kv_block_lifetime_seconds',
      'vllm:kv_block_idle_before_evict_seconds',
      'vllm:kv_block_reuse_gap_seconds',
    ],
    has: [
      {
        name: 'vllm:time_per_output_token_seconds',
        // Without a blank, as there.
        help: `${TIME_PER_OUTPUT_TOKEN}DEPRECATED: Use vllm:inter_token_latency_seconds instead.`,
        like: 'vllm:inter_token_latency_seconds',
      },
    ],
  },
  {
    version: '0.11.0',
    lacks: [
      'vllm:engine_sleep_state',
      'vllm:external_prefix_cache_queries',
      'vllm:external_prefix_cache_hits',
      'vllm:mm_cache_queries',
      'vllm:mm_cache_hits',
    ],
  },
  {
    version: '0.10.2',
    lacks: ['vllm:request_time_per_output_token_seconds'],
    has: [
      {
        name: 'vllm:gpu_cache_usage_perc',
        help: `${GPU_CACHE_USAGE}DEPRECATED: Use vllm:kv_cache_usage_perc instead.`,
        like: 'vllm:kv_cache_usage_perc',
      },
      {
        name: 'vllm:gpu_prefix_cache_queries',
        help: 'GPU prefix cache queries, in terms of number of queriedtokens. DEPRECATED: Use vllm:prefix_cache_queries instead.',
        like: 'vllm:prefix_cache_queries',
      },
      {
        name: 'vllm:gpu_prefix_cache_hits',
        help: 'GPU prefix cache hits, in terms of number of cached tokens. DEPRECATED: Use vllm:prefix_cache_hits instead.',
        like: 'vllm:prefix_cache_hits',
      },
    ],
  },
  {
    version: '0.10.1',
    lacks: ['vllm:inter_token_latency_seconds'],
    has: [
      {
        name: 'vllm:time_per_output_token_seconds',
        help: TIME_PER_OUTPUT_TOKEN,
        like: 'vllm:time_per_output_token_seconds',
      },
    ],
  },
  {
    version: '0.9.1',
    lacks: ['vllm:kv_cache_usage_perc', 'vllm:prefix_cache_queries', 'vllm:prefix_cache_hits'],
    has: [
      {
        name: 'vllm:gpu_cache_usage_perc',
        help: GPU_CACHE_USAGE,
        like: 'vllm:gpu_cache_usage_perc',
      },
      {
        name: 'vllm:gpu_prefix_cache_queries',
        help: 'GPU prefix cache queries, in terms of number of queried tokens.',
        like: 'vllm:gpu_prefix_cache_queries',
      },
      {
        name: 'vllm:gpu_prefix_cache_hits',
        help: 'GPU prefix cache hits, in terms of number of cached tokens.',
        like: 'vllm:gpu_prefix_cache_hits',
      },
    ],
  },
] as const satisfies readonly OlderMetrics[];

export type OlderVersion = (typeof OLDER_METRICS)[number]['version'];

export const OLDER_VERSIONS: readonly OlderVersion[] = OLDER_METRICS.map(({ version }) => version);

/** The differences from the reference version to this one, in the order in which they add up. */
export function differencesTo(version: OlderVersion): readonly OlderMetrics[] {
  return OLDER_METRICS.slice(0, OLDER_VERSIONS.indexOf(version) + 1);
}
