import { defineFault } from '../fault-spec.ts';

export const METRICS_COUNTER_RESET = defineFault({
  id: 'metrics.counter-reset',
  place: 'metrics',
  meaning:
    'Counters and histograms of /metrics begin at 0 again, as after a restart of the frontend.',
  inVllm:
    'A restarted frontend counts from 0, and `_created` is new; rate() and increase() see a reset.',
  source: '',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
