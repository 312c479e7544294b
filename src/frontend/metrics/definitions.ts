/**
 * Every metric of vLLM, once, in vLLM's order: name, type, help, labels beyond `model_name` and `engine`, buckets.
 * Counters are named without `_total`; the exposition adds it. test/golden/metrics-catalog.json pins this table, and
 * vllm-metrics.ts derives from it which children there are: one that is not defined here cannot be written.
 * Source: vllm/v1/metrics/loggers.py PrometheusStatLogger, vllm/v1/metrics/perf.py (0.33.0).
 */
import { FINISH_REASON_STRINGS } from '../../shared/protocol/outputs.ts';
import type { BucketFamily } from './buckets.ts';

interface CommonDefinition {
  readonly name: string;
  readonly help: string;
  /** One more label, with all its values: each value has a child from the start. */
  readonly extraLabel?: { readonly name: string; readonly values: readonly string[] };
  /** False: one child per value of the extra label, no `engine` label. */
  readonly perEngine?: false;
  /** Registered only with `--kv-cache-metrics`. */
  readonly needs?: 'kv_cache_metrics';
  /** Why nothing writes it here, where it is: vLLM exposes it all the same, and so it stays 0. */
  readonly neverWritten?: string;
}

export type MetricDefinition = CommonDefinition &
  (
    | { readonly type: 'counter' | 'gauge' }
    | { readonly type: 'histogram'; readonly buckets: BucketFamily }
  );

export const WAITING_REASONS = ['capacity', 'deferred'] as const;
export const SLEEP_STATES = ['awake', 'weights_offloaded', 'discard_all'] as const;
export const PROMPT_TOKEN_SOURCES = [
  'local_compute',
  'local_cache_hit',
  'external_kv_transfer',
] as const;
/** Source: vllm/v1/metrics/cache_hit_source.py CacheHitSource. */
export const CACHE_HIT_SOURCES = ['device', 'host', 'p2p', 'disk', 'external_unspecified'] as const;
export const ADMISSION_REASONS = ['max_num_queued_reqs', 'max_num_queued_tokens'] as const;

const NO_MFU = 'vLLM estimates it with --enable-mfu-metrics, which is not simulated.';
const NO_MULTI_MODAL_INPUTS = 'Prompts are text or token ids: there is no multi-modal cache.';

export const METRICS = {
  estimatedFlops: {
    name: 'vllm:estimated_flops_per_gpu',
    type: 'counter',
    help: 'Estimated number of floating point operations per GPU (for Model Flops Utilization calculations).',
    neverWritten: NO_MFU,
  },
  estimatedReadBytes: {
    name: 'vllm:estimated_read_bytes_per_gpu',
    type: 'counter',
    help: 'Estimated number of bytes read from memory per GPU (for Model Flops Utilization calculations).',
    neverWritten: NO_MFU,
  },
  estimatedWriteBytes: {
    name: 'vllm:estimated_write_bytes_per_gpu',
    type: 'counter',
    help: 'Estimated number of bytes written to memory per GPU (for Model Flops Utilization calculations).',
    neverWritten: NO_MFU,
  },
  numRequestsRunning: {
    name: 'vllm:num_requests_running',
    type: 'gauge',
    help: 'Number of requests in model execution batches.',
  },
  numRequestsWaiting: {
    name: 'vllm:num_requests_waiting',
    type: 'gauge',
    help: 'Number of requests waiting to be processed.',
  },
  numRequestsWaitingByReason: {
    name: 'vllm:num_requests_waiting_by_reason',
    type: 'gauge',
    help: "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting.",
    extraLabel: { name: 'reason', values: WAITING_REASONS },
  },
  engineSleepState: {
    name: 'vllm:engine_sleep_state',
    type: 'gauge',
    help: 'Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.',
    extraLabel: { name: 'sleep_state', values: SLEEP_STATES },
  },
  kvCacheUsagePerc: {
    name: 'vllm:kv_cache_usage_perc',
    type: 'gauge',
    help: 'KV-cache usage. 1 means 100 percent usage.',
  },
  prefixCacheQueries: {
    name: 'vllm:prefix_cache_queries',
    type: 'counter',
    help: 'Prefix cache queries, in terms of number of queried tokens.',
  },
  prefixCacheHits: {
    name: 'vllm:prefix_cache_hits',
    type: 'counter',
    help: 'Prefix cache hits, in terms of number of cached tokens.',
  },
  externalPrefixCacheQueries: {
    name: 'vllm:external_prefix_cache_queries',
    type: 'counter',
    help: 'External prefix cache queries from KV connector cross-instance cache sharing, in terms of number of queried tokens.',
  },
  externalPrefixCacheHits: {
    name: 'vllm:external_prefix_cache_hits',
    type: 'counter',
    help: 'External prefix cache hits from KV connector cross-instance cache sharing, in terms of number of cached tokens.',
  },
  mmCacheQueries: {
    name: 'vllm:mm_cache_queries',
    type: 'counter',
    help: 'Multi-modal cache queries, in terms of number of queried items.',
    neverWritten: NO_MULTI_MODAL_INPUTS,
  },
  mmCacheHits: {
    name: 'vllm:mm_cache_hits',
    type: 'counter',
    help: 'Multi-modal cache hits, in terms of number of cached items.',
    neverWritten: NO_MULTI_MODAL_INPUTS,
  },
  numPreemptions: {
    name: 'vllm:num_preemptions',
    type: 'counter',
    help: 'Cumulative number of preemption from the engine.',
  },
  promptTokens: {
    name: 'vllm:prompt_tokens',
    type: 'counter',
    help: 'Number of prefill tokens processed.',
  },
  promptTokensBySource: {
    name: 'vllm:prompt_tokens_by_source',
    type: 'counter',
    help: 'Number of prompt tokens by source.',
    extraLabel: { name: 'source', values: PROMPT_TOKEN_SOURCES },
  },
  promptTokensCached: {
    name: 'vllm:prompt_tokens_cached',
    type: 'counter',
    help: 'Number of cached prompt tokens (local + external).',
  },
  promptTokensCachedBySource: {
    name: 'vllm:prompt_tokens_cached_by_source',
    type: 'counter',
    help: 'Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host (offloaded to DRAM), disk, p2p (transferred from another vLLM instance) or external_unspecified. Counted at admission; sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits.',
    extraLabel: { name: 'source', values: CACHE_HIT_SOURCES },
  },
  generationTokens: {
    name: 'vllm:generation_tokens',
    type: 'counter',
    help: 'Number of generation tokens processed.',
  },
  requestSuccess: {
    name: 'vllm:request_success',
    type: 'counter',
    help: 'Count of successfully processed requests.',
    extraLabel: { name: 'finished_reason', values: FINISH_REASON_STRINGS },
  },
  admissionRejections: {
    name: 'vllm:admission_rejections',
    type: 'counter',
    help: 'Number of admission attempts rejected by a queue limit, by reason.',
    extraLabel: { name: 'reason', values: ADMISSION_REASONS },
    perEngine: false,
  },
  requestPromptTokens: {
    name: 'vllm:request_prompt_tokens',
    type: 'histogram',
    help: 'Number of prefill tokens processed.',
    buckets: 'request_tokens',
  },
  requestGenerationTokens: {
    name: 'vllm:request_generation_tokens',
    type: 'histogram',
    help: 'Number of generation tokens processed.',
    buckets: 'request_tokens',
  },
  iterationTokens: {
    name: 'vllm:iteration_tokens_total',
    type: 'histogram',
    help: 'Histogram of number of tokens per engine_step.',
    buckets: 'iteration_tokens',
  },
  requestMaxNumGenerationTokens: {
    name: 'vllm:request_max_num_generation_tokens',
    type: 'histogram',
    help: 'Histogram of maximum number of requested generation tokens.',
    buckets: 'request_tokens',
  },
  requestParamsN: {
    name: 'vllm:request_params_n',
    type: 'histogram',
    help: 'Histogram of the n request parameter.',
    buckets: 'request_params_n',
  },
  requestParamsMaxTokens: {
    name: 'vllm:request_params_max_tokens',
    type: 'histogram',
    help: 'Histogram of the max_tokens request parameter.',
    buckets: 'request_tokens',
  },
  timeToFirstToken: {
    name: 'vllm:time_to_first_token_seconds',
    type: 'histogram',
    help: 'Histogram of time to first token in seconds.',
    buckets: 'time_to_first_token',
  },
  interTokenLatency: {
    name: 'vllm:inter_token_latency_seconds',
    type: 'histogram',
    help: 'Histogram of inter-token latency in seconds.',
    buckets: 'inter_token_latency',
  },
  requestTimePerOutputToken: {
    name: 'vllm:request_time_per_output_token_seconds',
    type: 'histogram',
    help: 'Histogram of time_per_output_token_seconds per request.',
    buckets: 'inter_token_latency',
  },
  e2eRequestLatency: {
    name: 'vllm:e2e_request_latency_seconds',
    type: 'histogram',
    help: 'Histogram of e2e request latency in seconds.',
    buckets: 'request_latency',
  },
  requestQueueTime: {
    name: 'vllm:request_queue_time_seconds',
    type: 'histogram',
    help: 'Histogram of time spent in WAITING phase for request.',
    buckets: 'request_latency',
  },
  requestInferenceTime: {
    name: 'vllm:request_inference_time_seconds',
    type: 'histogram',
    help: 'Histogram of time spent in RUNNING phase for request.',
    buckets: 'request_latency',
  },
  requestPrefillTime: {
    name: 'vllm:request_prefill_time_seconds',
    type: 'histogram',
    help: 'Histogram of time spent in PREFILL phase for request.',
    buckets: 'request_latency',
  },
  requestDecodeTime: {
    name: 'vllm:request_decode_time_seconds',
    type: 'histogram',
    help: 'Histogram of time spent in DECODE phase for request.',
    buckets: 'request_latency',
  },
  requestNumPreemptions: {
    name: 'vllm:request_num_preemptions',
    type: 'histogram',
    help: 'Histogram of the number of times a request was preempted.',
    buckets: 'request_num_preemptions',
  },
  requestPrefillKvComputedTokens: {
    name: 'vllm:request_prefill_kv_computed_tokens',
    type: 'histogram',
    help: 'Histogram of new KV tokens computed during prefill (excluding cached tokens).',
    buckets: 'request_tokens',
  },
  kvBlockLifetime: {
    name: 'vllm:kv_block_lifetime_seconds',
    type: 'histogram',
    help: 'Histogram of KV cache block lifetime from allocation to eviction. Sampled metrics (controlled by --kv-cache-metrics-sample).',
    buckets: 'kv_cache_residency',
    needs: 'kv_cache_metrics',
  },
  kvBlockIdleBeforeEvict: {
    name: 'vllm:kv_block_idle_before_evict_seconds',
    type: 'histogram',
    help: 'Histogram of idle time before KV cache block eviction. Sampled metrics (controlled by --kv-cache-metrics-sample).',
    buckets: 'kv_cache_residency',
    needs: 'kv_cache_metrics',
  },
  kvBlockReuseGap: {
    name: 'vllm:kv_block_reuse_gap_seconds',
    type: 'histogram',
    help: 'Histogram of time gaps between consecutive KV cache block accesses. Only the most recent accesses are recorded (ring buffer). Sampled metrics (controlled by --kv-cache-metrics-sample).',
    buckets: 'kv_cache_residency',
    needs: 'kv_cache_metrics',
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricKey = keyof typeof METRICS;
export type SleepState = (typeof SLEEP_STATES)[number];
export type AdmissionReason = (typeof ADMISSION_REASONS)[number];

/** `vllm:cache_config_info`, whose labels are the cache config itself; see cache-config-info.ts. */
export const CACHE_CONFIG_INFO = {
  name: 'vllm:cache_config_info',
  help: 'Information of the LLMEngine CacheConfig',
} as const;

/** Registered with `--enable-lora`. */
export const LORA_REQUESTS_INFO = {
  name: 'vllm:lora_requests_info',
  help: 'Running stats on lora requests.',
  labelNames: ['max_lora', 'running_lora_adapters', 'waiting_lora_adapters'],
  multiprocessMode: 'sum',
} as const;

/**
 * Counters of speculative decoding, registered first of all with `--speculative-config`; `labels` beside `model_name` and
 * `engine`. Source: vllm/v1/spec_decode/metrics.py SpecDecodingProm (0.33.0).
 */
export const SPEC_DECODING_METRICS = [
  {
    name: 'vllm:spec_decode_num_drafts',
    help: 'Number of spec decoding drafts.',
    hasPosition: false,
  },
  {
    name: 'vllm:spec_decode_num_draft_tokens',
    help: 'Number of draft tokens.',
    hasPosition: false,
  },
  {
    name: 'vllm:spec_decode_num_accepted_tokens',
    help: 'Number of accepted tokens.',
    hasPosition: false,
  },
  {
    name: 'vllm:spec_decode_num_accepted_tokens_per_pos',
    help: 'Accepted tokens per draft position.',
    hasPosition: true,
  },
] as const;

/**
 * Registered with `--tool-call-parser`, after the `http_*` families; no `engine` label.
 * Source: vllm/parser/metrics.py init_parser_metrics (0.33.0).
 */
export const TOOL_CALL_PARSER_INVOCATIONS = {
  name: 'vllm:tool_call_parser_invocations',
  help: 'Total number of ToolParser invocations. Non-streaming increments once per choice; streaming increments once per delta.',
  modes: ['streaming', 'non_streaming'],
  outcomes: ['tool_call', 'no_tool_call'],
  requestTypes: ['chat_completions', 'responses', 'other'],
  neverWritten: 'Tools are shown to the chat template and no answer is parsed for calls.',
} as const;

/**
 * Registered by the first call of a development endpoint that sleeps or wakes; their only label is `operation`.
 * Source: vllm/entrypoints/serve/dev/sleep/metrics.py (0.33.0).
 */
export const SLEEP_MODE_OPERATION_DURATION = {
  name: 'vllm:sleep_mode_operation_duration_seconds',
  help: 'Duration of one sleep-mode operation.',
} as const;
export const SLEEP_MODE_OPERATIONS_IN_FLIGHT = {
  name: 'vllm:sleep_mode_operations_in_flight',
  help: 'Sleep-mode operations currently awaited.',
  multiprocessMode: 'sum',
} as const;

/** Ours, not vLLM's: from the first fault on that is injected into a running server. No `model_name`. */
export const TWIN_FAULT_ACTIVE = {
  name: 'vllm_twin_fault_active',
  help: 'Faults that are injected: 1 while one is active, 0 after. No metric of vLLM.',
  labelNames: ['engine', 'fault'],
} as const;
