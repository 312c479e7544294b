import { defineFault } from '../fault-spec.ts';

export const METRICS_FREEZE = defineFault({
  id: 'metrics.freeze',
  place: 'metrics',
  meaning: 'The figures of /metrics stand still as the fault found them, whatever happens.',
  inVllm:
    'As with a frontend whose stat logger hangs: every series stands still, rate() is 0, `up` stays 1.',
  source: '',
  takesEngine: false,
  isMomentary: false,
  parameters: {},
  example: {},
});
