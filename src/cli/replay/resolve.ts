/**
 * Makes of a workload's config what vLLM makes of it: groups, block sizes, capacity. A `resolved` that is given wins.
 */
import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import type { KVCacheSpec } from '../../capacity/spec/spec.ts';
import { ConfigError } from '../../shared/errors.ts';
import { deriveResolved } from './derive.ts';
import type { ResolvedGroupRecord, ResolvedRecord, TraceRecord } from './record.ts';

export interface ResolvedTrace {
  readonly resolved: ResolvedRecord;
  readonly kvCacheConfig: KVCacheConfig;
}

export function resolveTrace({ config, resolved }: TraceRecord): ResolvedTrace {
  if (resolved === undefined) return deriveResolved(config);
  return { resolved, kvCacheConfig: kvCacheConfigFromResolved(resolved) };
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
  kvQuantMode: 0,
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
        slidingWindow: group.sliding_window,
        attentionChunkSize: null,
        nonCausal: false,
      };
    case 'SlidingWindowSpec':
      if (group.sliding_window === null) break;
      return {
        ...ATTENTION,
        kind: 'sliding_window',
        blockSize,
        slidingWindow: group.sliding_window,
        extraRetainedTokens: 0,
      };
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
