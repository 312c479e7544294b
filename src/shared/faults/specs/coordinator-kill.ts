import { defineFault } from '../fault-spec.ts';

export const COORDINATOR_KILL = defineFault({
  id: 'coordinator.kill',
  place: 'process',
  meaning: 'The DP coordinator process is killed (SIGKILL).',
  inVllm:
    'With several API servers, which is the default with several engines, the launcher watches it: `Process VLLM_DP_Coordinator (PID: …) died with exit code -9`, and the server ends with exit code 1. With one API server nobody watches it: the server goes on as under coordinator.hang. Ours ends with exit code 1 in both cases.',
  source:
    'vllm/v1/utils.py wait_for_completion_or_failure, vllm/v1/engine/coordinator.py DPCoordinator',
  takesEngine: false,
  isMomentary: true,
  endsServer: true,
  parameters: {},
  example: {},
});
