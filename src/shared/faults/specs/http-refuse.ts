import { defineFault } from '../fault-spec.ts';

export const HTTP_REFUSE = defineFault({
  id: 'http.refuse',
  place: 'http',
  meaning:
    'Connections are accepted and reset at once, for every path but /metrics, /twin and what lies below them.',
  inVllm:
    'As from a server that has ended: clients see a reset connection; a readiness probe on /health fails.',
  source: '',
  takesEngine: false,
  isMomentary: false,
  parameters: {},
  example: {},
});
