/**
 * The wire of vLLM 0.28.0, by its difference to 0.30.0. Its ready response says nothing of LoRA, which 0.30.0 and later
 * do not accept.
 */
import { ndArray } from '../array-types.ts';
import { move, replace, required, without } from '../struct-table.ts';
import type { WireVersion } from '../wire-version.ts';
import { V0_30_0 } from './v0-30-0.ts';

const { tables, described, parallelConfigKeys, absentCalls } = V0_30_0;

export const V0_28_0: WireVersion = {
  vllmVersion: '0.28.0',
  waves: { startedBy: 'frontend', isStartReported: false },
  parallelConfigKeys,
  absentCalls,
  tables: {
    ...tables,
    engineCoreReadyResponse: without(
      tables.engineCoreReadyResponse,
      ['supports_lora', 'max_loras', 'mamba_block_size'],
      { supports_lora: false, max_loras: 0 },
    ),
    samplingParams: move(
      without(tables.samplingParams, ['watermarking', 'trace_decode_token_ids'], {
        watermarking: null,
      }),
      'bad_words',
      ['routed_experts_prompt_start'],
    ),
    logprobsTensors: without(tables.logprobsTensors, ['cu_num_generated_tokens_tensor']),
    samplingMaskLists: replace(tables.samplingMaskLists, required('offsets', ndArray)),
    engineCoreOutput: without(tables.engineCoreOutput, ['spec_decode_metrics']),
    blockStored: without(tables.blockStored, ['ownership', 'session_id']),
    blockRemoved: without(tables.blockRemoved, ['ownership']),
  },
  described,
};
