import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_HASH_MISMATCH = defineFault({
  id: 'handshake.hash-mismatch',
  place: 'start-up',
  meaning:
    'READY carries another parallel_config_hash than it should. Only ranks of a mixture-of-experts model send one: any other engine refuses the fault, with exit code 2.',
  inVllm:
    "RuntimeError `Configuration mismatch detected for engine 1. All DP workers must have identical configurations …`; the server ends with exit code 1. vLLM's frontend compares with its own hash; ours with that of the first engine that is ready.",
  source: 'vllm/v1/engine/utils.py wait_for_engine_startup',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
