/** Every struct on the wire: its name in the code, and what it is once it is read. */
import type { EngineHandshakeMetadata, EngineZmqAddresses, HandshakeMessage } from './handshake.ts';
import type { AllBlocksCleared, BlockRemoved, BlockStored, KVEventBatch } from './kv-events.ts';
import type {
  EngineCoreEvent,
  EngineCoreOutput,
  EngineCoreOutputs,
  LogprobsLists,
  LogprobsTensors,
  RequestError,
  RequestSpecDecodeMetrics,
  SamplingMaskLists,
  UtilityOutput,
} from './outputs.ts';
import type { LateChunkingParams, LateInteractionParams, PoolingParams } from './pooling.ts';
import type { EngineCoreReadyResponse, KVEventsConfig } from './ready-response.ts';
import type {
  EngineCoreRequest,
  LoRARequest,
  RepetitionDetectionParams,
  SamplingParams,
} from './request.ts';
import type {
  KVCacheEvictionEvent,
  PrefillStats,
  PrefixCacheStats,
  SchedulerStats,
  SpecDecodingStats,
} from './stats.ts';

/** Messages begin with some of them, the rest are inside. */
export interface WireStructs {
  readonly kvEventsConfig: KVEventsConfig;
  readonly engineCoreReadyResponse: EngineCoreReadyResponse;
  readonly handshakeMessage: HandshakeMessage;
  readonly engineZmqAddresses: EngineZmqAddresses;
  readonly engineHandshakeMetadata: EngineHandshakeMetadata;
  readonly repetitionDetectionParams: RepetitionDetectionParams;
  readonly samplingParams: SamplingParams;
  readonly lateInteractionParams: LateInteractionParams;
  readonly lateChunkingParams: LateChunkingParams;
  readonly poolingParams: PoolingParams;
  readonly loraRequest: LoRARequest;
  readonly engineCoreRequest: EngineCoreRequest;
  readonly prefixCacheStats: PrefixCacheStats;
  readonly kvCacheEvictionEvent: KVCacheEvictionEvent;
  readonly specDecodingStats: SpecDecodingStats;
  readonly schedulerStats: SchedulerStats;
  readonly prefillStats: PrefillStats;
  readonly engineCoreEvent: EngineCoreEvent;
  readonly requestError: RequestError;
  readonly logprobsLists: LogprobsLists;
  readonly logprobsTensors: LogprobsTensors;
  readonly samplingMaskLists: SamplingMaskLists;
  readonly requestSpecDecodeMetrics: RequestSpecDecodeMetrics;
  readonly engineCoreOutput: EngineCoreOutput;
  readonly utilityOutput: UtilityOutput;
  readonly engineCoreOutputs: EngineCoreOutputs;
  readonly blockStored: BlockStored;
  readonly blockRemoved: BlockRemoved;
  readonly allBlocksCleared: AllBlocksCleared;
  readonly kvEventBatch: KVEventBatch;
}
