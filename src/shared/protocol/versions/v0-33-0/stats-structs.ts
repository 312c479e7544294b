/**
 * The statistics that travel with outputs, vLLM 0.33.0: fields in their order, with the defaults of those that may be
 * left out.
 * Source: vllm/v1/metrics/stats.py (0.33.0).
 */
import { ANY, dictOf, FLOAT, INT, orNone, STR } from '../../declared-type.ts';
import {
  createPrefillStats,
  createPrefixCacheStats,
  createSchedulerStats,
} from '../../defaults.ts';
import {
  any,
  arrayOf,
  bool,
  declaredAs,
  float,
  int,
  int64,
  mapOf,
  nullable,
  struct,
} from '../../field-types.ts';
import type {
  KVCacheEvictionEvent,
  PerfStats,
  PrefillStats,
  PrefixCacheStats,
  SchedulerStats,
  SpecDecodingStats,
} from '../../stats.ts';
import { optional, required, type StructTable } from '../../struct-table.ts';

const EMPTY: readonly never[] = Object.freeze([]);
const EMPTY_MAP: Readonly<Record<string, never>> = Object.freeze({});
const intMap = mapOf(int, 'int');
/** Source: vllm/v1/metrics/cache_hit_source.py CacheHitSource. */
const hitsBySource = declaredAs(
  dictOf(
    {
      kind: 'enum',
      name: 'CacheHitSource',
      values: ['device', 'host', 'p2p', 'disk', 'external_unspecified'],
    },
    INT,
  ),
  intMap,
);
const params = declaredAs(orNone(dictOf(STR, ANY)), any);
/** A struct that is handed on unread. */
const described = (name: string) => declaredAs(orNone({ kind: 'struct', struct: name }), any);

const prefixCacheStats: StructTable<PrefixCacheStats> = {
  name: 'PrefixCacheStats',
  layout: 'map',
  fields: [
    optional('reset', bool, false),
    optional('requests', int, 0),
    optional('queries', int, 0),
    optional('hits', int, 0),
    optional('preempted_requests', int, 0),
    optional('preempted_queries', int, 0),
    optional('preempted_hits', int, 0),
    optional('hits_by_source', hitsBySource, EMPTY_MAP),
  ],
  create: createPrefixCacheStats,
};

const kvCacheEvictionEvent: StructTable<KVCacheEvictionEvent> = {
  name: 'KVCacheEvictionEvent',
  layout: 'map',
  fields: [
    required('lifetime_seconds', float),
    required('idle_seconds', float),
    required(
      'reuse_gaps_seconds',
      declaredAs({ kind: 'tuple', of: FLOAT }, arrayOf(float, 'float')),
    ),
  ],
};

const specDecodingStats: StructTable<SpecDecodingStats> = {
  name: 'SpecDecodingStats',
  layout: 'map',
  fields: [
    required('num_spec_tokens', int),
    optional('num_drafts', int, 0),
    optional('num_draft_tokens', int, 0),
    optional('num_accepted_tokens', int, 0),
    optional('num_accepted_tokens_per_pos', arrayOf(int, 'int'), EMPTY),
    optional('num_draft_tokens_per_pos', arrayOf(int, 'int'), EMPTY),
  ],
};

const perfStats: StructTable<PerfStats> = {
  name: 'PerfStats',
  layout: 'map',
  fields: [
    optional('num_flops_per_gpu', int64, 0),
    optional('num_read_bytes_per_gpu', int64, 0),
    optional('num_write_bytes_per_gpu', int64, 0),
    optional('debug_stats', described('debugPerfStats'), null),
  ],
};

const schedulerStats: StructTable<SchedulerStats> = {
  name: 'SchedulerStats',
  layout: 'map',
  fields: [
    optional('num_running_reqs', int, 0),
    optional('num_waiting_reqs', int, 0),
    optional('num_skipped_waiting_reqs', int, 0),
    optional('num_kv_fetch_reqs_by_stage', intMap, EMPTY_MAP),
    optional('step_counter', int, 0),
    optional('current_wave', int, 0),
    optional('kv_cache_usage', float, 0),
    optional('iteration_details', described('schedulerIterationDetails'), null),
    optional('prefix_cache_stats', struct('prefixCacheStats'), createPrefixCacheStats()),
    optional('connector_prefix_cache_stats', nullable(struct('prefixCacheStats')), null),
    optional('kv_cache_eviction_events', arrayOf(struct('kvCacheEvictionEvent'), 'events'), EMPTY),
    optional('spec_decoding_stats', nullable(struct('specDecodingStats')), null),
    optional('kv_connector_stats', params, null),
    optional('ec_connector_stats', params, null),
    optional('waiting_lora_adapters', intMap, EMPTY_MAP),
    optional('running_lora_adapters', intMap, EMPTY_MAP),
    optional('cudagraph_stats', described('cudaGraphStat'), null),
    optional('perf_stats', nullable(struct('perfStats')), null),
  ],
  create: createSchedulerStats,
};

const prefillStats: StructTable<PrefillStats> = {
  name: 'PrefillStats',
  layout: 'map',
  fields: [
    optional('num_prompt_tokens', int, 0),
    optional('num_computed_tokens', int, 0),
    optional('num_cached_tokens', int, 0),
    optional('num_local_cached_tokens', int, 0),
    optional('num_external_cached_tokens', int, 0),
    optional('num_cache_creation_tokens', int, 0),
  ],
  create: createPrefillStats,
};

export const STATS_TABLES = {
  prefixCacheStats,
  kvCacheEvictionEvent,
  specDecodingStats,
  perfStats,
  schedulerStats,
  prefillStats,
};
