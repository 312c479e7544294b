import { defineFault } from '../fault-spec.ts';

export const METRICS_STATUS = defineFault({
  id: 'metrics.status',
  place: 'metrics',
  meaning: 'A scrape of /metrics gets a status instead of metrics.',
  inVllm:
    '`up` is 0 in Prometheus, and every series of the target goes stale. The body is as with `http.error`.',
  source: '',
  takesEngine: false,
  isMomentary: false,
  parameters: {
    status: { type: 'integer', doc: 'The HTTP status.', min: 400, max: 599, default: 503 },
  },
  example: { status: 503 },
});
