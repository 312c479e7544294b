/** What the scripted engines say of themselves: every engine another capacity, so that a sum or a mix-up shows. */
import {
  createReadyResponse,
  type EngineCoreReadyResponse,
} from '../../shared/protocol/ready-response.ts';

const MAX_MODEL_LEN = 1_024;
const BLOCK_SIZE = 16;
/** Blocks of rank 0, and how many more each further rank has: no two ranks' sum is a third one's. */
const NUM_BLOCKS = 1_025;
const MORE_BLOCKS = 512;

/** Ranks of dense models are engines of their own: each says that it is one of one. */
export function capacityOf(rank: number, vllmVersion: string): EngineCoreReadyResponse {
  return createReadyResponse({
    maxModelLen: MAX_MODEL_LEN,
    numGpuBlocks: NUM_BLOCKS + MORE_BLOCKS * rank,
    blockSize: BLOCK_SIZE,
    vllmVersion,
    dataParallelRank: rank,
    instanceId: `conform-${rank}`,
  });
}
