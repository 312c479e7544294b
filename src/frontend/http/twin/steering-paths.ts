/** The paths of faults, loads and scenarios, for the table of all paths below /twin. */
import { type LOAD_FIELDS, MAX_CONCURRENCY } from '../../../scenario/load.ts';
import type { TwinParameter, TwinPath } from './twin-path.ts';

const CHANGE_ERRORS = {
  403: 'Who may not change anything, and why.',
};
const BEGIN_ERRORS = {
  400: 'What is wrong with the body; `error.param` names it, `error.allowed` says what it may be.',
  ...CHANGE_ERRORS,
  409: 'As many run as may.',
  415: 'The body is no JSON by its content-type.',
  503: 'The server starts or ends.',
};

const DURATION = {
  anyOf: [{ type: 'number' }, { type: 'string' }],
  description: 'duration: `500ms`, `30s`, `5m`, or milliseconds',
};
const SHARE = { type: 'number', minimum: 0, maximum: 1, default: 0 };
const LENGTH = {
  anyOf: [{ type: 'integer' }, { type: 'object' }],
  description: 'tokens, {min, max}, or {mean, stddev, min, max}',
  default: 128,
};

const LOAD_SCHEMAS: Readonly<Record<(typeof LOAD_FIELDS)[number], object>> = {
  rate: {
    anyOf: [{ type: 'number' }, { type: 'string' }, { type: 'object' }],
    description: '`20/s`, `90/m`, a number a second, or {from, to, over}; must be given',
  },
  arrival: { enum: ['poisson', 'constant'] },
  prompt_tokens: LENGTH,
  output_tokens: LENGTH,
  shared_prefix: SHARE,
  concurrency: { type: 'integer', minimum: 1, maximum: MAX_CONCURRENCY, default: MAX_CONCURRENCY },
  abort: SHARE,
  stream: { type: 'boolean', default: true },
  for: DURATION,
  seed: { type: 'integer', minimum: 0, maximum: 4_294_967_295, default: 0 },
  engine: { type: 'integer', minimum: 0 },
};

const HANDLE: TwinParameter = {
  name: 'handle',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  doc: 'What the POST gave.',
};

const JSON_TYPE = 'application/json';

const list = (
  path: string,
  summary: string,
  answer: string,
  errors: TwinPath['errors'] = {},
): TwinPath => ({
  method: 'GET',
  path,
  summary,
  parameters: [],
  body: null,
  contentType: JSON_TYPE,
  answer,
  errors,
});

const end = (path: string, summary: string, errors: TwinPath['errors'] = {}): TwinPath => ({
  method: 'DELETE',
  path: `${path}/{handle}`,
  summary,
  parameters: [HANDLE],
  body: null,
  contentType: JSON_TYPE,
  answer: 'Nothing.',
  status: 204,
  errors: { ...CHANGE_ERRORS, 404: 'There is none of that handle, or it is over.', ...errors },
});

const NO_FAULTS = { 404: 'The server has no faults: --faults none.' };

export const STEERING_PATHS: readonly TwinPath[] = [
  list(
    '/twin/api/faults',
    'The faults that there are',
    '`{"faults": [FaultEntry]}`: what each does, what vLLM does then, `parameters` as JSON Schema, `ways` of injecting it.',
    NO_FAULTS,
  ),
  {
    method: 'POST',
    path: '/twin/api/faults',
    summary: 'Begin a fault',
    parameters: [],
    body: {
      type: 'object',
      required: ['fault'],
      properties: {
        fault: {
          type: 'string',
          description: 'its id: `engine.hang`; its own parameters stand flat beside',
        },
        engine: { type: 'integer', minimum: 0, description: 'rank of the one engine that has it' },
        for: DURATION,
      },
      additionalProperties: { description: "the fault's own parameters" },
    },
    contentType: JSON_TYPE,
    answer: 'InjectedFault: its `handle`, and the fault with its defaults. It has begun.',
    status: 201,
    errors: {
      ...BEGIN_ERRORS,
      404: 'The server has no faults: --faults none.',
      409: 'As many are active as may, or there is no such process to do it to.',
    },
  },
  list(
    '/twin/api/faults/active',
    'The faults that are active',
    '`{"active": [ActiveFault]}`: each with its handle, its age, and when it ends by itself.',
    NO_FAULTS,
  ),
  end('/twin/api/faults', 'End a fault', {
    503: 'An engine does not answer: the fault is active still.',
  }),
  {
    method: 'POST',
    path: '/twin/api/load',
    summary: 'Begin a load',
    parameters: [],
    body: {
      type: 'object',
      additionalProperties: false,
      required: ['rate'],
      properties: LOAD_SCHEMAS,
    },
    contentType: JSON_TYPE,
    answer:
      'Its `handle`, and the load with its defaults. The server sends itself completions of token ids, at most `concurrency` at once; what is due beyond waits.',
    status: 201,
    errors: BEGIN_ERRORS,
  },
  list(
    '/twin/api/load',
    'The loads that run, and the last that have ended',
    '`{"loads": [LoadEntry]}`: the load, how many requests were sent and what became of them.',
  ),
  end('/twin/api/load', 'End a load: nothing more is sent, what is under way is cut off'),
  {
    method: 'POST',
    path: '/twin/api/scenarios',
    summary: 'Play a scenario on this server',
    parameters: [],
    body: {
      type: 'object',
      additionalProperties: false,
      required: ['name', 'steps'],
      properties: {
        name: { type: 'string' },
        description: { type: 'string' },
        steps: { type: 'array', description: 'steps as in a scenario file', items: {} },
      },
    },
    contentType: JSON_TYPE,
    answer:
      'Its `handle` and `name`. Not with `flags`, `at: start` or `restart`, which need whoever starts the server.',
    status: 201,
    errors: BEGIN_ERRORS,
  },
  list(
    '/twin/api/scenarios',
    'The scenarios that are played, and the last that are over',
    '`{"scenarios": [ScenarioEntry]}`: `state` is running, done, or failed where something in `unmet` did not come out.',
  ),
  end('/twin/api/scenarios', 'End a scenario, and what it has begun'),
];
