import { defineFault } from '../fault-spec.ts';
import { PICK_PARAMETERS } from '../pick-parameters.ts';
import { pickProblem } from '../pick-problem.ts';

export const HTTP_CUT_STREAM = defineFault({
  id: 'http.cut-stream',
  place: 'http',
  meaning:
    'A streamed answer is cut off: after some events its connection is reset (over TLS and Unix sockets: closed). Whole answers are left alone.',
  inVllm:
    'As where a proxy in between goes away: the client gets no [DONE]. The request is aborted in the engine, and as after any client that left no finish is counted (`vllm:request_success_total` has it under no reason); in http_requests_total it is the 200 that it began with.',
  source: 'vllm/v1/engine/async_llm.py AsyncLLM.generate',
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
