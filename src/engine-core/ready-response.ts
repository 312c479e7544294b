import type { EngineZmqAddresses } from '../shared/protocol/handshake.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse, KVEventsConfig } from '../shared/protocol/ready-response.ts';
import type { EngineSetup } from './engine-setup.ts';

export interface ReadyResponseOptions {
  readonly setup: EngineSetup;
  readonly rank: EngineIndex;
  readonly addresses: EngineZmqAddresses;
  /** More than 1 only for data-parallel mixture-of-experts ranks: others are independent engines. */
  readonly dataParallelSize: number;
  readonly kvEventsConfig: KVEventsConfig | null;
  /** Unique per engine: nanoseconds of its start. */
  readonly instanceId: string;
}

/** What an engine says of itself. Source: vllm/v1/engine/core.py EngineCoreProc._make_ready_response (0.33.0). */
export function createReadyResponse(options: ReadyResponseOptions): EngineCoreReadyResponse {
  const { setup, addresses } = options;
  const { args, model, plan, scheduler } = setup;
  return {
    maxModelLen: plan.maxModelLen,
    numGpuBlocks: plan.numBlocks,
    blockSize: plan.cacheBlockSize,
    dpStatsAddress: addresses.frontendStatsPublishAddress,
    dtype: model.facts.dtype,
    vllmVersion: args.vllmVersion,
    worldSize: args.tensorParallelSize * args.pipelineParallelSize,
    dataParallelSize: options.dataParallelSize,
    tensorParallelSize: args.tensorParallelSize,
    pipelineParallelSize: args.pipelineParallelSize,
    decodeContextParallelSize: args.decodeContextParallelSize,
    dataParallelRank: options.rank,
    maxNumSeqs: scheduler.maxNumSeqs,
    maxNumBatchedTokens: scheduler.maxNumBatchedTokens,
    instanceId: options.instanceId,
    supportsLora: args.enableLora === true,
    maxLoras: args.enableLora === true ? args.maxLoras : 0,
    mambaBlockSize: mambaBlockSizeOf(setup),
    kvCacheSizeTokens: plan.capacity?.tokens ?? null,
    kvCacheMaxConcurrency: plan.capacity?.maxConcurrency ?? null,
    kvEventsConfig: options.kvEventsConfig,
    weightTransferBackend: null,
    enableSleepMode: args.enableSleepMode,
    supportsDraftWeightUpdates: false,
    effectiveAttentionBlockSize: effectiveAttentionBlockSizeOf(setup),
    coordStorePort: 0,
    coordinatorInputAddress: addresses.coordinatorInput,
    coordinatorOutputAddress: addresses.coordinatorOutput,
  };
}

function mambaBlockSizeOf({ args, plan }: EngineSetup): number | null {
  const group = plan.schedulerConfig.groups.find(({ spec }) => spec.kind === 'mamba');
  return group?.spec.blockSize ?? args.mambaBlockSize;
}

const FULL_ATTENTION_KINDS: readonly string[] = [
  'full_attention',
  'mla_attention',
  'hidden_state_cache',
  'sink_full_attention',
  'rswa',
];

/** The block size of the full-attention groups, if they have one in common. */
function effectiveAttentionBlockSizeOf({ args, plan }: EngineSetup): number | null {
  const sizes = new Set(
    plan.schedulerConfig.groups
      .filter(({ spec }) => FULL_ATTENTION_KINDS.includes(spec.kind))
      .map(({ spec }) => spec.blockSize * (spec.dcpSharded ? args.decodeContextParallelSize : 1)),
  );
  const [size] = sizes;
  return sizes.size === 1 && size !== undefined ? size : null;
}
