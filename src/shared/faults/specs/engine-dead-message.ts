import { defineFault } from '../fault-spec.ts';

export const ENGINE_DEAD_MESSAGE = defineFault({
  id: 'engine.dead-message',
  place: 'engine',
  meaning: 'The engine says ENGINE_CORE_DEAD to every frontend, and lives on.',
  inVllm:
    'The frontend believes it, `AsyncLLM output_handler failed.` with EngineDeadError; every running request of every rank gets 500 (`The server had an error while processing your request.`), in a stream that error as its last event; /health is 503 while the server still answers. The server ends, its engines with it: with one API server with exit code 0, which is 1 here.',
  source:
    'vllm/v1/engine/core_client.py BackgroundResources.validate_alive, vllm/entrypoints/launchers/launcher.py terminate_if_errored',
  takesEngine: true,
  isMomentary: true,
  endsServer: true,
  parameters: {},
  example: {},
});
