/** Builders for KV cache tests: every argument has a default, a test names only what it is about. */

import { resolveHashBlockSizes } from '../../src/capacity/plan/hash-block-sizes.ts';
import { createSpec } from '../../src/capacity/spec/create-spec.ts';
import type { KVCacheGroup } from '../../src/capacity/spec/kv-cache-config.ts';
import type { KVCacheSpec } from '../../src/capacity/spec/spec.ts';
import type { Admission } from '../../src/engine-core/kv-cache/admission.ts';
import {
  type BlockHasher,
  createBlockHasher,
  type PrefixCachingHashAlgo,
} from '../../src/engine-core/kv-cache/hash/block-hash.ts';
import { BlockHashes } from '../../src/engine-core/kv-cache/hash/block-hashes.ts';
import type { KVCacheBlocks } from '../../src/engine-core/kv-cache/kv-cache-blocks.ts';
import { KVCacheManager } from '../../src/engine-core/kv-cache/kv-cache-manager.ts';
import type { KVCacheMetricsCollector } from '../../src/engine-core/kv-cache/kv-cache-metrics.ts';
import type {
  KVCacheRequest,
  MultiModalFeature,
} from '../../src/engine-core/kv-cache/kv-cache-request.ts';
import type { RequestKVState } from '../../src/engine-core/kv-cache/request-kv-state.ts';
import type { LoRARequest } from '../../src/shared/protocol/request.ts';

/** A group as the recorded sequences write it. */
export interface GroupRecord {
  readonly kind: KVCacheSpec['kind'];
  readonly block_size?: number;
  /** Sliding window and R-SWA, in tokens. */
  readonly window?: number;
  /** Chunked local attention, in tokens. */
  readonly chunk?: number;
  /** Mamba. */
  readonly mode?: 'none' | 'align';
  readonly ckpt?: number;
  readonly ckpt_align?: number | null;
  /** Sliding-window MLA. */
  readonly bounded?: boolean;
}

export function createGroup(record: GroupRecord): KVCacheGroup {
  return { layerNames: ['layer'], spec: createGroupSpec(record), isEagleGroup: false };
}

function createGroupSpec(record: GroupRecord): KVCacheSpec {
  const { kind, window = 32 } = record;
  const base = { blockSize: record.block_size ?? 16, dcpSharded: false };
  const attention = { ...base, numKvHeads: 1, headSize: 8, headSizeV: 8, dtype: 'bfloat16' };
  switch (kind) {
    case 'rswa':
      return createSpec({ kind, ...attention, rswaWindow: window });
    case 'sliding_window':
      return createSpec({ kind, ...attention, slidingWindow: window });
    case 'sliding_window_mla':
      return createSpec({
        kind,
        ...attention,
        slidingWindow: window,
        boundedReplay: record.bounded ?? false,
      });
    case 'chunked_local_attention':
      return createSpec({ kind, ...attention, attentionChunkSize: record.chunk ?? 32 });
    case 'mamba':
      return createSpec({
        kind,
        ...base,
        shapes: [[4, 4]],
        dtypes: ['bfloat16'],
        mambaCacheMode: record.mode ?? 'align',
        numPrefillCheckpointBlocks: record.ckpt ?? 0,
        prefillCheckpointAlignment: record.ckpt_align ?? null,
      });
    default:
      return createSpec({ kind, ...attention });
  }
}

/** The fields that the KV cache reads, and nothing of a scheduler. */
export class TestRequest implements KVCacheRequest {
  readonly requestId: string;
  readonly allTokenIds: number[];
  readonly numPromptTokens: number;
  numComputedTokens = 0;
  numInFlightTokens = 0;
  numPreemptions = 0;
  sharedPrefixBoundary = 0;
  readonly skipReadingPrefixCache: boolean;
  readonly loraRequest: LoRARequest | null;
  readonly cacheSalt: string | null;
  readonly sessionId: string | null;
  readonly promptEmbeds: KVCacheRequest['promptEmbeds'];
  readonly mmFeatures: readonly MultiModalFeature[];
  readonly blockHashes = new BlockHashes();
  kvState: RequestKVState | null = null;

  constructor(options: Partial<KVCacheRequest> & { readonly promptTokenIds: readonly number[] }) {
    this.requestId = options.requestId ?? 'r0';
    this.allTokenIds = [...options.promptTokenIds];
    this.numPromptTokens = this.allTokenIds.length;
    this.skipReadingPrefixCache = options.skipReadingPrefixCache ?? false;
    this.loraRequest = options.loraRequest ?? null;
    this.cacheSalt = options.cacheSalt ?? null;
    this.sessionId = options.sessionId ?? null;
    this.promptEmbeds = options.promptEmbeds ?? null;
    this.mmFeatures = options.mmFeatures ?? [];
  }

  get numTokens(): number {
    return this.allTokenIds.length;
  }
}

export function createLoRARequest([loraName, loraIntId, loraPath]: readonly [
  string,
  number,
  string,
]): LoRARequest {
  return {
    loraName,
    loraIntId,
    loraPath,
    baseModelName: null,
    loadInplace: false,
    is3dLoraWeight: false,
  };
}

export interface KVCacheSetup {
  readonly groups?: readonly GroupRecord[];
  readonly numBlocks?: number;
  readonly maxModelLen?: number;
  readonly maxInFlightTokens?: number;
  readonly enableCaching?: boolean;
  readonly retentionInterval?: number | null;
  readonly enableKvCacheEvents?: boolean;
  readonly watermark?: number;
  /** cache_config.block_size; the first group's by default. */
  readonly blockSize?: number;
  readonly algorithm?: PrefixCachingHashAlgo;
  readonly metricsCollector?: KVCacheMetricsCollector;
}

/** A manager and the hasher that goes with it, with the few moves of a scheduler that tests need. */
export class KVCacheBench {
  readonly manager: KVCacheManager;
  readonly schedulerBlockSize: number;
  readonly hashBlockSize: number;
  readonly #hasher: BlockHasher | null;
  #lastId = 0;

  constructor(setup: KVCacheSetup = {}) {
    const groups = (setup.groups ?? [{ kind: 'full_attention' }]).map(createGroup);
    const enableCaching = setup.enableCaching ?? true;
    const sizes = resolveHashBlockSizes({
      groups,
      cacheBlockSize: setup.blockSize ?? groups[0]?.spec.blockSize ?? 16,
      enablePrefixCaching: enableCaching,
      prefixMatchUnit: null,
      decodeContextParallelSize: 1,
    });
    this.schedulerBlockSize = sizes.schedulerBlockSize;
    this.hashBlockSize = sizes.hashBlockSize;
    const enableKvCacheEvents = setup.enableKvCacheEvents ?? false;
    this.manager = new KVCacheManager({
      ...sizes,
      kvCacheConfig: { numBlocks: setup.numBlocks ?? 20, groups },
      maxModelLen: setup.maxModelLen ?? 256,
      maxInFlightTokens: setup.maxInFlightTokens ?? 2048,
      enableCaching,
      retentionInterval: setup.retentionInterval === undefined ? 0 : setup.retentionInterval,
      logStats: true,
      enableKvCacheEvents,
      watermark: setup.watermark ?? 0,
      metricsCollector: setup.metricsCollector ?? null,
    });
    this.#hasher = enableCaching
      ? createBlockHasher({
          hashBlockSize: this.hashBlockSize,
          algorithm: setup.algorithm ?? 'sha256',
          exact: enableKvCacheEvents,
        })
      : null;
  }

  request(prompt: readonly number[] | number, options: Partial<KVCacheRequest> = {}): TestRequest {
    const promptTokenIds =
      typeof prompt === 'number' ? Array.from({ length: prompt }, (_, i) => i) : prompt;
    const request = new TestRequest({
      requestId: `r${this.#lastId++}`,
      ...options,
      promptTokenIds,
    });
    this.#hasher?.update(request);
    return request;
  }

  append(request: TestRequest, token: number): void {
    request.allTokenIds.push(token);
    this.#hasher?.update(request);
  }

  /** Looks the prefix up and takes slots for the rest of the sequence, or for `numNewTokens` of it. */
  admit(
    request: TestRequest,
    options: { numNewTokens?: number } & Partial<Admission> = {},
  ): KVCacheBlocks | null {
    const computed = this.manager.getComputedBlocks(request);
    request.sharedPrefixBoundary = computed.sharedPrefixBoundary;
    const numNewTokens = options.numNewTokens ?? request.numTokens - computed.numComputedTokens;
    const blocks = this.manager.allocateSlots(request, numNewTokens, {
      newComputedBlocks: computed.blocks,
      numNewComputedTokens: computed.numComputedTokens,
      fullSequenceMustFit: options.fullSequenceMustFit ?? true,
      applyWatermark: options.applyWatermark ?? false,
      numEncoderTokens: options.numEncoderTokens ?? 0,
    });
    if (blocks !== null) request.numComputedTokens = computed.numComputedTokens + numNewTokens;
    return blocks;
  }

  /** One decode step: a token is appended and gets its slot. */
  decode(request: TestRequest, token: number): KVCacheBlocks | null {
    this.append(request, token);
    const blocks = this.manager.allocateSlots(request, 1);
    if (blocks !== null) request.numComputedTokens += 1;
    return blocks;
  }
}

/**
 * Where a chunk [start, end) of a prefill may end when states are kept at block boundaries: on a boundary, unless it
 * reaches the sequence's end, and not beyond the last boundary that can be cached. Other mixes: anywhere.
 */
export function createMambaSplit(
  groups: readonly GroupRecord[],
): (request: TestRequest, start: number, end: number) => number {
  const mamba = groups.find(({ kind, mode }) => kind === 'mamba' && mode === 'align');
  if (mamba === undefined) return (_request, _start, end) => end;
  const size = mamba.block_size ?? 16;
  return (request, start, end) => {
    if (start >= Math.max(request.numPromptTokens, request.numTokens - 1)) return end;
    const lastCacheable = Math.floor((request.numTokens - 1) / size) * size;
    const aligned = end < request.numTokens ? Math.floor(end / size) * size : end;
    const stops = [(Math.floor(start / size) + 1) * size, lastCacheable];
    const isMidBlock = start % size !== 0;
    return Math.min(
      aligned > start ? aligned : end,
      ...stops.filter((stop, i) => stop > start && stop < end && (i > 0 || isMidBlock)),
    );
  };
}
