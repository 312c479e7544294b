/**
 * What a client sends, vLLM 0.33.0: fields in their order, with the defaults of those that may be left out.
 * Source: vllm/v1/engine/__init__.py EngineCoreRequest, vllm/sampling_params.py, vllm/pooling_params.py,
 * vllm/lora/request.py (0.33.0).
 */

import { ndArray, tensor } from '../../array-types.ts';
import { listOf, orNone, unionOf } from '../../declared-type.ts';
import {
  createEngineCoreRequest,
  createPoolingParams,
  createSamplingParams,
} from '../../defaults.ts';
import {
  any,
  arrayOf,
  bool,
  declaredAs,
  enumOf,
  type FieldType,
  float,
  int,
  int64,
  intArray,
  intMapOf,
  mapOf,
  nullable,
  str,
  struct,
  wordOf,
} from '../../field-types.ts';
import {
  type LateChunkingParams,
  type LateInteractionParams,
  POOLING_TASKS,
  type PoolingParams,
} from '../../pooling.ts';
import {
  type EngineCoreRequest,
  type LoRARequest,
  type RepetitionDetectionParams,
  RequestOutputKind,
  type SamplingParams,
} from '../../request.ts';
import { optional, required, type StructTable } from '../../struct-table.ts';

const EMPTY: readonly never[] = Object.freeze([]);
const strArray = arrayOf(str, 'str');
const strMap = mapOf(str, 'str');
const strings = nullable(strArray);
/** A list, or one string: that is taken for a list of it. Source: vllm/sampling_params.py SamplingParams.__post_init__. */
const stop: FieldType<readonly string[] | null> = {
  read: (reader) => (reader.isStr() ? [reader.str()] : strings.read(reader)),
  write: (value, writer) => strings.write(value, writer),
  declared: unionOf(str.declared, strArray.declared, { kind: 'none' }),
};
/** A struct that is handed on unread. */
const described = (name: string) => declaredAs(orNone({ kind: 'struct', struct: name }), any);
/** Any integer of 64 bits; only the order counts, so that a double holds enough of it. */
const priority: FieldType<number> = {
  read: (reader) => Number(reader.int64()),
  write: (value, writer) => writer.int(Number.isSafeInteger(value) ? value : BigInt(value)),
  declared: int.declared,
};

const repetitionDetectionParams: StructTable<RepetitionDetectionParams> = {
  name: 'RepetitionDetectionParams',
  layout: 'map',
  fields: [
    optional('max_pattern_size', int, 0),
    optional('min_pattern_size', int, 0),
    optional('min_count', int, 0),
  ],
};

const samplingParams: StructTable<SamplingParams> = {
  name: 'SamplingParams',
  layout: 'sparse',
  fields: [
    optional('n', int, 1),
    optional('presence_penalty', float, 0),
    optional('frequency_penalty', float, 0),
    optional('repetition_penalty', float, 1),
    optional('temperature', float, 1),
    optional('watermarking', nullable(bool), null),
    optional('top_p', float, 1),
    optional('top_k', int, 0),
    optional('min_p', float, 0),
    optional('seed', nullable(int64), null),
    optional('stop', stop, null),
    optional('stop_token_ids', nullable(intArray), null),
    optional('ignore_eos', bool, false),
    optional('max_tokens', nullable(int), 16),
    optional('min_tokens', int, 0),
    optional('logprobs', nullable(int), null),
    optional('prompt_logprobs', nullable(int), null),
    optional('prompt_logprob_token_ids', nullable(ndArray), null),
    optional('prompt_logprob_start', nullable(int), null),
    optional('logprob_token_ids', nullable(intArray), null),
    optional('flat_logprobs', bool, false),
    optional('detokenize', bool, true),
    optional('skip_special_tokens', bool, true),
    optional('spaces_between_special_tokens', bool, true),
    optional('include_stop_str_in_output', bool, false),
    optional(
      'output_kind',
      enumOf('RequestOutputKind', RequestOutputKind),
      RequestOutputKind.CUMULATIVE,
    ),
    optional('stream_interval', nullable(int), null),
    optional('skip_clone', bool, false),
    optional('output_text_buffer_length', int, 0),
    optional('_eos_token_id', nullable(int), null),
    optional('_all_stop_token_ids', declaredAs({ kind: 'set', of: int.declared }, intArray), EMPTY),
    optional('_watermarking_skipped', bool, false),
    optional('structured_outputs', described('structuredOutputsParams'), null),
    optional('logit_bias', nullable(intMapOf(float, 'float')), null),
    optional('allowed_token_ids', nullable(intArray), null),
    optional('extra_args', nullable(mapOf(any, 'values')), null),
    optional('bad_words', nullable(strArray), null),
    optional('_bad_words_token_ids', nullable(arrayOf(intArray, 'arrays')), null),
    optional('skip_reading_prefix_cache', nullable(bool), null),
    optional('thinking_token_budget', nullable(int), null),
    optional('repetition_detection', nullable(struct('repetitionDetectionParams')), null),
    optional('routed_experts_prompt_start', int, 0),
    optional('trace_decode_token_ids', declaredAs(orNone(intArray.declared), any), null),
  ],
  create: createSamplingParams,
};

const lateInteractionParams: StructTable<LateInteractionParams> = {
  name: 'LateInteractionParams',
  layout: 'array',
  fields: [
    required('mode', str),
    required('query_key', str),
    optional('query_uses', nullable(int), null),
  ],
};

const lateChunkingParams: StructTable<LateChunkingParams> = {
  name: 'LateChunkingParams',
  layout: 'array',
  fields: [required('chunk_size', int)],
};

const poolingParams: StructTable<PoolingParams> = {
  name: 'PoolingParams',
  layout: 'array',
  fields: [
    optional('use_activation', nullable(bool), null),
    optional('dimensions', nullable(int), null),
    optional('step_tag_id', nullable(int), null),
    optional('returned_token_ids', nullable(intArray), null),
    optional('task', nullable(wordOf(POOLING_TASKS)), null),
    optional('requires_token_ids', bool, false),
    optional('skip_reading_prefix_cache', nullable(bool), null),
    optional('late_interaction_params', nullable(struct('lateInteractionParams')), null),
    optional('extra_kwargs', nullable(mapOf(any, 'values')), null),
    optional(
      'output_kind',
      enumOf('RequestOutputKind', RequestOutputKind),
      RequestOutputKind.FINAL_ONLY,
    ),
    optional('late_chunking_params', nullable(struct('lateChunkingParams')), null),
  ],
  create: createPoolingParams,
};

const loraRequest: StructTable<LoRARequest> = {
  name: 'LoRARequest',
  layout: 'array',
  fields: [
    required('lora_name', str),
    required('lora_int_id', int),
    optional('lora_path', str, ''),
    optional('base_model_name', nullable(str), null),
    optional('load_inplace', bool, false),
    optional('is_3d_lora_weight', bool, false),
  ],
};

const engineCoreRequest: StructTable<EngineCoreRequest> = {
  name: 'EngineCoreRequest',
  layout: 'array',
  fields: [
    required('request_id', str),
    required('prompt_token_ids', nullable(intArray)),
    required(
      'mm_features',
      declaredAs(orNone(listOf({ kind: 'struct', struct: 'multiModalFeatureSpec' })), any),
    ),
    required('sampling_params', nullable(struct('samplingParams'))),
    required('pooling_params', nullable(struct('poolingParams'))),
    required('arrival_time', float),
    required('lora_request', nullable(struct('loraRequest'))),
    required('cache_salt', nullable(str)),
    required('data_parallel_rank', nullable(int)),
    optional('prompt_embeds', nullable(tensor), null),
    optional('prompt_is_token_ids', nullable(arrayOf(bool, 'bool')), null),
    optional('client_index', int, 0),
    optional('current_wave', int, 0),
    optional('priority', priority, 0),
    optional('trace_headers', nullable(strMap), null),
    optional('resumable', bool, false),
    optional('external_req_id', nullable(str), null),
    optional('reasoning_ended', nullable(bool), null),
    optional('reasoning_parser_kwargs', nullable(mapOf(any, 'values')), null),
    optional('abort_immediately', bool, false),
    optional('session_id', nullable(str), null),
    optional('kv_hints', described('kvHintsEnvelope'), null),
  ],
  create: createEngineCoreRequest,
};

export const REQUEST_TABLES = {
  repetitionDetectionParams,
  samplingParams,
  lateInteractionParams,
  lateChunkingParams,
  poolingParams,
  loraRequest,
  engineCoreRequest,
};
