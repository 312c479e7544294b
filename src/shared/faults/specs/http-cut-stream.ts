import { defineFault } from '../fault-spec.ts';
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
    first: {
      type: 'integer',
      doc: 'The first N requests.',
      min: 1,
      max: 1_000_000_000,
      default: null,
    },
    every: {
      type: 'integer',
      doc: 'Every n-th request.',
      min: 1,
      max: 1_000_000_000,
      default: null,
    },
    share: {
      type: 'number',
      doc: 'A seeded share of the requests.',
      min: 0,
      max: 1,
      default: null,
    },
    seed: {
      type: 'integer',
      doc: 'Which ones the share takes.',
      min: 0,
      max: 4_294_967_295,
      default: 0,
    },
    path: {
      type: 'text',
      doc: 'Only requests whose path begins so; default: all of the OpenAI API, below /v1.',
      maxLength: 1_000,
      pattern: /^\//,
      form: 'a path: /v1/completions',
      default: '/v1',
    },
  },
  example: { after: 3 },
  check: ({ first, every, share }) => pickProblem('http.cut-stream', { first, every, share }),
});
