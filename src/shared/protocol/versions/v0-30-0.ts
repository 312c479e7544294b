/** The wire of vLLM 0.30.0, by its difference to 0.31.0. */
import { without } from '../struct-table.ts';
import type { WireVersion } from '../wire-version.ts';
import { V0_31_0 } from './v0-31-0.ts';

const { tables, described, waves, parallelConfigKeys } = V0_31_0;

export const V0_30_0: WireVersion = {
  vllmVersion: '0.30.0',
  waves,
  parallelConfigKeys,
  absentCalls: ['pause_generation', 'compute_weight_checksums', 'release_kv_cache_memory'],
  tables: {
    ...tables,
    engineCoreReadyResponse: without(tables.engineCoreReadyResponse, [
      'effective_attention_block_size',
    ]),
    samplingParams: without(tables.samplingParams, [
      'prompt_logprob_token_ids',
      'prompt_logprob_start',
    ]),
    engineCoreRequest: without(tables.engineCoreRequest, ['kv_hints']),
    schedulerStats: without(tables.schedulerStats, ['ec_connector_stats']),
    engineCoreOutput: without(tables.engineCoreOutput, ['prompt_token_id_logprobs']),
  },
  described,
};
