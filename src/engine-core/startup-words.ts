/**
 * What an engine says of the steps of its start, in vLLM's words, so that a search finds both.
 * Source: vllm/v1/engine/core.py EngineCoreProc.__init__, startup_handshake, EngineCore.__init__ (0.33.0).
 */
import type { EngineHandshakeMetadata, EngineZmqAddresses } from '../shared/protocol/handshake.ts';
import { toFixed2 } from '../shared/python/float.ts';
import { pyRepr } from '../shared/python/str.ts';
import type { PyValue } from '../shared/python/values.ts';

export const WAITING_FOR_INIT = 'Waiting for init message from front-end.';
export const WAITING_FOR_COORDINATOR = 'Waiting for READY message from DP Coordinator...';
/** Between two of them. */
export const COORDINATOR_WAIT_MS = 10_000;

/** With the message as Python's dataclasses show themselves. */
export function receivedInitLine({ addresses, parallelConfig }: EngineHandshakeMetadata): string {
  const fields: readonly (readonly [string, PyValue])[] = [
    ['inputs', addresses.inputs],
    ['outputs', addresses.outputs],
    ['coordinator_input', addresses.coordinatorInput],
    ['coordinator_output', addresses.coordinatorOutput],
    ['frontend_stats_publish_address', addresses.frontendStatsPublishAddress],
  ];
  const shown = fields.map(([name, value]) => `${name}=${pyRepr(value)}`).join(', ');
  const config = pyRepr(parallelConfig as PyValue);
  return (
    `Received init message: EngineHandshakeMetadata(addresses=EngineZmqAddresses(${shown}), ` +
    `parallel_config=${config})`
  );
}

export function coordinatorLine(addresses: EngineZmqAddresses): string {
  const has = addresses.coordinatorOutput === null ? 'False' : 'True';
  const stats = addresses.frontendStatsPublishAddress ?? 'None';
  return `Has DP Coordinator: ${has}, stats publish address: ${stats}`;
}

export function initTookLine(elapsedMs: number): string {
  return `init engine (profile, create kv cache, warmup model) took ${toFixed2(elapsedMs / 1000)} s`;
}

/** Null where batches run one after the other. */
export function batchQueueLine(maxConcurrentBatches: number): string | null {
  return maxConcurrentBatches > 1
    ? `Batch queue is enabled with size ${maxConcurrentBatches}`
    : null;
}
