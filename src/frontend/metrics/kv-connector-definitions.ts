/**
 * Names, types, helps and buckets of the metrics that a KV connector brings.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/nixl/stats.py, offloading/metrics.py, vllm/v1/kv_offload/cpu/spec.py
 * (0.33.0).
 */
export interface ConnectorMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly buckets?: readonly number[];
  /** Lists of NIXL's statistics that it takes. */
  readonly keys?: readonly string[];
}

const POST_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 5];

const SIZE_BUCKETS = [1e6, 5e6, 10e6, 20e6, 40e6, 60e6, 80e6, 100e6, 150e6, 200e6];

/** Label names of vllm:kv_offload_config_info. */
export const OFFLOAD_INFO_LABELS = [
  'cpu_num_chunks',
  'cpu_blocks_per_chunk',
  'cpu_kv_cache_size_bytes',
  'cpu_kv_cache_size_tokens',
] as const;

function counter(name: string, help: string): ConnectorMetric {
  return { name, help, type: 'counter' };
}

function gauge(name: string, help: string): ConnectorMetric {
  return { name, help, type: 'gauge' };
}

function histogram(name: string, help: string, buckets: readonly number[]): ConnectorMetric {
  return { name, help, type: 'histogram', buckets };
}

export const NIXL_METRICS: readonly ConnectorMetric[] = [
  {
    ...histogram(
      'vllm:nixl_xfer_time_seconds',
      'Histogram of transfer duration for NIXL KV Cache transfers.',
      POST_BUCKETS.slice(1),
    ),
    keys: ['transfer_duration'],
  },
  {
    ...histogram(
      'vllm:nixl_post_time_seconds',
      'Histogram of transfer post time for NIXL KV Cache transfers.',
      POST_BUCKETS,
    ),
    keys: ['post_duration'],
  },
  {
    ...histogram(
      'vllm:nixl_bytes_transferred',
      'Histogram of bytes transferred per NIXL KV Cache transfers.',
      [11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33].map((power) => 2 ** power),
    ),
    keys: ['bytes_transferred'],
  },
  {
    ...histogram(
      'vllm:nixl_num_descriptors',
      'Histogram of number of descriptors per NIXL  KV Cache transfers.',
      [10, 20, 30, 50, 75, 100, 200, 400, 1000, 2000, 4000, 10_000, 20_000, 50_000],
    ),
    keys: ['num_descriptors'],
  },
  {
    ...counter(
      'vllm:nixl_num_failed_transfers',
      'Number of failed NIXL KV Cache transfers, including handshake and notification failures. NOTE: KV expiry is tracked separately in vllm:nixl_num_kv_expired_reqs.',
    ),
    keys: ['num_failed_transfers', 'num_failed_handshakes', 'num_failed_notifications'],
  },
  {
    ...counter(
      'vllm:nixl_num_failed_notifications',
      'Number of failed NIXL KV Cache notifications. Retained for compatibility; these failures are also included in vllm:nixl_num_failed_transfers.',
    ),
    keys: ['num_failed_notifications'],
  },
  {
    ...counter(
      'vllm:nixl_num_kv_expired_reqs',
      'Number of requests that had their KV expire. NOTE: This metric is tracked on the P instance.',
    ),
    keys: ['num_kv_expired_reqs'],
  },
  {
    ...counter(
      'vllm:nixl_num_notifications_after_expiry',
      'Number of completion notifications for requests that were no longer tracked, usually because their KV lease expired. The KV blocks may have been reused before the transfer finished. Counted per notification (one per remote rank), not per request.',
    ),
    keys: ['num_notifications_after_expiry'],
  },
];

export const OFFLOAD_METRICS: readonly ConnectorMetric[] = [
  counter('vllm:kv_offload_total_bytes', 'Number of bytes offloaded by KV connector'),
  counter('vllm:kv_offload_total_time', 'Total time measured by all KV offloading operations'),
  histogram(
    'vllm:kv_offload_size',
    'Histogram of KV offload transfer size, in bytes.',
    SIZE_BUCKETS,
  ),
  gauge(
    'vllm:kv_offload_cpu_cache_usage_perc',
    'Fraction of CPU KV-cache space currently pinned by active transfers (0.0 = idle, 1.0 = saturated). Sustained high values indicate transfers (stores or promotions) may be dropped due to insufficient capacity.',
  ),
  gauge(
    'vllm:kv_offload_cpu_cache_write_usage_perc',
    'Fraction of CPU KV-cache space currently pinned by in-flight stores that have not yet completed (0.0 = idle, 1.0 = saturated).',
  ),
  gauge(
    'vllm:kv_offload_cpu_cache_read_usage_perc',
    'Fraction of CPU KV-cache space currently pinned by in-flight loads that have not yet completed (0.0 = idle, 1.0 = saturated).',
  ),
  histogram(
    'vllm:kv_offload_cpu_allocation_size',
    'Histogram of the number of CPU chunks requested by each KV offload prepare_store call.',
    [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144],
  ),
  counter('vllm:kv_offload_load_bytes', 'Total bytes loaded from offload storage to GPU.'),
  counter('vllm:kv_offload_load_time', 'Total load time from offload storage to GPU, in seconds.'),
  histogram(
    'vllm:kv_offload_load_size',
    'Histogram of KV offload load operation size, in bytes.',
    SIZE_BUCKETS,
  ),
  counter('vllm:kv_offload_store_bytes', 'Total bytes stored from GPU to offload storage.'),
  counter(
    'vllm:kv_offload_store_time',
    'Total store time from GPU to offload storage, in seconds.',
  ),
  histogram(
    'vllm:kv_offload_store_size',
    'Histogram of KV offload store operation size, in bytes.',
    SIZE_BUCKETS,
  ),
  histogram(
    'vllm:kv_offload_lookup_sync_delay_seconds',
    'Histogram of the time spent in a single offload lookup call, in seconds.',
    [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
  ),
  histogram(
    'vllm:kv_offload_lookup_async_delay_seconds',
    "Histogram of time between a request's offload lookup first deferring and the following lookup resolving, or request finish, in seconds.",
    [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
  ),
  counter(
    'vllm:kv_offload_allocation_failure',
    'Number of KV offload store allocation attempts that failed.',
  ),
  gauge(
    'vllm:kv_offload_config_info',
    'Static configuration of the KV offload managers of this engine instance. The configured offloading spec declares the label names, and each manager fills the values, so a series appears from the first scheduler step of its engine. A manager reports one series for each configuration it holds, and a label of its own tells the series apart. Each engine reports its own configuration, not the instance total.',
  ),
];

/** Of every connector that loads. */
export const FETCH_STAGES: ConnectorMetric = gauge(
  'vllm:num_requests_kv_fetch_by_stage',
  "Number of waiting requests by async KV load stage. Stage labels: 'waiting_to_start' = needs an async KV load that has not started; 'in_progress' = load started and not yet reported finished; 'completed_waiting' = load finished, request not running yet.",
);
