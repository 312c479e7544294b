/**
 * What an engine core sends, vLLM 0.33.0: fields in their order, with the defaults of those that may be left out.
 * Source: vllm/v1/engine/__init__.py, vllm/v1/outputs.py, vllm/outputs.py (0.33.0).
 */

import { ndArray, tensor } from '../../array-types.ts';
import { ANY, dictOf, orNone, STR } from '../../declared-type.ts';
import { createEngineCoreOutput, createEngineCoreOutputs } from '../../defaults.ts';
import {
  any,
  arrayOf,
  bool,
  declaredAs,
  enumOf,
  float,
  int,
  int64,
  intArray,
  intOrStr,
  mapOf,
  nullable,
  str,
  struct,
  utilityResult,
} from '../../field-types.ts';
import {
  type EngineCoreEvent,
  EngineCoreEventType,
  type EngineCoreOutput,
  type EngineCoreOutputs,
  FinishReason,
  type LogprobsLists,
  type LogprobsTensors,
  type RequestError,
  type RequestSpecDecodeMetrics,
  type SamplingMaskLists,
  type UtilityOutput,
} from '../../outputs.ts';
import { optional, required, type StructTable } from '../../struct-table.ts';

const EMPTY: readonly never[] = Object.freeze([]);
const strArray = arrayOf(str, 'str');
const strSet = declaredAs({ kind: 'set', of: STR }, strArray);
const strMap = mapOf(str, 'str');
/** What a connector says of a request; nobody else looks into it. */
const params = declaredAs(orNone(dictOf(STR, ANY)), any);

const engineCoreEvent: StructTable<EngineCoreEvent> = {
  name: 'EngineCoreEvent',
  layout: 'map',
  fields: [
    required('type', enumOf('EngineCoreEventType', EngineCoreEventType)),
    required('timestamp', float),
  ],
  create: () => ({ type: EngineCoreEventType.QUEUED, timestamp: 0 }),
};

const requestError: StructTable<RequestError> = {
  name: 'RequestError',
  layout: 'map',
  fields: [required('code', str), required('message', str), optional('retryable', bool, false)],
};

const logprobsLists: StructTable<LogprobsLists> = {
  name: 'LogprobsLists',
  layout: 'array',
  isExact: true,
  fields: [
    required('logprob_token_ids', ndArray),
    required('logprobs', ndArray),
    required('sampled_token_ranks', ndArray),
    optional('cu_num_generated_tokens', nullable(intArray), null),
  ],
};

const logprobsTensors: StructTable<LogprobsTensors> = {
  name: 'LogprobsTensors',
  layout: 'array',
  isExact: true,
  fields: [
    required('logprob_token_ids', tensor),
    required('logprobs', tensor),
    required('selected_token_ranks', tensor),
    optional('cu_num_generated_tokens', nullable(intArray), null),
    optional('cu_num_generated_tokens_tensor', nullable(tensor), null),
  ],
};

const samplingMaskLists: StructTable<SamplingMaskLists> = {
  name: 'SamplingMaskLists',
  layout: 'array',
  isExact: true,
  fields: [
    required('token_ids', ndArray),
    optional('offsets', nullable(ndArray), null),
    optional('cu_num_generated_tokens', nullable(intArray), null),
  ],
};

const requestSpecDecodeMetrics: StructTable<RequestSpecDecodeMetrics> = {
  name: 'RequestSpecDecodeMetrics',
  layout: 'map',
  fields: [
    required('num_spec_tokens', int),
    optional('histogram', intArray, EMPTY),
    optional('num_draft_tokens', int, 0),
    optional('per_step_accepted', intArray, EMPTY),
    optional('per_step_drafted', intArray, EMPTY),
  ],
};

const engineCoreOutput: StructTable<EngineCoreOutput> = {
  name: 'EngineCoreOutput',
  layout: 'array',
  fields: [
    required('request_id', str),
    required('new_token_ids', intArray),
    optional('new_logprobs', nullable(struct('logprobsLists')), null),
    optional('new_prompt_logprobs_tensors', nullable(struct('logprobsTensors')), null),
    optional('pooling_output', nullable(tensor), null),
    optional('finish_reason', nullable(enumOf('FinishReason', FinishReason)), null),
    optional('stop_reason', nullable(intOrStr), null),
    optional('events', nullable(arrayOf(struct('engineCoreEvent'), 'events')), null),
    optional('kv_transfer_params', params, null),
    optional('ec_transfer_params', params, null),
    optional('trace_headers', nullable(strMap), null),
    optional('prefill_stats', nullable(struct('prefillStats')), null),
    optional('routed_experts', nullable(ndArray), null),
    optional('num_nans_in_logits', int, 0),
    optional('mm_cache_miss_hashes', nullable(strArray), null),
    optional('new_sampling_mask', nullable(struct('samplingMaskLists')), null),
    optional('spec_decode_metrics', nullable(struct('requestSpecDecodeMetrics')), null),
    optional('prompt_token_id_logprobs', nullable(tensor), null),
    optional('error', nullable(struct('requestError')), null),
  ],
  create: createEngineCoreOutput,
};

const utilityOutput: StructTable<UtilityOutput> = {
  name: 'UtilityOutput',
  layout: 'array',
  fields: [
    required('call_id', int64),
    optional('failure_message', nullable(str), null),
    optional('result', utilityResult, undefined),
  ],
};

const engineCoreOutputs: StructTable<EngineCoreOutputs> = {
  name: 'EngineCoreOutputs',
  layout: 'array',
  fields: [
    optional('engine_index', int, 0),
    optional('outputs', arrayOf(struct('engineCoreOutput'), 'EngineCoreOutput'), EMPTY),
    optional('scheduler_stats', nullable(struct('schedulerStats')), null),
    optional('timestamp', float, 0),
    optional('utility_output', nullable(struct('utilityOutput')), null),
    optional('finished_requests', nullable(strSet), null),
    optional('wave_complete', nullable(int), null),
    optional('start_wave', nullable(int), null),
    optional('weight_version', nullable(str), null),
  ],
  create: createEngineCoreOutputs,
};

export const OUTPUT_TABLES = {
  engineCoreEvent,
  requestError,
  logprobsLists,
  logprobsTensors,
  samplingMaskLists,
  requestSpecDecodeMetrics,
  engineCoreOutput,
  utilityOutput,
  engineCoreOutputs,
};
