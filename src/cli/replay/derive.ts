/** What vLLM makes of a workload's config: the KV cache is planned, block sizes and concurrency follow. */

import type { CapacityInputRecord, LayerSpecRecord } from '../../capacity/file/capacity-input.ts';
import { KVCachePlanError } from '../../capacity/plan/plan-error.ts';
import { type KVCachePlan, planKVCache } from '../../capacity/plan/plan-kv-cache.ts';
import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import type { KVCacheSpec } from '../../capacity/spec/spec.ts';
import { isFullAttention } from '../../capacity/spec/spec-traits.ts';
import { ConfigError } from '../../shared/errors.ts';
import { unexpected } from '../input-file.ts';
import type {
  ResolvedGroupRecord,
  ResolvedRecord,
  TraceConfigRecord,
  TraceSpecRecord,
} from './record.ts';

const DEFAULT_BLOCK_SIZE = 16;
const DEFAULT_LAYERS = 2;
/** Sixteen tokens of one head of size 8 in float16, keys and values: the page that all layers share. */
const ATTENTION = { num_kv_heads: 1, head_size: 8, head_size_v: 8, dtype: 'float16' } as const;
const MAMBA_STATE = { shapes: [[16, 16]], dtypes: ['float16'], mamba_type: 'mamba2' } as const;
/** Far more than any pool here needs: the number of blocks is given. */
const AVAILABLE_BYTES = 2 ** 34;

/** Throws ConfigError with vLLM's words where the pool cannot hold one request. */
export function deriveResolved(config: TraceConfigRecord): {
  resolved: ResolvedRecord;
  kvCacheConfig: KVCacheConfig;
} {
  checkConfig(config);
  const input = toCapacityInput(config);
  const plan = planOrRefuse(input);
  if (plan.enablePrefixCaching) checkMambaModes(config);
  const groups = plan.schedulerConfig.groups.map(({ spec, layerNames }) =>
    toGroupRecord(spec, layerNames.length),
  );
  const attentionSizes = new Set(
    plan.schedulerConfig.groups
      .filter(({ spec }) => isFullAttention(spec))
      .map(({ spec }) => spec.blockSize),
  );
  const [attentionSize] = attentionSizes;
  const resolved: ResolvedRecord = {
    num_gpu_blocks: plan.numBlocks,
    block_size: plan.cacheBlockSize,
    scheduler_block_size: plan.schedulerBlockSize,
    hash_block_size: plan.hashBlockSize,
    max_concurrent_batches: input.config.max_concurrent_batches,
    max_in_flight_tokens: input.config.max_in_flight_tokens,
    scheduler: config.async_scheduling === true ? 'AsyncScheduler' : 'Scheduler',
    policy: config.scheduling_policy ?? 'fcfs',
    enable_prefix_caching: plan.enablePrefixCaching,
    prefix_cache_retention_interval: retentionInterval(config),
    watermark_blocks: Math.trunc((config.watermark ?? 0) * plan.numBlocks),
    max_num_seqs: config.max_num_seqs,
    max_num_batched_tokens: config.max_num_batched_tokens,
    max_model_len: plan.maxModelLen,
    kv_cache_size_tokens: plan.capacity?.tokens ?? null,
    kv_cache_max_concurrency: plan.capacity?.maxConcurrency ?? null,
    effective_attention_block_size:
      attentionSizes.size === 1 && attentionSize !== undefined ? attentionSize : null,
    groups,
  };
  return { resolved, kvCacheConfig: plan.schedulerConfig };
}

function planOrRefuse(input: CapacityInputRecord): KVCachePlan {
  try {
    return planKVCache(input);
  } catch (error) {
    if (!(error instanceof KVCachePlanError)) throw error;
    throw new ConfigError('E_BAD_FILE', `config: ${error.message}`, { cause: error });
  }
}

/** States of mamba layers are cached where blocks end, and in no other mode. */
function checkMambaModes({ specs = [] }: TraceConfigRecord): void {
  for (const [index, { kind, mode }] of specs.entries()) {
    if (kind === 'mamba' && mode !== 'align')
      throw unexpected(`config.specs[${index}].mode`, 'align, with prefix caching', mode);
  }
}

/** 0, the default, keeps only replay boundaries and junctions in sparse groups; null keeps everything. */
function retentionInterval(config: TraceConfigRecord): number | null {
  const { prefix_cache_retention_interval: interval } = config;
  return interval === undefined ? 0 : interval;
}

/** What vLLM's own config validation refuses. Source: vllm/config/scheduler.py SchedulerConfig.verify_max_model_len. */
function checkConfig(config: TraceConfigRecord): void {
  const refuse = (message: string): never => {
    throw new ConfigError('E_BAD_FILE', `config: ${message}`);
  };
  const budget = config.max_num_batched_tokens;
  if (budget < config.max_num_seqs) {
    refuse(
      `max_num_batched_tokens (${budget}) must be greater than or equal to max_num_seqs (${config.max_num_seqs}).`,
    );
  }
  if (config.enable_chunked_prefill === false && budget < config.max_model_len) {
    refuse(
      `max_num_batched_tokens (${budget}) is smaller than max_model_len (${config.max_model_len}). ` +
        'Please increase max_num_batched_tokens or decrease max_model_len.',
    );
  }
  const active = config.max_num_active_seqs ?? null;
  if (active !== null && active > config.max_num_seqs) {
    refuse(
      `max_num_active_seqs (${active}) cannot be greater than max_num_seqs (${config.max_num_seqs}).`,
    );
  }
  const threshold = config.long_prefill_token_threshold ?? 0;
  if (threshold > config.max_model_len) {
    refuse(
      `long_prefill_token_threshold (${threshold}) cannot be greater than the max_model_len (${config.max_model_len}).`,
    );
  }
}

function toCapacityInput(config: TraceConfigRecord): CapacityInputRecord {
  const blockSize = config.block_size ?? DEFAULT_BLOCK_SIZE;
  const specs: readonly TraceSpecRecord[] = config.specs ?? [
    { kind: 'full', layers: DEFAULT_LAYERS, block_size: blockSize },
  ];
  const layers = specs.flatMap((spec, index) => Array.from({ length: spec.layers }, () => index));
  const maxConcurrentBatches = config.async_scheduling === true ? 2 : 1;
  return {
    config: {
      max_model_len: config.max_model_len,
      auto_fit_max_model_len: false,
      max_num_batched_tokens: config.max_num_batched_tokens,
      max_num_seqs: config.max_num_seqs,
      max_num_encoder_input_tokens: config.max_num_batched_tokens,
      async_scheduling: config.async_scheduling ?? false,
      use_v2_model_runner: true,
      max_concurrent_batches: maxConcurrentBatches,
      max_in_flight_tokens: config.max_num_batched_tokens * maxConcurrentBatches,
      num_speculative_tokens: 0,
      num_prefill_lookahead_tokens: 0,
      speculative: null,
      disable_hybrid_kv_cache_manager: false,
      enable_prefix_caching: config.enable_prefix_caching ?? true,
      enable_chunked_prefill: config.enable_chunked_prefill ?? true,
      num_gpu_blocks_override: config.num_blocks,
      cache_dtype: 'auto',
      initial_block_size: blockSize,
      prefix_match_unit: config.prefix_match_unit ?? null,
      mamba_cache_mode: config.mamba_cache_mode ?? 'none',
      tensor_parallel_size: 1,
      pipeline_parallel_size: 1,
      decode_context_parallel_size: 1,
      cp_kv_cache_interleave_size: 1,
    },
    layout: { supported: ['LBNHC'], requested: null },
    spec_table: specs.map(toLayerSpec),
    layer_sets: [layers.map((spec, layer) => [`layers.${layer}`, spec] as const)],
    workers: [{ layer_set: 0, available_memory: AVAILABLE_BYTES }],
  };
}

function toLayerSpec(spec: TraceSpecRecord, index: number): LayerSpecRecord {
  const { block_size } = spec;
  const need = (field: 'window' | 'chunk'): number => {
    const value = spec[field];
    if (value !== undefined) return value;
    throw new ConfigError(
      'E_BAD_FILE',
      `config.specs[${index}].${field}: expected an integer of at least 1, got nothing`,
    );
  };
  switch (spec.kind) {
    case 'swa':
      return { kind: 'sliding_window', block_size, ...ATTENTION, sliding_window: need('window') };
    case 'chunked':
      return {
        kind: 'chunked_local_attention',
        block_size,
        ...ATTENTION,
        attention_chunk_size: need('chunk'),
      };
    case 'mamba':
      return { kind: 'mamba', block_size, ...MAMBA_STATE, mamba_cache_mode: spec.mode ?? 'none' };
    default:
      return { kind: 'full_attention', block_size, ...ATTENTION };
  }
}

const CLASS_NAMES: Readonly<Partial<Record<KVCacheSpec['kind'], string>>> = {
  full_attention: 'FullAttentionSpec',
  sliding_window: 'SlidingWindowSpec',
  chunked_local_attention: 'ChunkedLocalAttentionSpec',
  mamba: 'MambaSpec',
};

function toGroupRecord(spec: KVCacheSpec, layers: number): ResolvedGroupRecord {
  return {
    kind: CLASS_NAMES[spec.kind] ?? spec.kind,
    block_size: spec.blockSize,
    sliding_window: 'slidingWindow' in spec ? spec.slidingWindow : null,
    mamba_cache_mode: spec.kind === 'mamba' ? spec.mambaCacheMode : null,
    layers,
    ...(spec.kind === 'chunked_local_attention'
      ? { attention_chunk_size: spec.attentionChunkSize }
      : {}),
  };
}
