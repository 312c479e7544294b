import type { EngineCoreReadyResponse } from '../../src/shared/protocol/ready-response.ts';

/** A ready response whose every field has a default; a test names only what it is about. */
export function createReadyResponse(
  fields: Partial<EngineCoreReadyResponse> = {},
): EngineCoreReadyResponse {
  return {
    maxModelLen: 1024,
    numGpuBlocks: 1025,
    blockSize: 16,
    dpStatsAddress: null,
    dtype: 'bfloat16',
    vllmVersion: '0.33.0',
    worldSize: 1,
    dataParallelSize: 1,
    tensorParallelSize: 1,
    pipelineParallelSize: 1,
    decodeContextParallelSize: 1,
    dataParallelRank: 0,
    maxNumSeqs: 256,
    maxNumBatchedTokens: 2048,
    instanceId: 'test',
    supportsLora: false,
    maxLoras: 0,
    mambaBlockSize: null,
    kvCacheSizeTokens: 16400,
    kvCacheMaxConcurrency: 16.015625,
    kvEventsConfig: null,
    weightTransferBackend: null,
    enableSleepMode: false,
    supportsDraftWeightUpdates: false,
    effectiveAttentionBlockSize: 16,
    coordStorePort: 0,
    coordinatorInputAddress: null,
    coordinatorOutputAddress: null,
    ...fields,
  };
}
