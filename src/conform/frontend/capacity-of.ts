/** What the scripted engines say of themselves: every engine another capacity, so that a sum or a mix-up shows. */
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';

const MAX_MODEL_LEN = 1_024;
const BLOCK_SIZE = 16;
/** Blocks of rank 0, and how many more each further rank has: no two ranks' sum is a third one's. */
const NUM_BLOCKS = 1_025;
const MORE_BLOCKS = 512;

export function capacityOf(rank: number, vllmVersion: string): EngineCoreReadyResponse {
  const numGpuBlocks = NUM_BLOCKS + MORE_BLOCKS * rank;
  const kvCacheSizeTokens = numGpuBlocks * BLOCK_SIZE;
  return {
    maxModelLen: MAX_MODEL_LEN,
    numGpuBlocks,
    blockSize: BLOCK_SIZE,
    dpStatsAddress: null,
    dtype: 'bfloat16',
    vllmVersion,
    worldSize: 1,
    // Ranks of dense models are engines of their own.
    dataParallelSize: 1,
    tensorParallelSize: 1,
    pipelineParallelSize: 1,
    decodeContextParallelSize: 1,
    dataParallelRank: rank,
    maxNumSeqs: 256,
    maxNumBatchedTokens: 2_048,
    instanceId: `conform-${rank}`,
    supportsLora: false,
    maxLoras: 0,
    mambaBlockSize: null,
    kvCacheSizeTokens,
    kvCacheMaxConcurrency: kvCacheSizeTokens / MAX_MODEL_LEN,
    kvEventsConfig: null,
    weightTransferBackend: null,
    enableSleepMode: false,
    supportsDraftWeightUpdates: false,
    effectiveAttentionBlockSize: BLOCK_SIZE,
    coordStorePort: 0,
    coordinatorInputAddress: null,
    coordinatorOutputAddress: null,
  };
}
