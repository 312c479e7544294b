import { defineFault } from '../fault-spec.ts';

export const COORDINATOR_KILL = defineFault({
  id: 'coordinator.kill',
  place: 'process',
  meaning: 'The DP coordinator process is killed (SIGKILL).',
  inVllm:
    'The server ends: run_multi_api_server and the engine manager watch the process; exit code 1.',
  source: 'vllm/v1/utils.py wait_for_completion_or_failure',
  takesEngine: false,
  isMomentary: true,
  parameters: {},
  example: {},
});
