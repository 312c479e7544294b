import type { EngineHandshakeMetadata } from '../../shared/protocol/handshake.ts';
import { isBefore, type SpokenVersion } from '../../shared/version.ts';
import type { ClientAddresses } from '../engine-client/multi-process-client.ts';

export interface HandshakeMetadataOptions {
  readonly vllmVersion: SpokenVersion;
  /** In the order of client index. */
  readonly clients: readonly ClientAddresses[];
  /** Null where this frontend runs no coordinator. */
  readonly coordinator: {
    readonly coordinatorInputAddress: string;
    readonly coordinatorOutputAddress: string;
    readonly frontendStatsPublishAddress: string;
  } | null;
  /** Where the ranks meet to agree on their waves; null where they do not. */
  readonly meeting: { readonly host: string; readonly port: number; readonly size: number } | null;
}

/** What INIT tells an engine, with vLLM's keys. Pure. Source: vllm/v1/engine/utils.py wait_for_engine_startup (0.33.0). */
export function handshakeMetadata({
  vllmVersion,
  clients,
  coordinator,
  meeting,
}: HandshakeMetadataOptions): EngineHandshakeMetadata {
  return {
    addresses: {
      inputs: clients.map(({ input }) => input),
      outputs: clients.map(({ output }) => output),
      coordinatorInput: coordinator?.coordinatorInputAddress ?? null,
      coordinatorOutput: coordinator?.coordinatorOutputAddress ?? null,
      frontendStatsPublishAddress: coordinator?.frontendStatsPublishAddress ?? null,
    },
    parallelConfig:
      meeting === null
        ? {}
        : {
            data_parallel_master_ip: meeting.host,
            data_parallel_master_port: meeting.port,
            _data_parallel_master_port_list: [],
            ...(isBefore(vllmVersion, '0.32.0') ? {} : { _coord_store_port: 0 }),
            data_parallel_size: meeting.size,
          },
  };
}
