import { defineFault } from '../fault-spec.ts';

export const API_SERVER_KILL = defineFault({
  id: 'api-server.kill',
  place: 'process',
  meaning: 'One of several API server processes is killed (SIGKILL).',
  inVllm:
    'The server ends, with the other API servers and the engines: `Process ApiServer_0 (PID: …) died with exit code -9`, exit code 1.',
  source: 'vllm/v1/utils.py wait_for_completion_or_failure',
  takesEngine: false,
  isMomentary: true,
  endsServer: true,
  parameters: {
    index: { type: 'integer', doc: 'Which API server, from 0.', min: 0, max: 1_023, default: 0 },
  },
  example: { index: 1 },
});
