import { WIRE_VERSIONS } from '../../protocol/versions/wire-versions.ts';
import { VLLM_VERSION } from '../../version.ts';
import { defineFault } from '../fault-spec.ts';

const FIELDS = WIRE_VERSIONS[VLLM_VERSION].tables.engineCoreReadyResponse.fields.map(
  ({ wire }) => wire,
);

export const HANDSHAKE_FIELD = defineFault({
  id: 'handshake.field',
  place: 'start-up',
  meaning: 'One field of the ready response has another value, or is left out.',
  inVllm:
    'A missing field that has no default, or a value of the wrong type, is a msgspec.ValidationError in MPClient: the server ends with exit code 1. What has the right type is believed: the smallest max_model_len counts, num_gpu_blocks are added up, kv_cache_size_tokens and kv_cache_max_concurrency are those of the first engine that has them, block_size that of the last. A dp_stats_address, or an address of the coordinator, that is not the same for all is an AssertionError.',
  source:
    'vllm/v1/engine/core_client.py MPClient._apply_ready_response, vllm/v1/engine/__init__.py EngineCoreReadyResponse',
  takesEngine: true,
  isMomentary: true,
  parameters: {
    field: {
      type: 'choice',
      choices: FIELDS,
      doc: "vLLM's name of the field of EngineCoreReadyResponse.",
    },
    value: {
      type: 'json',
      doc: 'The value instead of its own, of whatever type; nil where none is given.',
      default: null,
    },
    drop: { type: 'boolean', doc: 'Leave the field out.', default: false },
  },
  example: { field: 'kv_cache_size_tokens', value: 4096 },
  check: ({ value, drop }) =>
    !drop || value === null
      ? null
      : {
          param: 'value',
          allowed: 'nothing, as the field is left out',
          message: 'handshake.field: drop leaves the field out: a value has no place then',
        },
});
