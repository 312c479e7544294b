/** The wire of vLLM 0.32.0: what 0.33.0 says more is not said. */
import { without } from '../struct-table.ts';
import type { WireVersion } from '../wire-version.ts';
import { V0_33_0 } from './v0-33-0/version.ts';

const { tables, described, parallelConfigKeys } = V0_33_0;

export const V0_32_0: WireVersion = {
  vllmVersion: '0.32.0',
  waves: { startedBy: 'frontend', isStartReported: true },
  parallelConfigKeys,
  absentCalls: ['pause_generation'],
  tables: {
    ...tables,
    engineCoreReadyResponse: without(tables.engineCoreReadyResponse, [
      'coord_store_port',
      'coordinator_input_address',
      'coordinator_output_address',
    ]),
    handshakeMessage: without(tables.handshakeMessage, [
      'coord_store_port',
      'elastic_ep_max_dp_size',
      'num_redundant_experts',
    ]),
    poolingParams: without(tables.poolingParams, ['late_chunking_params']),
    engineCoreOutput: without(tables.engineCoreOutput, ['error']),
    blockStored: without(tables.blockStored, ['lookahead_token_ids']),
  },
  described,
};
