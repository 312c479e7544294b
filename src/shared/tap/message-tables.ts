/** What vLLM sends as plain tuples, in the form of field tables, so that they can be walked as structs are. */
import { any, arrayOf, bool, bytes, int, int64, nullable, str } from '../protocol/field-types.ts';
import { required, type StructTable } from '../protocol/struct-table.ts';

/** Source: vllm/v1/engine/core_client.py AsyncMPClient._call_utility_async (0.33.0). */
export const UTILITY_CALL: StructTable = {
  name: 'UtilityCall',
  layout: 'array',
  fields: [
    required('client_index', int),
    required('call_id', int64),
    required('method', str),
    required('args', any),
  ],
};

/** Source: vllm/v1/engine/coordinator.py DPCoordinatorProc._send_start_wave (0.33.0). */
export const START_DP_WAVE: StructTable = {
  name: 'StartDPWave',
  layout: 'array',
  fields: [required('wave', int), required('exclude_engine_index', nullable(int))],
};

/** Source: vllm/v1/engine/coordinator.py DPCoordinatorProc.process_input_socket (0.33.0). */
export const COORDINATOR_UPDATE: StructTable = {
  name: 'CoordinatorUpdate',
  layout: 'array',
  fields: [
    required('counts', nullable(arrayOf(any, 'counts'))),
    required('current_wave', int),
    required('engines_running', bool),
  ],
};

/** Source: vllm/v1/engine/core_client.py DPAsyncMPClient (0.33.0). */
export const SCALE_ELASTIC_EP: StructTable = {
  name: 'ScaleElasticEP',
  layout: 'array',
  fields: [required('message', str), required('new_engine_count', int)],
};

/** Source: vllm/v1/engine/coordinator.py DPCoordinatorProc.process_input_socket (0.32.0). */
export const FIRST_REQ: StructTable = {
  name: 'FirstRequest',
  layout: 'array',
  fields: [required('engine_to_exclude', bytes), required('wave', int)],
};
