/** The wire of vLLM 0.32.0: what 0.33.0 says more is not said. */
import { without } from '../struct-table.ts';
import type { WireVersion } from '../wire-version.ts';
import { V0_33_0 } from './v0-33-0/version.ts';

const { tables, described } = V0_33_0;

export const V0_32_0: WireVersion = {
  vllmVersion: '0.32.0',
  tables: {
    ...tables,
    engineCoreReadyResponse: without(tables.engineCoreReadyResponse, [
      'coord_store_port',
      'coordinator_input_address',
      'coordinator_output_address',
    ]),
    poolingParams: without(tables.poolingParams, ['late_chunking_params']),
    engineCoreOutput: without(tables.engineCoreOutput, ['error']),
    blockStored: without(tables.blockStored, ['lookahead_token_ids']),
  },
  described,
};
