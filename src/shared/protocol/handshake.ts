/** The start-up handshake's messages. Source: vllm/v1/engine/utils.py, vllm/v1/engine/core.py (0.33.0). */

/** Engine to frontend, a msgpack map. `parallelConfigHash` only with READY of data-parallel MoE engines. */
export interface HandshakeMessage {
  readonly status: 'HELLO' | 'READY';
  /** The frontend runs on the engine's node. */
  readonly local: boolean;
  readonly headless: boolean;
  readonly parallelConfigHash?: string;
  /** This and what follows only with READY of elastic expert parallelism, since 0.33.0. */
  readonly coordStorePort?: number;
  readonly elasticEpMaxDpSize?: number;
  readonly numRedundantExperts?: number;
}

/** The sockets an engine core connects to; one input and one output per API server. Source: EngineZmqAddresses. */
export interface EngineZmqAddresses {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly coordinatorInput: string | null;
  readonly coordinatorOutput: string | null;
  readonly frontendStatsPublishAddress: string | null;
}

/** Frontend to engine. Source: EngineHandshakeMetadata. */
export interface EngineHandshakeMetadata {
  readonly addresses: EngineZmqAddresses;
  /** Non-empty only for MoE data parallelism; snake_case keys as vLLM's attributes. */
  readonly parallelConfig: Readonly<Record<string, unknown>>;
}

/** What the coordinator sends to every engine once all have subscribed. */
export const COORDINATOR_READY = 'READY';
