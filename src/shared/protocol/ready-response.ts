import type { EngineIndex } from './ids.ts';

/** Where an engine publishes KV cache events. Source: vllm/config/kv_events.py KVEventsConfig. */
export interface KVEventsConfig {
  readonly enableKvCacheEvents: boolean;
  readonly publisher: string;
  readonly endpoint: string;
  readonly replayEndpoint: string | null;
  readonly bufferSteps: number;
  readonly hwm: number;
  readonly maxQueueSize: number;
  readonly topic: string;
}

/**
 * What an engine core says of itself when it is ready, on each frontend's input socket: 28 fields, all present.
 * Source: vllm/v1/engine/__init__.py EngineCoreReadyResponse (0.33.0).
 */
export interface EngineCoreReadyResponse {
  /** Tokens; after auto-fit. */
  readonly maxModelLen: number;
  /** The pool, null block included. */
  readonly numGpuBlocks: number;
  /** Tokens per block of the smallest group. */
  readonly blockSize: number;
  readonly dpStatsAddress: string | null;
  /** `bfloat16`, without `torch.`. */
  readonly dtype: string;
  readonly vllmVersion: string;
  readonly worldSize: number;
  readonly dataParallelSize: number;
  readonly tensorParallelSize: number;
  readonly pipelineParallelSize: number;
  readonly decodeContextParallelSize: number;
  readonly dataParallelRank: EngineIndex;
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly instanceId: string;
  readonly supportsLora: boolean;
  readonly maxLoras: number;
  readonly mambaBlockSize: number | null;
  /** trunc(concurrency × max_model_len); null where the model has no KV cache. */
  readonly kvCacheSizeTokens: number | null;
  readonly kvCacheMaxConcurrency: number | null;
  readonly kvEventsConfig: KVEventsConfig | null;
  readonly weightTransferBackend: string | null;
  readonly enableSleepMode: boolean;
  readonly supportsDraftWeightUpdates: boolean;
  readonly effectiveAttentionBlockSize: number | null;
  readonly coordStorePort: number;
  readonly coordinatorInputAddress: string | null;
  readonly coordinatorOutputAddress: string | null;
}

/** What differs from engine to engine. */
type OwnField = 'maxModelLen' | 'numGpuBlocks' | 'blockSize' | 'vllmVersion';

/**
 * That of an engine alone, whose blocks are all of one full-attention group, without adapters, events or sleep; what differs is
 * named. Source: vllm/v1/engine/core.py EngineCoreProc._make_ready_response; the limits: vllm/config/scheduler.py SchedulerConfig.
 */
export function createReadyResponse(
  values: Pick<EngineCoreReadyResponse, OwnField> & Partial<EngineCoreReadyResponse>,
): EngineCoreReadyResponse {
  const { maxModelLen, numGpuBlocks, blockSize } = values;
  const kvCacheSizeTokens = numGpuBlocks * blockSize;
  return {
    dpStatsAddress: null,
    dtype: 'bfloat16',
    worldSize: 1,
    dataParallelSize: 1,
    tensorParallelSize: 1,
    pipelineParallelSize: 1,
    decodeContextParallelSize: 1,
    dataParallelRank: 0,
    maxNumSeqs: 256,
    maxNumBatchedTokens: 2_048,
    instanceId: '',
    supportsLora: false,
    maxLoras: 0,
    mambaBlockSize: null,
    kvCacheSizeTokens,
    kvCacheMaxConcurrency: kvCacheSizeTokens / maxModelLen,
    kvEventsConfig: null,
    weightTransferBackend: null,
    enableSleepMode: false,
    supportsDraftWeightUpdates: false,
    effectiveAttentionBlockSize: blockSize,
    coordStorePort: 0,
    coordinatorInputAddress: null,
    coordinatorOutputAddress: null,
    ...values,
  };
}
