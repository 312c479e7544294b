/**
 * Structs inside fields that are handed on as they came, vLLM 0.33.0: nobody here reads them, but msgspec does.
 * Source: vllm/sampling_params.py StructuredOutputsParams, vllm/multimodal/inputs.py, vllm/v1/kv_hints/protocol.py,
 * vllm/v1/metrics/stats.py SchedulerIterationDetails, vllm/v1/metrics/perf.py DebugPerfStats,
 * vllm/compilation/cuda_graph.py (0.33.0).
 */
import { tensor } from '../../array-types.ts';
import { ANY, dictOf, unionOf } from '../../declared-type.ts';
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
} from '../../field-types.ts';
import { optional, required, type StructTable } from '../../struct-table.ts';

const intMap = nullable(mapOf(int, 'int'));
/** A struct that is in this file too. */
const described = (struct: string) => declaredAs({ kind: 'struct', struct }, any);

const structuredOutputsParams: StructTable = {
  name: 'StructuredOutputsParams',
  layout: 'map',
  fields: [
    optional('json', nullable(declaredAs(unionOf(str.declared, dictOf(ANY, ANY)), any)), null),
    optional('regex', nullable(str), null),
    optional('choice', nullable(arrayOf(str, 'str')), null),
    optional('grammar', nullable(str), null),
    optional('json_object', nullable(bool), null),
    optional('disable_any_whitespace', bool, false),
    optional('disable_additional_properties', bool, false),
    optional('whitespace_pattern', nullable(str), null),
    optional('structural_tag', nullable(str), null),
    optional('_backend', nullable(str), null),
    optional('_backend_was_auto', bool, false),
  ],
};

const placeholderRange: StructTable = {
  name: 'PlaceholderRange',
  layout: 'map',
  fields: [
    required('offset', int),
    required('length', int),
    optional('is_embed', nullable(tensor), null),
  ],
};

const multiModalFeatureSpec: StructTable = {
  name: 'MultiModalFeatureSpec',
  layout: 'map',
  fields: [
    required('data', nullable(declaredAs({ kind: 'custom', name: 'MultiModalKwargsItem' }, any))),
    required('modality', str),
    required('identifier', str),
    required('mm_position', described('placeholderRange')),
    optional('mm_hash', nullable(str), null),
  ],
};

const kvHintAction: StructTable = {
  name: 'KvHintAction',
  layout: 'map',
  fields: [
    required('action_id', str),
    required('action_type', str),
    required('action_version', str),
    required('payload', mapOf(any, 'values')),
  ],
};

const kvHintsEnvelope: StructTable = {
  name: 'KvHintsEnvelope',
  layout: 'map',
  fields: [
    required('protocol_version', str),
    required('message_id', str),
    required('actions', arrayOf(described('kvHintAction'), 'actions')),
  ],
};

const schedulerIterationDetails: StructTable = {
  name: 'SchedulerIterationDetails',
  layout: 'map',
  fields: [
    required('iteration_index', int),
    required('num_ctx_requests', int),
    required('num_ctx_tokens', int),
    required('num_generation_requests', int),
    required('num_generation_tokens', int),
    required('elapsed_ms', float),
    optional('num_encoder_inputs', int, 0),
    optional('num_encoder_output_tokens', int, 0),
    optional('is_dummy', bool, false),
  ],
};

const cudaGraphStat: StructTable = {
  name: 'CUDAGraphStat',
  layout: 'map',
  fields: [
    required('num_unpadded_tokens', int),
    required('num_padded_tokens', int),
    required('num_paddings', int),
    required('runtime_mode', str),
  ],
};

const debugPerfStats: StructTable = {
  name: 'DebugPerfStats',
  layout: 'map',
  fields: [
    optional('calc_duration', float, 0),
    optional('num_prefill_requests', int, 0),
    optional('num_decode_requests', int, 0),
    optional('context_breakdown', intMap, null),
    optional('num_flops_per_gpu_breakdown', intMap, null),
    optional('num_read_bytes_per_gpu_breakdown', intMap, null),
    optional('num_write_bytes_per_gpu_breakdown', intMap, null),
  ],
};

export const DESCRIBED_TABLES = {
  structuredOutputsParams,
  placeholderRange,
  multiModalFeatureSpec,
  kvHintAction,
  kvHintsEnvelope,
  schedulerIterationDetails,
  cudaGraphStat,
  debugPerfStats,
};
