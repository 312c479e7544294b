import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_HASH_MISMATCH = defineFault({
  id: 'handshake.hash-mismatch',
  place: 'start-up',
  meaning:
    'READY carries another parallel_config_hash than the other engines (only mixture-of-experts models with several ranks have one).',
  inVllm:
    'RuntimeError `Configuration mismatch detected for engine 1. All DP workers must have identical configurations …`; the server ends with exit code 1.',
  source: 'vllm/v1/engine/utils.py wait_for_engine_startup',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
