import { defineFault } from '../fault-spec.ts';

export const ENGINE_DEAD_MESSAGE = defineFault({
  id: 'engine.dead-message',
  place: 'engine',
  meaning: 'The engine says ENGINE_CORE_DEAD to every frontend, and lives on.',
  inVllm:
    'The frontend believes it: every running request of every rank gets 500, /health is 503, and the server ends with exit code 1, its engines with it.',
  source: 'vllm/v1/engine/core_client.py BackgroundResources.validate_alive',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
