/**
 * Makes of a workload's config what vLLM makes of it: groups, block sizes, capacity. A `resolved` that is given wins.
 */
import { createSpec } from '../../capacity/spec/create-spec.ts';
import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import type { KVCacheSpec } from '../../capacity/spec/spec.ts';
import { ConfigError } from '../../shared/errors.ts';
import { deriveResolved } from './derive.ts';
import type { ResolvedGroupRecord, ResolvedRecord, TraceRecord } from './record.ts';
import { unexpected } from './unexpected.ts';

export interface ResolvedTrace {
  readonly resolved: ResolvedRecord;
  readonly kvCacheConfig: KVCacheConfig;
}

/** Throws E_BAD_FILE naming the record, where its config is none for vLLM or its `resolved` contradicts itself. */
export function resolveTrace({ id, config, resolved }: TraceRecord): ResolvedTrace {
  try {
    const resolution =
      resolved === undefined
        ? deriveResolved(config)
        : { resolved, kvCacheConfig: kvCacheConfigFromResolved(resolved) };
    checkBlockSizes(resolution.resolved);
    return resolution;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.code, `${id}: ${error.message}`, { cause: error });
  }
}

/** Block sizes and hashes have to divide each other for a prefix hit to end where a block ends. */
function checkBlockSizes(resolved: ResolvedRecord): void {
  const { scheduler_block_size, hash_block_size, groups, enable_prefix_caching } = resolved;
  const divisor = `a divisor of scheduler_block_size ${scheduler_block_size}`;
  if (groups.length === 0) throw unexpected('resolved.groups', 'at least one group', groups);
  if (scheduler_block_size % hash_block_size !== 0)
    throw unexpected('resolved.hash_block_size', divisor, hash_block_size);
  for (const [index, { block_size, kind, mamba_cache_mode }] of groups.entries()) {
    const place = `resolved.groups[${index}].block_size`;
    if (scheduler_block_size % block_size !== 0) throw unexpected(place, divisor, block_size);
    if (!enable_prefix_caching) continue;
    if (groups.length === 1 && block_size !== hash_block_size)
      throw unexpected(place, `hash_block_size ${hash_block_size}, with one group`, block_size);
    if (block_size % hash_block_size !== 0)
      throw unexpected(place, `a multiple of hash_block_size ${hash_block_size}`, block_size);
    // vLLM asserts the last two as well.
    if (kind === 'MambaSpec' && mamba_cache_mode !== 'align')
      throw unexpected(
        `resolved.groups[${index}].mamba_cache_mode`,
        'align, with prefix caching',
        mamba_cache_mode,
      );
    if (kind === 'ChunkedLocalAttentionSpec' && block_size !== scheduler_block_size)
      throw unexpected(
        place,
        `scheduler_block_size ${scheduler_block_size}, with chunked local attention and prefix caching`,
        block_size,
      );
  }
}

/** The planned cache that `resolved` describes; layer sizes do not matter to the scheduler. */
export function kvCacheConfigFromResolved(resolved: ResolvedRecord): KVCacheConfig {
  return {
    numBlocks: resolved.num_gpu_blocks,
    groups: resolved.groups.map((group, index) => ({
      layerNames: Array.from({ length: group.layers }, (_, layer) => `group.${index}.${layer}`),
      spec: specFromGroup(group, index),
      isEagleGroup: false,
    })),
  };
}

const ATTENTION = {
  dcpSharded: true,
  blockStrideAlignment: null,
  isDraft: false,
  numKvHeads: 1,
  headSize: 8,
  headSizeV: 8,
  dtype: 'float16',
  kvQuantMode: 'none',
  pageSizePadded: null,
  numHeadSlots: null,
  stateContentBytes: null,
  tokensPerState: 1,
  maxTpShards: null,
} as const;

function specFromGroup(group: ResolvedGroupRecord, index: number): KVCacheSpec {
  const blockSize = group.block_size;
  switch (group.kind) {
    case 'FullAttentionSpec':
      return {
        ...ATTENTION,
        kind: 'full_attention',
        blockSize,
        slidingWindow: group.sliding_window ?? null,
        attentionChunkSize: null,
        nonCausal: false,
      };
    case 'SlidingWindowSpec':
      if (typeof group.sliding_window !== 'number') break;
      return {
        ...ATTENTION,
        kind: 'sliding_window',
        blockSize,
        slidingWindow: group.sliding_window,
        extraRetainedTokens: 0,
      };
    case 'MLAAttentionSpec':
      return createSpec({ kind: 'mla_attention', blockSize, ...ATTENTION });
    case 'SlidingWindowMLASpec': {
      const { sliding_window: slidingWindow } = group;
      if (typeof slidingWindow !== 'number') break;
      return createSpec({ kind: 'sliding_window_mla', blockSize, slidingWindow, ...ATTENTION });
    }
    case 'ChunkedLocalAttentionSpec':
      if (typeof group.attention_chunk_size !== 'number') break;
      return {
        ...ATTENTION,
        kind: 'chunked_local_attention',
        blockSize,
        attentionChunkSize: group.attention_chunk_size,
      };
    case 'MambaSpec':
      return {
        kind: 'mamba',
        blockSize,
        dcpSharded: false,
        blockStrideAlignment: null,
        isDraft: false,
        shapes: [[8, blockSize]],
        dtypes: ['float16'],
        pageSizePadded: null,
        mambaType: 'mamba2',
        mambaCacheMode: group.mamba_cache_mode ?? 'none',
        numSpeculativeBlocks: 0,
        numPrefillCheckpointBlocks: 0,
        prefillCheckpointAlignment: null,
        tpReplicated: false,
      };
  }
  throw new ConfigError(
    'E_BAD_FILE',
    `resolved.groups[${index}]: expected FullAttentionSpec, SlidingWindowSpec with sliding_window, ` +
      `ChunkedLocalAttentionSpec with attention_chunk_size or MambaSpec, got ${group.kind}`,
  );
}
