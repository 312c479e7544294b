import { defineFault } from '../fault-spec.ts';

export const COORDINATOR_HANG = defineFault({
  id: 'coordinator.hang',
  place: 'process',
  meaning: 'The DP coordinator process stands still (SIGSTOP), until the fault ends.',
  inVllm:
    'Frontends balance by the last counts they had and their own requests; mixture-of-experts engines that pause are not woken, so that requests may wait.',
  source: 'vllm/v1/engine/coordinator.py DPCoordinatorProc',
  takesEngine: false,
  isMomentary: false,
  parameters: {},
  example: {},
});
