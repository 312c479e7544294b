import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_FIELD = defineFault({
  id: 'handshake.field',
  place: 'start-up',
  meaning: 'One field of the ready response has another value, or is left out.',
  inVllm:
    'Decoding refuses a missing field that has no default, and a value of the wrong type, with msgspec.ValidationError: the server ends with exit code 1. Any value of the right type is believed and shown: vllm:cache_config_info and the token capacity follow it.',
  source:
    'vllm/v1/engine/core_client.py MPClient._apply_ready_response, vllm/v1/engine/__init__.py EngineCoreReadyResponse',
  takesEngine: true,
  isMomentary: true,
  parameters: {
    field: {
      type: 'text',
      doc: "vLLM's name of the field.",
      maxLength: 100,
      pattern: /^[a-z][a-z0-9_]*$/,
      form: "a field of EngineCoreReadyResponse by vLLM's name: num_gpu_blocks, kv_cache_size_tokens, …",
    },
    value: { type: 'json', doc: 'The value instead of its own.', default: null },
    drop: { type: 'boolean', doc: 'Leave the field out.', default: false },
  },
  example: { field: 'kv_cache_size_tokens', value: 4096 },
  check: ({ value, drop }) =>
    drop === (value === null)
      ? null
      : {
          param: drop ? 'value' : 'drop',
          allowed: 'value or drop, not both',
          message:
            'handshake.field needs one of value and drop: what the field is to be, or drop=true',
        },
});
