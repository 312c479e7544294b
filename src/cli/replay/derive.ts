/** What vLLM makes of a workload's config: the KV cache is planned, block sizes and concurrency follow. */

import { schedulerRefusal } from '../../capacity/models/checks/scheduler-config.ts';
import type { CapacityInput } from '../../capacity/plan/capacity-input.ts';
import { KVCachePlanError } from '../../capacity/plan/plan-error.ts';
import { type KVCachePlan, planKVCache } from '../../capacity/plan/plan-kv-cache.ts';
import { createSpec } from '../../capacity/spec/create-spec.ts';
import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import type { KVCacheSpec } from '../../capacity/spec/spec.ts';
import { isFullAttention } from '../../capacity/spec/spec-traits.ts';
import { ConfigError } from '../../shared/errors.ts';
import type {
  ResolvedGroupRecord,
  ResolvedRecord,
  TraceConfigRecord,
  TraceSpecRecord,
} from './record.ts';
import { prefillLookaheadOf } from './speculation.ts';
import { unexpected } from './unexpected.ts';

const DEFAULT_BLOCK_SIZE = 16;
const DEFAULT_LAYERS = 2;
/** Sixteen tokens of one head of size 8 in float16, keys and values: the page that all layers share. */
const ATTENTION = { numKvHeads: 1, headSize: 8, dtype: 'float16' } as const;
const MAMBA_STATE = { shapes: [[16, 16]], dtypes: ['float16'] } as const;
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
    max_concurrent_batches: input.config.maxConcurrentBatches,
    max_in_flight_tokens: input.config.maxInFlightTokens,
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

function planOrRefuse(input: CapacityInput): KVCachePlan {
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

/** What vLLM's own config validation refuses. */
function checkConfig(config: TraceConfigRecord): void {
  const refusal = schedulerRefusal({
    maxNumBatchedTokens: config.max_num_batched_tokens,
    maxNumSeqs: config.max_num_seqs,
    maxModelLen: config.max_model_len,
    enableChunkedPrefill: config.enable_chunked_prefill ?? true,
    maxNumActiveSeqs: config.max_num_active_seqs ?? null,
    longPrefillTokenThreshold: config.long_prefill_token_threshold ?? 0,
  });
  if (refusal !== null) throw new ConfigError('E_BAD_FILE', `config: ${refusal}`);
}

function toCapacityInput(config: TraceConfigRecord): CapacityInput {
  const blockSize = config.block_size ?? DEFAULT_BLOCK_SIZE;
  const specs: readonly TraceSpecRecord[] = config.specs ?? [
    { kind: 'full', layers: DEFAULT_LAYERS, block_size: blockSize },
  ];
  const layers = specs.flatMap((spec, index) =>
    Array<KVCacheSpec>(spec.layers).fill(toLayerSpec(spec, index)),
  );
  const maxConcurrentBatches = config.async_scheduling === true ? 2 : 1;
  return {
    config: {
      maxModelLen: config.max_model_len,
      autoFitMaxModelLen: false,
      maxNumBatchedTokens: config.max_num_batched_tokens,
      maxNumSeqs: config.max_num_seqs,
      maxNumEncoderInputTokens: config.max_num_batched_tokens,
      asyncScheduling: config.async_scheduling ?? false,
      useV2ModelRunner: true,
      maxConcurrentBatches: maxConcurrentBatches,
      maxInFlightTokens: config.max_num_batched_tokens * maxConcurrentBatches,
      numSpeculativeTokens: config.speculative_config?.num_speculative_tokens ?? 0,
      numPrefillLookaheadTokens: prefillLookaheadOf(config),
      speculative: null,
      disableHybridKvCacheManager: false,
      enablePrefixCaching: config.enable_prefix_caching ?? true,
      enableChunkedPrefill: config.enable_chunked_prefill ?? true,
      numGpuBlocksOverride: config.num_blocks,
      cacheDtype: 'auto',
      initialBlockSize: blockSize,
      prefixMatchUnit: config.prefix_match_unit ?? null,
      mambaCacheMode: config.mamba_cache_mode ?? 'none',
      tensorParallelSize: 1,
      pipelineParallelSize: 1,
      decodeContextParallelSize: 1,
      cpKvCacheInterleaveSize: 1,
    },
    layout: { supported: ['LBNHC'], requested: null },
    workers: [
      {
        layers: new Map(layers.map((spec, layer) => [`layers.${layer}`, spec])),
        availableMemory: AVAILABLE_BYTES,
      },
    ],
  };
}

function toLayerSpec(spec: TraceSpecRecord, index: number): KVCacheSpec {
  const { block_size: blockSize } = spec;
  const need = (field: 'window' | 'chunk'): number => {
    const value = spec[field];
    if (value !== undefined) return value;
    throw unexpected(`config.specs[${index}].${field}`, 'an integer of at least 1', value);
  };
  const attention = { blockSize, ...ATTENTION };
  switch (spec.kind) {
    case 'swa':
      return createSpec({ kind: 'sliding_window', ...attention, slidingWindow: need('window') });
    case 'chunked': {
      const attentionChunkSize = need('chunk');
      return createSpec({ kind: 'chunked_local_attention', ...attention, attentionChunkSize });
    }
    case 'mla':
      return createSpec({ kind: 'mla_attention', ...attention });
    case 'swa_mla':
      return createSpec({
        kind: 'sliding_window_mla',
        ...attention,
        slidingWindow: need('window'),
      });
    case 'mamba':
      return createSpec({
        kind: 'mamba',
        blockSize,
        ...MAMBA_STATE,
        mambaCacheMode: spec.mode ?? 'none',
      });
    default:
      return createSpec({ kind: 'full_attention', ...attention });
  }
}

const CLASS_NAMES: Readonly<Partial<Record<KVCacheSpec['kind'], string>>> = {
  full_attention: 'FullAttentionSpec',
  sliding_window: 'SlidingWindowSpec',
  chunked_local_attention: 'ChunkedLocalAttentionSpec',
  mamba: 'MambaSpec',
  mla_attention: 'MLAAttentionSpec',
  sliding_window_mla: 'SlidingWindowMLASpec',
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
