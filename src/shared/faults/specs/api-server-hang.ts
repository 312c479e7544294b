import { defineFault } from '../fault-spec.ts';

export const API_SERVER_HANG = defineFault({
  id: 'api-server.hang',
  place: 'process',
  meaning: 'One of several API server processes stands still (SIGSTOP), until the fault ends.',
  inVllm:
    'Connections that the kernel gives it wait; the others go on. Engines hold their steps once so much waits for it that their outputs queue up.',
  source: 'vllm/entrypoints/cli/serve.py run_multi_api_server',
  takesEngine: false,
  isMomentary: false,
  parameters: {
    index: { type: 'integer', doc: 'Which API server, from 0.', min: 0, max: 1_023, default: 0 },
  },
  example: { index: 1 },
});
