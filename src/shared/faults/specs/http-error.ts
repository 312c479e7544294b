import { defineFault } from '../fault-spec.ts';
import { pickProblem } from '../pick-problem.ts';

export const HTTP_ERROR = defineFault({
  id: 'http.error',
  place: 'http',
  meaning: "Requests get an error instead of an answer, with vLLM's body for the status.",
  inVllm:
    'The error body is vLLM\'s ErrorResponse: `{"error": {"message", "type", "param", "code"}}`; 503 as under an admission limit, 500 as for a dead engine, 429 as from a gateway in front. The request never reaches an engine, and counts in http_requests_total.',
  source: 'vllm/entrypoints/serve/utils/error_response.py',
  takesEngine: false,
  isMomentary: false,
  isCarriedByRequests: true,
  parameters: {
    status: { type: 'integer', doc: 'The HTTP status.', min: 400, max: 599, default: 500 },
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
  example: { status: 503, every: 5 },
  check: ({ first, every, share }) => pickProblem('http.error', { first, every, share }),
});
