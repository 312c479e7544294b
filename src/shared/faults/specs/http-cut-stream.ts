import { defineFault } from '../fault-spec.ts';
import { PICK_PARAMETERS } from '../pick-parameters.ts';
import { pickProblem } from '../pick-problem.ts';

export const HTTP_CUT_STREAM = defineFault({
  id: 'http.cut-stream',
  place: 'http',
  meaning: 'A streamed answer is cut off: the connection is reset after some events.',
  inVllm:
    'As where a proxy or the server\'s process goes away: the client gets no [DONE]. The request is aborted in the engine (`vllm:request_success_total{finished_reason="abort"}`).',
  source: 'vllm/entrypoints/utils.py with_cancellation',
  takesEngine: false,
  isMomentary: false,
  isCarriedByRequests: true,
  parameters: {
    after: {
      type: 'integer',
      doc: 'Events that are sent before.',
      min: 0,
      max: 1_000_000_000,
      default: 1,
      unit: 'events',
    },
    ...PICK_PARAMETERS,
  },
  example: { after: 3 },
  check: ({ first, every, share }) => pickProblem('http.cut-stream', { first, every, share }),
});
