import { defineFault } from '../fault-spec.ts';

export const ENGINE_EXIT = defineFault({
  id: 'engine.exit',
  place: 'engine',
  meaning: 'The engine process ends by itself, without a word.',
  inVllm:
    'The frontend sees the process end, `[shutdown] MPClient: engine core exited unexpectedly; starting cleanup`; every running request of every rank gets 500 (`The server had an error while processing your request.`), in a stream that error as its last event; /health is 503 while the server still answers. With several API servers the server ends with `Engine core process EngineCore_DP1 died unexpectedly.` and exit code 1; with one it stops as if by a signal, at its next error or within 5 s, with exit code 0, which is 1 here.',
  source:
    'vllm/v1/engine/core_client.py MPClient.start_engine_core_monitor, vllm/v1/utils.py wait_for_completion_or_failure, vllm/entrypoints/launchers/launcher.py watchdog_loop',
  takesEngine: true,
  isMomentary: true,
  endsServer: true,
  parameters: { code: { type: 'integer', doc: 'Its exit code.', min: 0, max: 255, default: 1 } },
  example: { code: 3 },
});
