import { defineFault } from '../fault-spec.ts';

export const ENGINE_HANG = defineFault({
  id: 'engine.hang',
  place: 'engine',
  meaning:
    'The engine stands still: no step, no message taken in, no call answered, until the fault ends.',
  inVllm:
    'Nothing tells: requests to that engine wait without an end, its gauges keep their last value, /health is 200. With a mixture-of-experts model the other ranks stand still as well, at their next common step.',
  source: 'vllm/v1/engine/core.py EngineCoreProc.run_busy_loop',
  takesEngine: true,
  isMomentary: false,
  parameters: {},
  example: {},
});
