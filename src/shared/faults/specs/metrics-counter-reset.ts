import { defineFault } from '../fault-spec.ts';

export const METRICS_COUNTER_RESET = defineFault({
  id: 'metrics.counter-reset',
  place: 'metrics',
  meaning:
    'Counters and histograms of /metrics begin at 0 again, as after a restart of the frontend; with `engine`, only the series of that one. The figures themselves go on.',
  inVllm:
    'A restarted frontend counts from 0, and `_created` is new (several API servers show none); rate() and increase() see a reset. `process_start_time_seconds` stays, as nothing has restarted.',
  source: '',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
