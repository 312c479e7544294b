/**
 * vLLM 0.33.0's wire structs, field by field in their order, with the defaults of fields that a peer may leave out.
 * Source: vllm/v1/engine/__init__.py, vllm/sampling_params.py, vllm/v1/metrics/stats.py, vllm/v1/outputs.py,
 * vllm/distributed/kv_events.py, vllm/v1/engine/utils.py (0.33.0).
 */
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createEngineCoreRequest,
  createPrefillStats,
  createPrefixCacheStats,
  createSamplingParams,
  createSchedulerStats,
  isPlainEngineCoreOutput,
} from './defaults.ts';
import {
  any,
  arrayOf,
  blockHash,
  bool,
  enumOf,
  float,
  int,
  int64,
  intArray,
  intMapOf,
  intOrStr,
  mapOf,
  ndArray,
  nullable,
  str,
  tensor,
  utilityResult,
} from './field-types.ts';
import type { EngineHandshakeMetadata, EngineZmqAddresses, HandshakeMessage } from './handshake.ts';
import type {
  AllBlocksCleared,
  BlockRemoved,
  BlockStored,
  KVCacheEvent,
  KVEventBatch,
} from './kv-events.ts';
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
} from './outputs.ts';
import type { EngineCoreReadyResponse, KVEventsConfig } from './ready-response.ts';
import {
  type EngineCoreRequest,
  type LoRARequest,
  type RepetitionDetectionParams,
  RequestOutputKind,
  type SamplingParams,
} from './request.ts';
import type {
  KVCacheEvictionEvent,
  PrefillStats,
  PrefixCacheStats,
  SchedulerStats,
} from './stats.ts';
import { optional, required, type StructCodec, structCodec, taggedUnion } from './struct-codec.ts';

const EMPTY: readonly never[] = Object.freeze([]);
const EMPTY_MAP: Readonly<Record<string, never>> = Object.freeze({});

const strArray = arrayOf(str, 'str');
const strMap = mapOf(str, 'str');
const intMap = mapOf(int, 'int');

const kvEventsConfig = structCodec<KVEventsConfig>({
  name: 'KVEventsConfig',
  layout: 'map',
  fields: [
    optional('enable_kv_cache_events', bool, false),
    optional('publisher', str, 'null'),
    optional('endpoint', str, 'tcp://*:5557'),
    optional('replay_endpoint', nullable(str), null),
    optional('buffer_steps', int, 10_000),
    optional('hwm', int, 100_000),
    optional('max_queue_size', int, 100_000),
    optional('topic', str, ''),
  ],
});

const engineCoreReadyResponse = structCodec<EngineCoreReadyResponse>({
  name: 'EngineCoreReadyResponse',
  layout: 'map',
  fields: [
    required('max_model_len', int),
    required('num_gpu_blocks', int),
    required('block_size', int),
    required('dp_stats_address', nullable(str)),
    required('dtype', str),
    required('vllm_version', str),
    required('world_size', int),
    required('data_parallel_size', int),
    required('tensor_parallel_size', int),
    required('pipeline_parallel_size', int),
    required('decode_context_parallel_size', int),
    required('data_parallel_rank', int),
    required('max_num_seqs', int),
    required('max_num_batched_tokens', int),
    required('instance_id', str),
    required('supports_lora', bool),
    required('max_loras', int),
    optional('mamba_block_size', nullable(int), null),
    optional('kv_cache_size_tokens', nullable(int), null),
    optional('kv_cache_max_concurrency', nullable(float), null),
    optional('kv_events_config', nullable(kvEventsConfig), null),
    optional('weight_transfer_backend', nullable(str), null),
    optional('enable_sleep_mode', bool, false),
    optional('supports_draft_weight_updates', bool, false),
    optional('effective_attention_block_size', nullable(int), null),
    optional('coord_store_port', int, 0),
    optional('coordinator_input_address', nullable(str), null),
    optional('coordinator_output_address', nullable(str), null),
  ],
});

const handshakeMessage = structCodec<HandshakeMessage>({
  name: 'HandshakeMessage',
  layout: 'sparse',
  fields: [
    required('status', str),
    required('local', bool),
    required('headless', bool),
    optional<string | undefined>('parallel_config_hash', str as never, undefined),
  ],
});

const engineZmqAddresses = structCodec<EngineZmqAddresses>({
  name: 'EngineZmqAddresses',
  layout: 'map',
  fields: [
    required('inputs', strArray),
    required('outputs', strArray),
    optional('coordinator_input', nullable(str), null),
    optional('coordinator_output', nullable(str), null),
    optional('frontend_stats_publish_address', nullable(str), null),
  ],
});

const engineHandshakeMetadata = structCodec<EngineHandshakeMetadata>({
  name: 'EngineHandshakeMetadata',
  layout: 'map',
  fields: [
    required('addresses', engineZmqAddresses),
    required('parallel_config', mapOf(any, 'values')),
  ],
});

const repetitionDetectionParams = structCodec<RepetitionDetectionParams>({
  name: 'RepetitionDetectionParams',
  layout: 'map',
  fields: [
    optional('max_pattern_size', int, 0),
    optional('min_pattern_size', int, 0),
    optional('min_count', int, 0),
  ],
});

const samplingParams = structCodec<SamplingParams>(
  {
    name: 'SamplingParams',
    layout: 'sparse',
    fields: [
      optional('n', int, 1),
      optional('presence_penalty', float, 0),
      optional('frequency_penalty', float, 0),
      optional('repetition_penalty', float, 1),
      optional('temperature', float, 1),
      optional('watermarking', any, null),
      optional('top_p', float, 1),
      optional('top_k', int, 0),
      optional('min_p', float, 0),
      optional('seed', nullable(int64), null),
      optional('stop', nullable(strArray), null),
      optional('stop_token_ids', nullable(intArray), null),
      optional('ignore_eos', bool, false),
      optional('max_tokens', nullable(int), 16),
      optional('min_tokens', int, 0),
      optional('logprobs', nullable(int), null),
      optional('prompt_logprobs', nullable(int), null),
      optional('prompt_logprob_token_ids', any, null),
      optional('prompt_logprob_start', nullable(int), null),
      optional('logprob_token_ids', nullable(intArray), null),
      optional('flat_logprobs', bool, false),
      optional('detokenize', bool, true),
      optional('skip_special_tokens', bool, true),
      optional('spaces_between_special_tokens', bool, true),
      optional('include_stop_str_in_output', bool, false),
      optional('output_kind', enumOf(RequestOutputKind), RequestOutputKind.CUMULATIVE),
      optional('stream_interval', nullable(int), null),
      optional('skip_clone', bool, false),
      optional('output_text_buffer_length', int, 0),
      optional('_eos_token_id', nullable(int), null),
      optional('_all_stop_token_ids', intArray, EMPTY),
      optional('_watermarking_skipped', bool, false),
      optional('structured_outputs', any, null),
      optional('logit_bias', nullable(intMapOf(float, 'float')), null),
      optional('allowed_token_ids', nullable(intArray), null),
      optional('extra_args', nullable(mapOf(any, 'values')), null),
      optional('bad_words', nullable(strArray), null),
      optional('_bad_words_token_ids', nullable(arrayOf(intArray, 'arrays')), null),
      optional('skip_reading_prefix_cache', nullable(bool), null),
      optional('thinking_token_budget', nullable(int), null),
      optional('repetition_detection', nullable(repetitionDetectionParams), null),
      optional('routed_experts_prompt_start', int, 0),
      optional('trace_decode_token_ids', any, null),
    ],
  },
  { create: createSamplingParams },
);

const loraRequest = structCodec<LoRARequest>({
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
});

const engineCoreRequest = structCodec<EngineCoreRequest>(
  {
    name: 'EngineCoreRequest',
    layout: 'array',
    fields: [
      required('request_id', str),
      required('prompt_token_ids', nullable(intArray)),
      required('mm_features', any),
      required('sampling_params', nullable(samplingParams)),
      required('pooling_params', any),
      required('arrival_time', float),
      required('lora_request', nullable(loraRequest)),
      required('cache_salt', nullable(str)),
      required('data_parallel_rank', nullable(int)),
      optional('prompt_embeds', nullable(tensor), null),
      optional('prompt_is_token_ids', nullable(arrayOf(bool, 'bool')), null),
      optional('client_index', int, 0),
      optional('current_wave', int, 0),
      optional('priority', int, 0),
      optional('trace_headers', nullable(strMap), null),
      optional('resumable', bool, false),
      optional('external_req_id', nullable(str), null),
      optional('reasoning_ended', nullable(bool), null),
      optional('reasoning_parser_kwargs', nullable(mapOf(any, 'values')), null),
      optional('abort_immediately', bool, false),
      optional('session_id', nullable(str), null),
      optional('kv_hints', any, null),
    ],
  },
  { create: createEngineCoreRequest },
);

const prefixCacheStats = structCodec<PrefixCacheStats>(
  {
    name: 'PrefixCacheStats',
    layout: 'map',
    fields: [
      optional('reset', bool, false),
      optional('requests', int, 0),
      optional('queries', int, 0),
      optional('hits', int, 0),
      optional('preempted_requests', int, 0),
      optional('preempted_queries', int, 0),
      optional('preempted_hits', int, 0),
      optional('hits_by_source', intMap, EMPTY_MAP),
    ],
  },
  { create: createPrefixCacheStats },
);

const kvCacheEvictionEvent = structCodec<KVCacheEvictionEvent>({
  name: 'KVCacheEvictionEvent',
  layout: 'map',
  fields: [
    required('lifetime_seconds', float),
    required('idle_seconds', float),
    required('reuse_gaps_seconds', arrayOf(float, 'float')),
  ],
});

const schedulerStats = structCodec<SchedulerStats>(
  {
    name: 'SchedulerStats',
    layout: 'map',
    fields: [
      optional('num_running_reqs', int, 0),
      optional('num_waiting_reqs', int, 0),
      optional('num_skipped_waiting_reqs', int, 0),
      optional('num_kv_fetch_reqs_by_stage', intMap, EMPTY_MAP),
      optional('step_counter', int, 0),
      optional('current_wave', int, 0),
      optional('kv_cache_usage', float, 0),
      optional('iteration_details', any, null),
      optional('prefix_cache_stats', prefixCacheStats, createPrefixCacheStats()),
      optional('connector_prefix_cache_stats', nullable(prefixCacheStats), null),
      optional('kv_cache_eviction_events', arrayOf(kvCacheEvictionEvent, 'events'), EMPTY),
      optional('spec_decoding_stats', any, null),
      optional('kv_connector_stats', any, null),
      optional('ec_connector_stats', any, null),
      optional('waiting_lora_adapters', intMap, EMPTY_MAP),
      optional('running_lora_adapters', intMap, EMPTY_MAP),
      optional('cudagraph_stats', any, null),
      optional('perf_stats', any, null),
    ],
  },
  { create: createSchedulerStats },
);

const prefillStats = structCodec<PrefillStats>(
  {
    name: 'PrefillStats',
    layout: 'map',
    fields: [
      optional('num_prompt_tokens', int, 0),
      optional('num_computed_tokens', int, 0),
      optional('num_cached_tokens', int, 0),
      optional('num_local_cached_tokens', int, 0),
      optional('num_external_cached_tokens', int, 0),
      optional('num_cache_creation_tokens', int, 0),
    ],
  },
  { create: createPrefillStats },
);

const engineCoreEvent = structCodec<EngineCoreEvent>(
  {
    name: 'EngineCoreEvent',
    layout: 'map',
    fields: [required('type', enumOf(EngineCoreEventType)), required('timestamp', float)],
  },
  { create: () => ({ type: EngineCoreEventType.QUEUED, timestamp: 0 }) },
);

const requestError = structCodec<RequestError>({
  name: 'RequestError',
  layout: 'map',
  fields: [required('code', str), required('message', str), optional('retryable', bool, false)],
});

const logprobsLists = structCodec<LogprobsLists>({
  name: 'LogprobsLists',
  layout: 'array',
  fields: [
    required('logprob_token_ids', ndArray),
    required('logprobs', ndArray),
    required('sampled_token_ranks', ndArray),
    optional('cu_num_generated_tokens', nullable(intArray), null),
  ],
});

const logprobsTensors = structCodec<LogprobsTensors>({
  name: 'LogprobsTensors',
  layout: 'array',
  fields: [
    required('logprob_token_ids', tensor),
    required('logprobs', tensor),
    required('selected_token_ranks', tensor),
    optional('cu_num_generated_tokens', nullable(intArray), null),
    optional('cu_num_generated_tokens_tensor', nullable(tensor), null),
  ],
});

const samplingMaskLists = structCodec<SamplingMaskLists>({
  name: 'SamplingMaskLists',
  layout: 'array',
  fields: [
    required('token_ids', ndArray),
    optional('offsets', nullable(ndArray), null),
    optional('cu_num_generated_tokens', nullable(intArray), null),
  ],
});

const requestSpecDecodeMetrics = structCodec<RequestSpecDecodeMetrics>({
  name: 'RequestSpecDecodeMetrics',
  layout: 'map',
  fields: [
    required('num_spec_tokens', int),
    optional('histogram', intArray, EMPTY),
    optional('num_draft_tokens', int, 0),
    optional('per_step_accepted', intArray, EMPTY),
    optional('per_step_drafted', intArray, EMPTY),
  ],
});

const engineCoreOutput = structCodec<EngineCoreOutput>(
  {
    name: 'EngineCoreOutput',
    layout: 'array',
    fields: [
      required('request_id', str),
      required('new_token_ids', intArray),
      optional('new_logprobs', nullable(logprobsLists), null),
      optional('new_prompt_logprobs_tensors', nullable(logprobsTensors), null),
      optional('pooling_output', nullable(tensor), null),
      optional('finish_reason', nullable(enumOf(FinishReason)), null),
      optional('stop_reason', nullable(intOrStr), null),
      optional('events', nullable(arrayOf(engineCoreEvent, 'events')), null),
      optional('kv_transfer_params', any, null),
      optional('ec_transfer_params', any, null),
      optional('trace_headers', nullable(strMap), null),
      optional('prefill_stats', nullable(prefillStats), null),
      optional('routed_experts', nullable(ndArray), null),
      optional('num_nans_in_logits', int, 0),
      optional('mm_cache_miss_hashes', nullable(strArray), null),
      optional('new_sampling_mask', nullable(samplingMaskLists), null),
      optional('spec_decode_metrics', nullable(requestSpecDecodeMetrics), null),
      optional('prompt_token_id_logprobs', nullable(tensor), null),
      optional('error', nullable(requestError), null),
    ],
  },
  { create: createEngineCoreOutput, isPlain: isPlainEngineCoreOutput },
);

const utilityOutput = structCodec<UtilityOutput>({
  name: 'UtilityOutput',
  layout: 'array',
  fields: [
    required('call_id', int64),
    optional('failure_message', nullable(str), null),
    optional('result', utilityResult, undefined),
  ],
});

const engineCoreOutputs = structCodec<EngineCoreOutputs>(
  {
    name: 'EngineCoreOutputs',
    layout: 'array',
    fields: [
      optional('engine_index', int, 0),
      optional('outputs', arrayOf(engineCoreOutput, 'EngineCoreOutput'), EMPTY),
      optional('scheduler_stats', nullable(schedulerStats), null),
      optional('timestamp', float, 0),
      optional('utility_output', nullable(utilityOutput), null),
      optional('finished_requests', nullable(strArray), null),
      optional('wave_complete', nullable(int), null),
      optional('start_wave', nullable(int), null),
      optional('weight_version', nullable(str), null),
    ],
  },
  { create: createEngineCoreOutputs },
);

const blockStored = structCodec<BlockStored>({
  name: 'BlockStored',
  layout: 'sparse',
  tag: 'BlockStored',
  fields: [
    required('block_hashes', arrayOf(blockHash, 'hashes')),
    required('parent_block_hash', nullable(blockHash)),
    required('token_ids', intArray),
    required('block_size', int),
    required('lora_id', nullable(int)),
    required('medium', nullable(str)),
    required('lora_name', nullable(str)),
    optional(
      'extra_keys',
      nullable(arrayOf(nullable(arrayOf(any, 'keys')), 'arrays')) as never,
      null,
    ),
    optional('group_idx', nullable(int), null),
    optional('kv_cache_spec_kind', nullable(str), null),
    optional('kv_cache_spec_sliding_window', nullable(int), null),
    optional('locality', nullable(str), null),
    optional('ownership', nullable(str), null),
    optional('session_id', nullable(str), null),
    optional('lookahead_token_ids', nullable(arrayOf(intArray, 'arrays')), null),
  ],
});

const blockRemoved = structCodec<BlockRemoved>({
  name: 'BlockRemoved',
  layout: 'sparse',
  tag: 'BlockRemoved',
  fields: [
    required('block_hashes', arrayOf(blockHash, 'hashes')),
    required('medium', nullable(str)),
    optional('group_idx', nullable(int), null),
    optional('locality', nullable(str), null),
    optional('ownership', nullable(str), null),
  ],
});

const allBlocksCleared = structCodec<AllBlocksCleared>({
  name: 'AllBlocksCleared',
  layout: 'sparse',
  tag: 'AllBlocksCleared',
  fields: [],
});

const kvCacheEvent = taggedUnion<KVCacheEvent>('KVCacheEvent', [
  blockStored as unknown as StructCodec<KVCacheEvent>,
  blockRemoved as unknown as StructCodec<KVCacheEvent>,
  allBlocksCleared as unknown as StructCodec<KVCacheEvent>,
]);

const kvEventBatch = structCodec<KVEventBatch>({
  name: 'KVEventBatch',
  layout: 'array',
  fields: [
    required('ts', float),
    required('events', arrayOf(kvCacheEvent, 'events')),
    optional('data_parallel_rank', nullable(int), null),
  ],
});

/** Every struct of this version by its name in the code; messages begin with some of them, the rest are inside. */
export const STRUCTS_0_33_0 = {
  kvEventsConfig,
  engineCoreReadyResponse,
  handshakeMessage,
  engineZmqAddresses,
  engineHandshakeMetadata,
  repetitionDetectionParams,
  samplingParams,
  loraRequest,
  engineCoreRequest,
  prefixCacheStats,
  kvCacheEvictionEvent,
  schedulerStats,
  prefillStats,
  engineCoreEvent,
  requestError,
  logprobsLists,
  logprobsTensors,
  samplingMaskLists,
  requestSpecDecodeMetrics,
  engineCoreOutput,
  utilityOutput,
  engineCoreOutputs,
  blockStored,
  blockRemoved,
  allBlocksCleared,
  kvEventBatch,
} as const;
