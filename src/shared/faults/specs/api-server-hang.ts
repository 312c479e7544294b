import { defineFault } from '../fault-spec.ts';

export const API_SERVER_HANG = defineFault({
  id: 'api-server.hang',
  place: 'process',
  meaning:
    'One of several API server processes stands still (SIGSTOP), until the fault ends. What was asked of it waits, the answer to the injection too where it came by it.',
  inVllm:
    'Connections that the kernel gives it wait; the others go on. The engines go on too: what they have for it waits in their memory without a bound, where ours hold their steps at 1,000 messages. /metrics of the others shows its last values; ours answers 500, as one process does not report.',
  source:
    'vllm/entrypoints/cli/serve.py run_multi_api_server, vllm/v1/engine/core.py EngineCoreProc.process_output_sockets',
  takesEngine: false,
  isMomentary: false,
  parameters: {
    index: { type: 'integer', doc: 'Which API server, from 0.', min: 0, max: 1_023, default: 0 },
  },
  example: { index: 1 },
});
