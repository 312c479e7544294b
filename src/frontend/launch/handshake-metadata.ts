import type { EngineHandshakeMetadata } from '../../shared/protocol/handshake.ts';
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import type { ParallelConfigKey } from '../../shared/protocol/wire-version.ts';
import type { SpokenVersion } from '../../shared/version.ts';
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
    parallelConfig: meeting === null ? {} : parallelConfigOf(vllmVersion, meeting),
  };
}

function parallelConfigOf(
  vllmVersion: SpokenVersion,
  { host, port, size }: NonNullable<HandshakeMetadataOptions['meeting']>,
): Readonly<Record<string, unknown>> {
  const known: Readonly<Record<ParallelConfigKey, unknown>> = {
    data_parallel_master_ip: host,
    data_parallel_master_port: port,
    _data_parallel_master_port_list: [],
    _coord_store_port: 0,
    data_parallel_size: size,
  };
  const { parallelConfigKeys } = WIRE_VERSIONS[vllmVersion];
  return Object.fromEntries(parallelConfigKeys.map((key) => [key, known[key]]));
}
