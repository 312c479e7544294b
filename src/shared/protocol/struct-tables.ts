/**
 * The field tables of every wire struct, filed under the vLLM version they belong to. In an `array` struct the order is
 * the protocol; a new field goes last. Another vLLM version is another folder of tables and another entry of
 * WIRE_STRUCTS, not another code path.
 */

import {
  allBlocksCleared,
  blockRemoved,
  blockStored,
  kvEventBatch,
} from './v0-33-0/kv-event-structs.ts';
import {
  engineCoreEvent,
  engineCoreOutput,
  engineCoreOutputs,
  logprobsLists,
  logprobsTensors,
  requestError,
  requestSpecDecodeMetrics,
  samplingMaskLists,
  utilityOutput,
} from './v0-33-0/output-structs.ts';
import {
  engineCoreRequest,
  loraRequest,
  repetitionDetectionParams,
  samplingParams,
} from './v0-33-0/request-structs.ts';
import {
  engineCoreReadyResponse,
  engineHandshakeMetadata,
  engineZmqAddresses,
  handshakeMessage,
  kvEventsConfig,
} from './v0-33-0/startup-structs.ts';
import {
  kvCacheEvictionEvent,
  prefillStats,
  prefixCacheStats,
  schedulerStats,
} from './v0-33-0/stats-structs.ts';

/** By the structs' names in the code; messages begin with some of them, the rest are inside. */
const STRUCTS_0_33_0 = {
  kvEventsConfig,
  engineCoreReadyResponse,
  handshakeMessage,
  engineZmqAddresses,
  engineHandshakeMetadata,
  repetitionDetectionParams,
  samplingParams,
  loraRequest,
  engineCoreRequest,
  prefixCacheStats,
  kvCacheEvictionEvent,
  schedulerStats,
  prefillStats,
  engineCoreEvent,
  requestError,
  logprobsLists,
  logprobsTensors,
  samplingMaskLists,
  requestSpecDecodeMetrics,
  engineCoreOutput,
  utilityOutput,
  engineCoreOutputs,
  blockStored,
  blockRemoved,
  allBlocksCleared,
  kvEventBatch,
} as const;

export const WIRE_STRUCTS = { '0.33.0': STRUCTS_0_33_0 } as const;

export type WireVersion = keyof typeof WIRE_STRUCTS;
