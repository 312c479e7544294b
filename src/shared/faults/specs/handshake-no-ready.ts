import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_NO_READY = defineFault({
  id: 'handshake.no-ready',
  place: 'start-up',
  meaning:
    'The engine answers INIT with nothing: no ready response, no READY, as one that hangs while it loads.',
  inVllm:
    'With one API server the start-up never ends: wait_for_engine_startup has no deadline and comes before the wait for the ready responses. With several, each of them ends after VLLM_ENGINE_READY_TIMEOUT_S (600 s) without one: `Timed out waiting for engine core processes to start.`, and the server with it, `Frontend process failed during engine core initialization.`, exit code 1. Here --engine-ready-timeout ends both, with the rank in its words.',
  source: 'vllm/v1/engine/utils.py wait_for_engine_startup, vllm/v1/engine/core_client.py MPClient',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
