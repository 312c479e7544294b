import { defineFault } from '../fault-spec.ts';
import { pickProblem } from '../pick-problem.ts';

export const HTTP_LATENCY = defineFault({
  id: 'http.latency',
  place: 'http',
  meaning: 'Requests are held before they are looked at.',
  inVllm:
    "As behind a slow network or gateway: the client waits longer, no metric of vLLM's engine changes.",
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
  example: { delay: '500ms' },
  check: ({ first, every, share }) => pickProblem('http.latency', { first, every, share }),
});
