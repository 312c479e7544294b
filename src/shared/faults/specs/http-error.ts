import { defineFault } from '../fault-spec.ts';
import { PICK_PARAMETERS } from '../pick-parameters.ts';
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
    ...PICK_PARAMETERS,
  },
  example: { status: 503, every: 5 },
  check: ({ first, every, share }) => pickProblem('http.error', { first, every, share }),
});
