import { defineFault } from '../fault-spec.ts';

export const METRICS_TRUNCATE = defineFault({
  id: 'metrics.truncate',
  place: 'metrics',
  meaning: 'A scrape of /metrics ends in the middle: the body is cut, its length says more.',
  inVllm: 'Prometheus drops the whole scrape (`unexpected EOF`): `up` is 0.',
  source: '',
  takesEngine: false,
  isMomentary: false,
  parameters: {
    share: { type: 'number', doc: 'Of the body that is sent.', min: 0, max: 0.999, default: 0.5 },
  },
  example: { share: 0.5 },
});
