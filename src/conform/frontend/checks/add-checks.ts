/** What an HTTP request becomes on the wire: the ADD of a completion whose every field is known. */
import type { EngineCoreRequest, SamplingParams } from '../../../shared/protocol/request.ts';
import { answerWhole } from '../answer-request.ts';
import { compared, NotApplicable, outcome } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import { type Asked, brief, type FrontendRun } from '../frontend-run.ts';

const PARAMS =
  'vllm/entrypoints/openai/completion/protocol.py CompletionRequest.to_sampling_params';
const PROCESSOR = 'vllm/v1/engine/input_processor.py InputProcessor.process_inputs';
const REQUEST_ID = 'conform-known';
/** How far the frontend's clock may be from ours. */
const CLOCK_SECONDS = 2;

/** The body of the known request and what it is in SamplingParams; other parameters have checks of their own. */
const KNOWN_BODY = { max_tokens: 7, min_tokens: 2, temperature: 0.5, top_p: 0.75, seed: 42 };
const KNOWN_PENALTIES = { presence_penalty: 0.25, frequency_penalty: 0.75 };
const KNOWN_STOP = { stop: ['conform-never-said', 'nor-this'] };

interface Known extends Asked {
  /** Wall-clock seconds when the client asked. */
  readonly askedSeconds: number;
}

function known(run: FrontendRun): Promise<Known> {
  return run.once('known', async () => {
    const askedSeconds = run.options.clock.wallMs() / 1000;
    const body = { ...KNOWN_BODY, ...KNOWN_PENALTIES, ...KNOWN_STOP, ignore_eos: true };
    const asked = await run.ask(body, { headers: { 'x-request-id': REQUEST_ID } });
    await asked.completion;
    return { ...asked, askedSeconds };
  });
}

/** A check of some sampling parameters of the known request. */
function knownParams(id: string, does: string, expected: Partial<SamplingParams>): FrontendCheck {
  return {
    id,
    does,
    source: PARAMS,
    async run(run) {
      const { samplingParams } = (await known(run)).add.request;
      return compared(pick(samplingParams, expected), expected);
    },
  };
}

function pick(params: SamplingParams | null, like: Partial<SamplingParams>): object {
  const keys = Object.keys(like) as (keyof SamplingParams)[];
  return Object.fromEntries(keys.map((key) => [key, params?.[key] ?? null]));
}

/** A check of one more field of the body, in a request of its own. */
function ownRequest(options: {
  readonly id: string;
  readonly does: string;
  readonly source: string;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly got: (request: EngineCoreRequest, asked: Asked) => unknown;
  readonly expected: unknown;
  readonly need?: (run: FrontendRun) => void;
}): FrontendCheck {
  const { id, does, source, body, headers = {}, got, expected, need } = options;
  return {
    id,
    does,
    source,
    async run(run) {
      need?.(run);
      const asked = await run.ask({ max_tokens: 2, ...body }, { headers });
      await asked.completion;
      // What is wrong in every ADD add.form tells.
      const { problem } = asked.add;
      if (problem !== null && problem !== (await known(run)).add.problem)
        return outcome(false, 'an ADD of this version', problem);
      return compared(got(asked.add.request, asked), expected);
    },
  };
}

export const ADD_CHECKS: readonly FrontendCheck[] = [
  {
    id: 'frontend.add.form',
    does: "ADD is the byte 00 and an array whose every field has this version's type.",
    source: 'vllm/v1/engine/__init__.py EngineCoreRequest',
    async run(run) {
      if (run.hasHttp) await known(run);
      const { adds } = run;
      const unreadable = run.engines.flatMap((engine) => engine.unreadable);
      if (adds.length === 0 && unreadable.length === 0) throw new NotApplicable('no ADD came');
      const problem = unreadable[0] ?? adds.find((add) => add.problem !== null)?.problem;
      return outcome(problem === undefined, 'no fault in any', problem ?? 'no fault in any');
    },
  },
  {
    id: 'frontend.add.external_req_id',
    does: "The client's id (X-Request-Id) is in external_req_id, and request_id begins with that.",
    source: 'vllm/v1/engine/input_processor.py InputProcessor.assign_request_id',
    async run(run) {
      const { externalReqId, requestId } = (await known(run)).add.request;
      const isFrom = externalReqId?.includes(REQUEST_ID) === true;
      const expected = `external_req_id has ${REQUEST_ID} in it, and request_id begins with that`;
      return outcome(isFrom && requestId.startsWith(externalReqId ?? ''), expected, {
        externalReqId,
        requestId,
      });
    },
  },
  {
    id: 'frontend.add.request_id',
    does: 'No two requests have the same request_id, whatever ids their clients give them.',
    source: 'vllm/v1/engine/input_processor.py InputProcessor.assign_request_id',
    async run(run) {
      const headers = { 'x-request-id': 'conform-twice' };
      for (let i = 0; i < 2; i++) await (await run.ask({ max_tokens: 1 }, { headers })).completion;
      const ids = run.adds.map(({ request }) => request.requestId);
      const repeated = ids.find((id, index) => ids.indexOf(id) !== index || id === '');
      return outcome(repeated === undefined, 'each once', repeated ?? 'each once');
    },
  },
  {
    id: 'frontend.add.arrival_time',
    does: 'arrival_time is the wall clock of the frontend in seconds, when the client asked.',
    source: PROCESSOR,
    async run(run) {
      const { add, askedSeconds } = await known(run);
      const { arrivalTime } = add.request;
      const [from, to] = [askedSeconds - CLOCK_SECONDS, add.receivedSeconds + CLOCK_SECONDS];
      const expected = `${from.toFixed(3)} to ${to.toFixed(3)}`;
      return outcome(arrivalTime >= from && arrivalTime <= to, expected, arrivalTime);
    },
  },
  {
    id: 'frontend.add.client_index',
    does: 'client_index is the place of the API server among the inputs and outputs of INIT.',
    source: 'vllm/v1/engine/core_client.py AsyncMPClient.add_request_async',
    async run(run) {
      const { request, socket } = (await known(run)).add;
      return compared(request.clientIndex, socket);
    },
  },
  knownParams(
    'frontend.add.sampling.limits',
    'max_tokens and min_tokens are as the client sent them; ignore_eos leaves the engine no eos token id.',
    { maxTokens: 7, minTokens: 2, eosTokenId: null },
  ),
  knownParams(
    'frontend.add.sampling.distribution',
    'temperature, top_p and seed are as the client sent them.',
    { temperature: 0.5, topP: 0.75, seed: 42 },
  ),
  knownParams(
    'frontend.add.sampling.penalties',
    'presence_penalty and frequency_penalty are as the client sent them.',
    { presencePenalty: 0.25, frequencyPenalty: 0.75 },
  ),
  ownRequest({
    id: 'frontend.add.sampling.stop_token_ids',
    does: 'stop_token_ids are among those that the engine stops at; the model may have more.',
    source: PARAMS,
    body: { stop_token_ids: [271, 314] },
    got: ({ samplingParams }) =>
      samplingParams?.stopTokenIds?.filter((id) => [271, 314].includes(id)) ?? null,
    expected: [271, 314],
  }),
  ownRequest({
    id: 'frontend.add.sampling.logprobs',
    does: 'logprobs is the number of alternatives that the engine is to send.',
    source: PARAMS,
    body: { logprobs: 3 },
    got: ({ samplingParams }) => samplingParams?.logprobs ?? null,
    expected: 3,
  }),
  ownRequest({
    id: 'frontend.add.sampling.logit_bias',
    does: 'logit_bias is a map of token ids.',
    source: PARAMS,
    body: { logit_bias: { '271': 1.5 } },
    got: ({ samplingParams }) => samplingParams?.logitBias ?? null,
    expected: { '271': 1.5 },
  }),
  ownRequest({
    id: 'frontend.add.sampling.extra_args',
    does: 'vllm_xargs are in extra_args.',
    source: PARAMS,
    body: { vllm_xargs: { conform: 'as sent' } },
    got: ({ samplingParams }) => samplingParams?.extraArgs?.['conform'] ?? null,
    expected: 'as sent',
  }),
  ownRequest({
    id: 'frontend.add.prompt_token_ids',
    does: 'A prompt of token ids reaches the engine as it is.',
    source: PROCESSOR,
    body: { prompt: [11, 22, 33, 44] },
    got: ({ promptTokenIds }) => promptTokenIds,
    expected: [11, 22, 33, 44],
  }),
  ownRequest({
    id: 'frontend.add.priority',
    does: "priority is the client's.",
    source: 'vllm/v1/engine/input_processor.py InputProcessor.process_inputs',
    body: { priority: 7 },
    got: ({ priority }) => priority,
    expected: 7,
  }),
  ownRequest({
    id: 'frontend.add.cache_salt',
    does: "cache_salt is the client's.",
    source: PROCESSOR,
    body: { cache_salt: 'conform' },
    got: ({ cacheSalt }) => cacheSalt,
    expected: 'conform',
  }),
  ownRequest({
    id: 'frontend.add.data_parallel_rank',
    does: 'X-data-parallel-rank names the engine that gets the request.',
    source: 'vllm/entrypoints/openai/engine/serving.py OpenAIServing._get_data_parallel_rank',
    need: (run) => run.needSeveralEngines(),
    body: {},
    headers: { 'x-data-parallel-rank': '1' },
    got: ({ dataParallelRank }, { add }) => ({ rank: dataParallelRank, engine: add.engine.rank }),
    expected: { rank: 1, engine: 1 },
  }),
  {
    id: 'frontend.add.n',
    does: 'n=3 is three requests to the engines, each of one answer and with an id of its own.',
    source: 'vllm/v1/engine/parallel_sampling.py ParentRequest',
    async run(run) {
      const before = run.adds.length;
      const { completion } = await run.askHeld({ n: 3, max_tokens: 2 });
      await run.waitFor('three ADDs of n=3', () => run.adds[before + 2]);
      const adds = run.adds.slice(before);
      for (const add of adds) {
        run.close(add);
        answerWhole(add);
      }
      const { status, choices, text } = await completion;
      const got = {
        adds: adds.length,
        ids: new Set(adds.map(({ request }) => request.requestId)).size,
        n: [...new Set(adds.map(({ request }) => request.samplingParams?.n ?? null))],
        choices: choices.length,
      };
      const finding = compared(got, { adds: 3, ids: 3, n: [1], choices: 3 });
      return status === 200 ? finding : { ...finding, got: `${status} ${brief(text)}` };
    },
  },
];
