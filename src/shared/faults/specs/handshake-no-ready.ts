import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_NO_READY = defineFault({
  id: 'handshake.no-ready',
  place: 'start-up',
  meaning: 'The engine never says READY, nor sends its ready response.',
  inVllm:
    'The start-up has no end by itself: the frontend waits for READY without a deadline, and for the ready response for VLLM_ENGINE_READY_TIMEOUT_S (600 s), with `Timed out waiting for engine core processes to start.` and exit code 1. Ours has one deadline for both, --engine-ready-timeout.',
  source: 'vllm/v1/engine/utils.py wait_for_engine_startup, vllm/v1/engine/core_client.py MPClient',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
