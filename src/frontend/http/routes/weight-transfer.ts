import { isDict, type PyDict, type PyValue } from '../../../shared/python/values.ts';
import { internalError } from '../../llm/errors.ts';
import { readJsonBody } from '../../openai/request-parser.ts';
import { requestValidationError } from '../../openai/validation-message.ts';
import { describe } from '../openapi-document.ts';
import { bodyOf } from '../request-body.ts';
import type { FastifyRequest, RegisterRoute } from '../route-context.ts';

const NOT_CONFIGURED =
  'Weight transfer not configured. Please set weight_transfer_config to enable weight transfer.';

/** By path, its name and the object that its body must have; null: it needs none. */
const ROUTES: readonly (readonly [path: string, summary: string, field: string | null])[] = [
  ['/init_weight_transfer_engine', 'Init Weight Transfer Engine', 'init_info'],
  ['/shutdown_weight_transfer_engine', 'Shutdown Weight Transfer Engine', null],
  ['/start_weight_update', 'Start Weight Update', null],
  ['/start_draft_weight_update', 'Start Draft Weight Update', null],
  ['/update_weights', 'Update Weights', 'update_info'],
  ['/finish_weight_update', 'Finish Weight Update', null],
];

/**
 * Development: weights that a trainer sends. There are none here: each says what a server without
 * `--weight-transfer-config` says. Source: vllm/entrypoints/rl/online/api_router.py, Worker._check_weight_transfer_engine.
 */
export const registerWeightTransfer: RegisterRoute = (app) => {
  for (const [path, summary, field] of ROUTES) {
    app.post(path, { schema: describe(summary) }, (request) => {
      if (field !== null) checkField(request, field);
      throw internalError(`Call to collective_rpc method failed: ${NOT_CONFIGURED}`);
    });
  }
};

/** Throws ApiError. */
function checkField(request: FastifyRequest, field: string): void {
  const body = bodyOf(request);
  const value: PyValue = body.length === 0 ? null : readJsonBody(body);
  const fields: PyDict = isDict(value) ? value : {};
  const loc = ['body', field];
  if (!Object.hasOwn(fields, field)) {
    throw requestValidationError([
      { type: 'missing', loc, msg: 'Field required', input: null, ctx: [] },
    ]);
  }
  const input = fields[field] ?? null;
  if (isDict(input)) return;
  throw requestValidationError([
    { type: 'dict_type', loc, msg: 'Input should be a valid dictionary', input, ctx: [] },
  ]);
}
