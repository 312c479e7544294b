/**
 * The start-up messages, vLLM 0.33.0: fields in their order, with the defaults of those that may be left out.
 * Source: vllm/v1/engine/__init__.py EngineCoreReadyResponse, vllm/v1/engine/utils.py, vllm/config/kv_events.py (0.33.0).
 */
import { dictOf, INT, listOf, literalOf, STR, unionOf } from '../../declared-type.ts';
import {
  any,
  arrayOf,
  bool,
  declaredAs,
  float,
  int,
  mapOf,
  nullable,
  str,
  struct,
} from '../../field-types.ts';
import type {
  EngineHandshakeMetadata,
  EngineZmqAddresses,
  HandshakeMessage,
} from '../../handshake.ts';
import type { EngineCoreReadyResponse, KVEventsConfig } from '../../ready-response.ts';
import { optional, required, type StructTable } from '../../struct-table.ts';

const strArray = arrayOf(str, 'str');

const kvEventsConfig: StructTable<KVEventsConfig> = {
  name: 'KVEventsConfig',
  layout: 'map',
  fields: [
    optional('enable_kv_cache_events', bool, false),
    optional('publisher', declaredAs(literalOf(['null', 'zmq']), str), 'null'),
    optional('endpoint', str, 'tcp://*:5557'),
    optional('replay_endpoint', nullable(str), null),
    optional('buffer_steps', int, 10_000),
    optional('hwm', int, 100_000),
    optional('max_queue_size', int, 100_000),
    optional('topic', str, ''),
  ],
};

const engineCoreReadyResponse: StructTable<EngineCoreReadyResponse> = {
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
    optional('kv_events_config', nullable(struct('kvEventsConfig')), null),
    optional('weight_transfer_backend', nullable(str), null),
    optional('enable_sleep_mode', bool, false),
    optional('supports_draft_weight_updates', bool, false),
    optional('effective_attention_block_size', nullable(int), null),
    optional('coord_store_port', int, 0),
    optional('coordinator_input_address', nullable(str), null),
    optional('coordinator_output_address', nullable(str), null),
  ],
};

const handshakeMessage: StructTable<HandshakeMessage> = {
  name: 'HandshakeMessage',
  layout: 'sparse',
  fields: [
    required('status', str),
    required('local', bool),
    required('headless', bool),
    optional<string | undefined>('parallel_config_hash', str as never, undefined),
    optional<number | undefined>('coord_store_port', int as never, undefined),
    optional<number | undefined>('elastic_ep_max_dp_size', int as never, undefined),
    optional<number | undefined>('num_redundant_experts', int as never, undefined),
  ],
};

const engineZmqAddresses: StructTable<EngineZmqAddresses> = {
  name: 'EngineZmqAddresses',
  layout: 'map',
  fields: [
    required('inputs', strArray),
    required('outputs', strArray),
    optional('coordinator_input', nullable(str), null),
    optional('coordinator_output', nullable(str), null),
    optional('frontend_stats_publish_address', nullable(str), null),
  ],
};

const engineHandshakeMetadata: StructTable<EngineHandshakeMetadata> = {
  name: 'EngineHandshakeMetadata',
  layout: 'map',
  fields: [
    required('addresses', struct('engineZmqAddresses')),
    required(
      'parallel_config',
      declaredAs(dictOf(STR, unionOf(INT, STR, listOf(INT))), mapOf(any, 'values')),
    ),
  ],
};

export const STARTUP_TABLES = {
  kvEventsConfig,
  engineCoreReadyResponse,
  handshakeMessage,
  engineZmqAddresses,
  engineHandshakeMetadata,
};
