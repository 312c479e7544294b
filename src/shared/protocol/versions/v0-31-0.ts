/**
 * The wire of vLLM 0.31.0, by its difference to 0.32.0. LoRARequest is positional and lost its fifth field then: neither
 * version reads the other's.
 */
import { ANY, dictOf } from '../declared-type.ts';
import { any, bool, declaredAs, intArray, mapOf, nullable } from '../field-types.ts';
import { insert, optional, orDefault, replace, without } from '../struct-table.ts';
import type { WireVersion } from '../wire-version.ts';
import { V0_32_0 } from './v0-32-0.ts';

const { tables, described, waves, parallelConfigKeys } = V0_32_0;

export const V0_31_0: WireVersion = {
  vllmVersion: '0.31.0',
  waves,
  parallelConfigKeys: parallelConfigKeys.filter((key) => key !== '_coord_store_port'),
  absentCalls: ['pause_generation', 'compute_weight_checksums'],
  tables: {
    ...tables,
    samplingParams: replace(
      replace(
        without(tables.samplingParams, ['_watermarking_skipped']),
        orDefault('watermarking', bool, true),
      ),
      optional('prompt_logprob_token_ids', nullable(intArray), null),
    ),
    loraRequest: insert(tables.loraRequest, 'load_inplace', [
      optional(
        'tensorizer_config_dict',
        nullable(declaredAs(dictOf(ANY, ANY), mapOf(any, 'values'))),
        null,
      ),
    ]),
    prefixCacheStats: without(tables.prefixCacheStats, ['hits_by_source']),
    schedulerStats: without(tables.schedulerStats, ['num_kv_fetch_reqs_by_stage']),
    engineCoreOutputs: without(tables.engineCoreOutputs, ['weight_version']),
  },
  described,
};
