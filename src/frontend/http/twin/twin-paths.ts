/** Every path below /twin, once: the OpenAPI document and the reference page are made of it. */
import {
  MAX_ALLOWED_STEPS,
  MAX_STEP_FACTOR,
  MIN_STEP_FACTOR,
} from '../../../shared/twin-api/limits.ts';
import { STEERING_PATHS } from './steering-paths.ts';
import type { TwinParameter, TwinPath } from './twin-path.ts';
import { DEFAULT_FRAMES, MAX_FRAMES } from './twin-reads.ts';

/** The tag of all of them. */
export const TWIN_TAG = 'twin';

const query = (
  name: string,
  doc: string,
  schema: TwinParameter['schema'],
  required = false,
): TwinParameter => ({ name, in: 'query', required, schema, doc });

const RANK: TwinParameter = {
  name: 'rank',
  in: 'path',
  required: true,
  schema: { type: 'integer', minimum: 0 },
  doc: 'Data-parallel rank of the engine.',
};

const ENGINE_ERRORS = {
  400: 'A parameter, or what the engine refuses, in its words.',
  404: 'There is no engine of that rank.',
  501: 'The engine is not one of ours: it knows none of the methods that show its inside.',
  503: 'The engine is not ready, is dead, or did not answer in time.',
};

const CHANGE_ERRORS = {
  400: 'What is wrong with the body: the field, its value, the limit.',
  403: 'Who may not change anything, and why.',
  415: 'The body is no JSON by its content-type.',
};

function view(
  name: string,
  summary: string,
  answer: string,
  ...parameters: readonly TwinParameter[]
): TwinPath {
  return {
    method: 'GET',
    path: `/twin/api/engines/{rank}/${name}`,
    summary,
    parameters: [RANK, ...parameters],
    body: null,
    contentType: 'application/json',
    answer,
    errors: ENGINE_ERRORS,
  };
}

export const TWIN_PATHS: readonly TwinPath[] = [
  {
    method: 'GET',
    path: '/twin',
    summary: 'The page',
    parameters: [],
    body: null,
    contentType: 'text/html',
    answer: 'One file, which loads nothing else.',
    errors: {},
  },
  {
    method: 'GET',
    path: '/twin/api/state',
    summary: 'State of the twin and of each engine',
    parameters: [],
    body: null,
    contentType: 'application/json',
    answer: 'TwinState: model, phase, each engine with its own figures, never summed.',
    errors: {},
  },
  {
    method: 'GET',
    path: '/twin/api/frames',
    summary: 'Frames of all processes, merged',
    parameters: [
      query('since', 'Only frames with a higher n.', { type: 'integer', minimum: 0, default: 0 }),
      query('limit', 'At most so many; fewer where they are long.', {
        type: 'integer',
        minimum: 1,
        maximum: MAX_FRAMES,
        default: DEFAULT_FRAMES,
      }),
    ],
    body: null,
    contentType: 'application/x-ndjson',
    answer:
      'A FrameLine a line, in the order of n; of large frames fewer than the limit, so that an answer stays small.',
    errors: { 400: 'A parameter: its name, its value, the limit.' },
  },
  {
    method: 'GET',
    path: '/twin/api/frame',
    summary: 'One frame in full',
    parameters: [
      query('n', 'Its number in the merged stream.', { type: 'integer', minimum: 1 }, true),
    ],
    body: null,
    contentType: 'application/json',
    answer: "FrameDetail: every field with vLLM's meaning and the place of its bytes.",
    errors: { 404: 'It has made room for newer ones, or has not come yet.' },
  },
  {
    method: 'GET',
    path: '/twin/api/events',
    summary: 'What changes, as it changes',
    parameters: [],
    body: null,
    contentType: 'text/event-stream',
    answer: 'Events `state` (TwinState) and `frames` ({"last_n": N}).',
    errors: { 503: 'As many listen as may.' },
  },
  view('about', 'What an engine is', 'EngineAbout: process, GPU, requests, clock.'),
  view('blocks', 'The block map of an engine', 'BlockMap: a byte a block, in base64.'),
  view(
    'block',
    'One block',
    'BlockView: state, reference count, hash, who holds it.',
    query('id', 'Block id.', { type: 'integer', minimum: 0 }, true),
  ),
  view(
    'request',
    'One request in the engine',
    'RequestView: tokens and its block tables, a list for each group; null where it has ended.',
    query('id', 'Request id, as the engine has it.', { type: 'string' }, true),
  ),
  view(
    'steps',
    'Steps of the scheduler',
    'EngineSteps: what each step scheduled, and why each waiting request waits.',
    query('since', 'Only steps beyond this one.', { type: 'integer', minimum: 0, default: 0 }),
  ),
  view('explain', 'Where the capacity comes from', 'The JSON of `vllm-twin explain --json`.'),
  {
    method: 'POST',
    path: '/twin/api/clock',
    summary: 'Pause, step, or change the pace of engines',
    parameters: [],
    body: {
      type: 'object',
      additionalProperties: false,
      properties: {
        state: { enum: ['paused', 'running'] },
        steps: { type: 'integer', minimum: 1, maximum: MAX_ALLOWED_STEPS },
        factor: { type: 'number', minimum: MIN_STEP_FACTOR, maximum: MAX_STEP_FACTOR },
        engine: { type: 'integer', minimum: 0 },
      },
    },
    contentType: 'application/json',
    answer: '`{"clocks": {"0": ClockState, …}}` of the engines that were asked.',
    errors: {
      ...CHANGE_ERRORS,
      404: ENGINE_ERRORS[404],
      501: ENGINE_ERRORS[501],
      503: ENGINE_ERRORS[503],
    },
  },
  {
    method: 'POST',
    path: '/twin/api/handshake/next',
    summary: 'With --handshake-step: let the next frame of the start-up go',
    parameters: [],
    body: { type: 'object', additionalProperties: false, properties: {} },
    contentType: 'application/json',
    answer: 'HandshakeStepState: what is held back now.',
    errors: { ...CHANGE_ERRORS, 409: 'No start-up is held.' },
  },
  ...STEERING_PATHS,
];

/** The operations of the OpenAPI document, by path and method. */
export function twinOperations(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const path of TWIN_PATHS) {
    const operations = paths[path.path] ?? {};
    operations[path.method.toLowerCase()] = operationOf(path);
    paths[path.path] = operations;
  }
  return paths;
}

function operationOf({
  method,
  path,
  summary,
  parameters,
  body,
  contentType,
  answer,
  status = 200,
  errors,
}: TwinPath) {
  return {
    tags: [TWIN_TAG],
    summary,
    operationId: `twin_${method}_${path}`.toLowerCase().replace(/\W+/g, '_').replace(/_$/, ''),
    ...(parameters.length === 0
      ? {}
      : {
          parameters: parameters.map(({ doc, ...parameter }) => ({
            ...parameter,
            description: doc,
          })),
        }),
    ...(body === null
      ? {}
      : { requestBody: { required: false, content: { 'application/json': { schema: body } } } }),
    responses: {
      [status]:
        status === 204
          ? { description: answer }
          : { description: answer, content: { [contentType]: { schema: {} } } },
      ...Object.fromEntries(
        Object.entries(errors).map(([status, text]) => [
          status,
          { description: text, content: { 'application/json': { schema: ERROR } } },
        ]),
      ),
    },
  };
}

const ERROR = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message'],
      properties: {
        message: { type: 'string' },
        param: { type: 'string' },
        allowed: { type: 'string' },
      },
    },
  },
};
