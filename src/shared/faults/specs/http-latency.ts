import { defineFault } from '../fault-spec.ts';
import { PICK_PARAMETERS } from '../pick-parameters.ts';
import { pickProblem } from '../pick-problem.ts';

export const HTTP_LATENCY = defineFault({
  id: 'http.latency',
  place: 'http',
  meaning:
    'Requests are held before they are looked at; those that are held when the fault ends go on at once.',
  inVllm:
    "As where the frontend's event loop is busy: the client waits longer, `http_request_duration_seconds` has the delay in it, and no metric of an engine changes. The request of a client that leaves meanwhile never reaches an engine.",
  source: '',
  takesEngine: false,
  isMomentary: false,
  isCarriedByRequests: true,
  parameters: {
    delay: { type: 'duration', doc: 'How long.', minMs: 1, maxMs: 600_000, default: 1_000 },
    jitter: {
      type: 'duration',
      doc: 'Up to so much more, seeded.',
      minMs: 0,
      maxMs: 600_000,
      default: 0,
    },
    ...PICK_PARAMETERS,
  },
  example: { delay: '500ms' },
  check: ({ first, every, share }) => pickProblem('http.latency', { first, every, share }),
});
