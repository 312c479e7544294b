import { defineFault } from '../fault-spec.ts';

export const HTTP_REFUSE = defineFault({
  id: 'http.refuse',
  place: 'http',
  meaning:
    'Connections are accepted, and reset as soon as a request has come (over TLS and Unix sockets: closed), for every path but /metrics, /twin and what lies below them. Answers that are under way go on.',
  inVllm:
    'As from a server that is going away: clients see a reset connection, a readiness probe on /health fails. Nothing of it is logged or counted.',
  source: '',
  takesEngine: false,
  isMomentary: false,
  parameters: {},
  example: {},
});
