import { get, type PyDict, type PyValue, toNumber } from '../../../shared/python/values.ts';
import { ApiError, badRequest } from '../../llm/errors.ts';
import { requestSchemaHooks } from '../../openai/request-checks.ts';
import { readJsonBody } from '../../openai/request-parser.ts';
import { requestValidationError } from '../../openai/validation-message.ts';
import type { SchemaNode } from '../../pydantic/schema-node.ts';
import { SchemaValidator } from '../../pydantic/schema-validator.ts';
import { describe } from '../openapi-document.ts';
import { bodyOf } from '../request-body.ts';
import type { RegisterRoute } from '../route-context.ts';
import { sendText } from '../send-text.ts';

const ALREADY_ACTIVE =
  'A profiling session is already active. Call /stop_profile before starting another session.';
const PREFIX = /^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/;

const nullable = (of: SchemaNode) => ({ s: { t: 'nullable', of } as const, d: null });

const START: SchemaNode = {
  t: 'model',
  name: 'StartProfileRequest',
  f: {
    profile_prefix: nullable('str'),
    delay_iterations: nullable({ t: 'int', strict: 1 }),
    max_iterations: nullable({ t: 'int', strict: 1 }),
    profiler_kwargs: nullable({ t: 'dict', k: 'str', v: 'any' }),
  },
};

/**
 * `POST /start_profile`, `POST /stop_profile`, where `--profiler-config` names a profiler: a session begins and ends, and
 * nothing is profiled. Source: vllm/entrypoints/serve/profile/api_router.py, AsyncLLM.start_profile (0.33.0).
 */
export const registerProfile: RegisterRoute = (app, { logger }) => {
  let isActive = false;
  const validator = new SchemaValidator({ root: START, defs: {} }, requestSchemaHooks);
  app.post('/start_profile', { schema: describe('Start Profile') }, (request, reply) => {
    let overrides: PyDict = {};
    const body: PyValue = bodyOf(request).length === 0 ? null : readJsonBody(bodyOf(request));
    if (body !== null) {
      const result = validator.validate(body, undefined, ['body']);
      if (!result.ok) throw requestValidationError(result.errors);
      overrides = result.value as PyDict;
    }
    if (isActive) {
      throw new ApiError({ message: ALREADY_ACTIVE, type: 'Conflict', param: null, code: 409 });
    }
    checkOverrides(overrides);
    isActive = true;
    logger.info('Starting profiler...');
    logger.info('Profiler started.');
    sendText(request, reply, '');
  });
  app.post('/stop_profile', { schema: describe('Stop Profile') }, (request, reply) => {
    isActive = false;
    logger.info('Stopping profiler...');
    logger.info('Profiler stopped.');
    sendText(request, reply, '');
  });
};

/** Throws ApiError. */
function checkOverrides(overrides: PyDict): void {
  const prefix = get(overrides, 'profile_prefix');
  if (prefix !== null && !PREFIX.test(String(prefix))) {
    throw badRequest(
      "profile_prefix must be 1-128 ASCII characters, start with a letter or number, and contain only letters, numbers, '.', '_', or '-'",
    );
  }
  for (const name of ['delay_iterations', 'max_iterations']) {
    const count = get(overrides, name);
    if (count !== null && toNumber(count) < 0)
      throw badRequest(`${name} must be greater than or equal to 0`);
  }
}
