import { defineFault } from '../fault-spec.ts';

export const METRICS_SLOW = defineFault({
  id: 'metrics.slow',
  place: 'metrics',
  meaning: 'A scrape of /metrics takes longer.',
  inVllm:
    'As with a frontend whose event loop is busy: Prometheus counts scrape_duration_seconds, and past its scrape_timeout `up` is 0.',
  source: '',
  takesEngine: false,
  isMomentary: false,
  parameters: {
    delay: { type: 'duration', doc: 'How much longer.', minMs: 1, maxMs: 600_000, default: 15_000 },
  },
  example: { delay: '15s' },
});
