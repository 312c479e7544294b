/** The wire of vLLM 0.33.0. */
import type { WireVersion } from '../../wire-version.ts';
import { DESCRIBED_TABLES } from './described-structs.ts';
import { KV_EVENT_TABLES } from './kv-event-structs.ts';
import { OUTPUT_TABLES } from './output-structs.ts';
import { REQUEST_TABLES } from './request-structs.ts';
import { STARTUP_TABLES } from './startup-structs.ts';
import { STATS_TABLES } from './stats-structs.ts';

export const V0_33_0: WireVersion = {
  vllmVersion: '0.33.0',
  waves: { startedBy: 'engine', isStartReported: true },
  parallelConfigKeys: [
    'data_parallel_master_ip',
    'data_parallel_master_port',
    '_data_parallel_master_port_list',
    '_coord_store_port',
    'data_parallel_size',
  ],
  absentCalls: [],
  tables: {
    ...STARTUP_TABLES,
    ...REQUEST_TABLES,
    ...STATS_TABLES,
    ...OUTPUT_TABLES,
    ...KV_EVENT_TABLES,
  },
  described: DESCRIBED_TABLES,
};
