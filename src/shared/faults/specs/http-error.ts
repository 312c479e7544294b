import { defineFault } from '../fault-spec.ts';
import { PICK_PARAMETERS } from '../pick-parameters.ts';
import { pickProblem } from '../pick-problem.ts';

export const HTTP_ERROR = defineFault({
  id: 'http.error',
  place: 'http',
  meaning: "Requests get an error instead of an answer, with vLLM's body for the status.",
  inVllm:
    'The request never reaches an engine; it has its access log line and counts in http_requests_total. The body is an ErrorResponse, `{"error": {"message", "type", "param", "code"}}`: 500 is InternalServerError with the sentence of a dead engine, 503 `Service Unavailable` with that of a full queue, 400, 404, 422 and 501 have the types of vLLM\'s own errors, and any other the phrase of its status, as an HTTPException. 429 is none that vLLM gives: as from a gateway in front. 401 is `{"error":"Unauthorized"}` as from the check of the key, which counts nowhere.',
  source: 'vllm/entrypoints/serve/exception_handling/error_response.py create_error_response',
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
