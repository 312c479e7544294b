import { defineFault } from '../fault-spec.ts';

export const ENGINE_KILL = defineFault({
  id: 'engine.kill',
  place: 'engine',
  meaning: 'The engine process is killed (SIGKILL).',
  inVllm:
    'The frontend sees the process end: `Engine core proc EngineCore_DP1 died unexpectedly, shutting down client.`; every running request of every rank gets 500 (`EngineCore encountered an issue. See stack trace (above) for the root cause.`), /health is 503, /metrics goes on until the server ends with exit code 1.',
  source:
    'vllm/v1/engine/core_client.py start_engine_core_monitor, vllm/v1/engine/exceptions.py EngineDeadError',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
