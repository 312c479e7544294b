/** ADD: what comes back for a request, of all kinds. */
import { FinishReason } from '../../shared/protocol/outputs.ts';
import { failed, judged, notApplicable, type Outcome, passed } from '../run-checks.ts';
import type { EngineCheck, EngineRun } from './engine-check.ts';
import { checkOfEngines, generate, mustFinish, quiet } from './exchange.ts';
import type { HeardEngine, HeardOutput, HeardOutputs } from './heard.ts';

const STOP = 'vllm/v1/core/sched/utils.py check_stop';
const UPDATE = 'vllm/v1/core/sched/scheduler.py Scheduler.update_from_output';
const OUTPUT = 'vllm/v1/engine/__init__.py EngineCoreOutput';
/** Of requests that run at once: an engine that has one limit for all of them is told. */
const LENGTHS_OF_MANY = [5, 8];
/** More than any vocabulary has. */
const ALL_TOKEN_IDS = Array.from({ length: 1 << 18 }, (_, id) => id);

/** As many as it should be or not: that they are right add.tokens tells. */
async function numTokensAlone(
  run: EngineRun,
  engine: HeardEngine,
  maxTokens: number,
): Promise<number> {
  const [first] = await generate(run, engine, { maxTokens });
  return run.requests.numTokensOf(first?.output.requestId ?? '');
}

export const REQUEST_CHECKS: readonly EngineCheck[] = [
  checkOfEngines(
    'add.tokens',
    'A request without stops gives exactly max_tokens tokens, each a token id.',
    STOP,
    tokensOutcome,
  ),
  checkOfEngines(
    'add.length',
    'It ends with finish_reason 1 (length) and without stop_reason.',
    STOP,
    async (run, engine) => {
      const last = lastOf(await generate(run, engine, { maxTokens: 3 }));
      const { finishReason, stopReason } = last;
      return finishReason === FinishReason.LENGTH && stopReason === null
        ? passed('finish_reason 1')
        : failed(`finish_reason ${finishReason}, stop_reason ${JSON.stringify(stopReason)}`);
    },
  ),
  checkOfEngines(
    'add.finish-once',
    'The output with finish_reason is the last one of a request.',
    UPDATE,
    async (run, engine) => {
      const outputs = await generate(run, engine, { maxTokens: 4 });
      await quiet(run);
      const at = outputs.findIndex(({ output }) => output.finishReason !== null);
      if (at === -1) return notApplicable('no output has a finish_reason, which add.length tells');
      return at === outputs.length - 1
        ? passed(`${outputs.length} outputs, the last with finish_reason`)
        : failed(`${outputs.length - at - 1} outputs behind the one with finish_reason`);
    },
  ),
  checkOfEngines(
    'add.stop-token',
    'A token of stop_token_ids ends the request: finish_reason 0 (stop), stop_reason that id, the token included.',
    STOP,
    async (run, engine) => {
      const outputs = await generate(run, engine, { maxTokens: 8, stopTokenIds: ALL_TOKEN_IDS });
      const { finishReason, stopReason } = lastOf(outputs);
      const tokens = outputs.flatMap(({ output }) => [...output.newTokenIds]);
      if (tokens.some((token) => !(token >= 0)))
        return notApplicable('tokens that are none, which add.tokens tells');
      return finishReason === FinishReason.STOP && tokens.length === 1 && stopReason === tokens[0]
        ? passed(`finish_reason 0, stop_reason ${stopReason}`)
        : failed(
            `every token is a stop token: ${tokens.length} tokens, finish_reason ${finishReason}, stop_reason ${JSON.stringify(stopReason)}, first token ${tokens[0]}`,
          );
    },
  ),
  checkOfEngines(
    'add.logprobs',
    'With logprobs 2 each token has a row of new_logprobs: the sampled token first, then the two likeliest.',
    'vllm/v1/outputs.py LogprobsLists',
    logprobsOutcome,
  ),
  checkOfEngines(
    'add.no-logprobs',
    'Without logprobs there are none.',
    OUTPUT,
    async (run, engine) => {
      const outputs = await generate(run, engine, { maxTokens: 2 });
      return judged(
        outputs.some(({ output }) => output.newLogprobs !== null) ? ['new_logprobs'] : [],
        'none',
      );
    },
  ),
  checkOfEngines(
    'add.prefill-stats',
    "The first output of a request, and no other, has prefill_stats with the prompt's tokens.",
    'vllm/v1/metrics/stats.py PrefillStats',
    prefillOutcome,
  ),
  checkOfEngines(
    'add.n',
    'The requests of one prompt with n > 1 come one by one, and each is answered under its own id.',
    'vllm/v1/engine/parallel_sampling.py ParentRequest.get_child_info',
    async (run, engine) => {
      const ids = [0, 1, 2].map((index) =>
        run.requests.add(
          engine,
          { maxTokens: 3, temperature: 1, seed: index },
          { requestId: `${index}_conform-n-${engine.rank}`, externalReqId: 'conform-n' },
        ),
      );
      await mustFinish(run, engine, ids);
      const wanted = await numTokensAlone(run, engine, 3);
      return judged(
        ids
          .filter((id) => run.requests.numTokensOf(id) !== wanted)
          .map((id) => `${run.requests.numTokensOf(id)} tokens of ${id}, and ${wanted} of another`),
        `3 requests of ${wanted} tokens`,
      );
    },
  ),
  checkOfEngines(
    'add.priority',
    'A request with a priority is served like any other, whatever the policy.',
    'vllm/v1/request.py Request.from_engine_core_request',
    async (run, engine) => {
      const outputs = await generate(run, engine, { maxTokens: 2 }, { priority: 5 });
      return outputs.length > 0 ? passed('2 tokens') : failed('no output');
    },
  ),
  checkOfEngines(
    'add.many',
    'Requests that run at once are each answered in full.',
    UPDATE,
    async (run, engine) => {
      const wanted = new Map<number, number>();
      for (const length of LENGTHS_OF_MANY)
        wanted.set(length, await numTokensAlone(run, engine, length));
      const lengths = Array.from({ length: 4 }, () => LENGTHS_OF_MANY).flat();
      const ids = lengths.map((maxTokens) => run.requests.add(engine, { maxTokens }));
      await mustFinish(run, engine, ids);
      const problems = ids.flatMap((id, index) => {
        const got = run.requests.numTokensOf(id);
        const alone = wanted.get(lengths[index] ?? 0);
        return got === alone ? [] : [`${got} tokens, and ${alone} of a request that runs alone`];
      });
      return judged([...new Set(problems)], `${ids.length} requests of two lengths`);
    },
  ),
  checkOfEngines(
    'outputs.client',
    'Outputs and answers go to the frontend whose client_index the request has, and to no other.',
    'vllm/v1/engine/core.py EngineCoreProc.process_output_sockets',
    clientOutcome,
  ),
  checkOfEngines(
    'outputs.engine-index',
    'Every message names the engine that sends it.',
    'vllm/v1/engine/core.py EngineCoreProc.process_output_sockets',
    async (run) => {
      const problems: string[] = [];
      for (const engine of run.frontend.engines) {
        const outputs = await generate(run, engine, { maxTokens: 2 });
        for (const { heard } of outputs)
          if (engine.rank !== null && heard.outputs?.engineIndex !== engine.rank)
            problems.push(`engine_index ${heard.outputs?.engineIndex} of engine ${engine.rank}`);
      }
      return judged([...new Set(problems)], `${run.frontend.engines.length} engines`);
    },
  ),
  checkOfEngines(
    'outputs.timestamp',
    "A message's timestamp is the engine's monotonic seconds: above 0, and never below the one before.",
    'vllm/v1/engine/__init__.py EngineCoreOutputs.__post_init__',
    async (run, engine) => {
      const outputs = await generate(run, engine, { maxTokens: 5 });
      const times = outputs.map(({ heard }) => heard.outputs?.timestamp ?? 0);
      const pace = paceProblem(run.frontend.outputs, engine);
      const problems = times.flatMap((time, i) => {
        const before = times[i - 1] ?? 0;
        if (!(time > 0 && time >= before)) return [`${time} behind ${before}`];
        return time < MAX_UPTIME_S ? [] : [`${time}: a time of day, or no seconds`];
      });
      return judged([...problems, ...(pace === null ? [] : [pace])], `${times.length} messages`);
    },
  ),
];

/** Monotonic seconds begin when the machine does: of thirty years they are the seconds since 1970. */
const MAX_UPTIME_S = 1e9;

/** A time that shows whether another unit was meant, however late messages come on a busy machine. */
const LEAST_PASSED_S = 0.1;
const MOST_TIMES = 100;
/** Seconds may be whole ones. */
const WHOLE_S = 1;

/** Whether as much time has passed for the engine as for us. */
function paceProblem(heard: readonly HeardOutputs[], { rank }: HeardEngine): string | null {
  const own = heard.filter(({ outputs }) => rank === null || outputs?.engineIndex === rank);
  const [first, last] = [own[0], own.at(-1)];
  if (first === undefined || last === undefined) return null;
  const oursS = (last.atMs - first.atMs) / 1000;
  const theirsS = (last.outputs?.timestamp ?? 0) - (first.outputs?.timestamp ?? 0);
  const isOdd = theirsS > MOST_TIMES * oursS || theirsS < (oursS - WHOLE_S) / MOST_TIMES;
  return oursS >= LEAST_PASSED_S && isOdd
    ? `${theirsS.toFixed(3)} between messages that came ${oursS.toFixed(3)} s apart: no seconds`
    : null;
}

function lastOf(outputs: readonly HeardOutput[]): HeardOutput['output'] {
  const last = outputs.find(({ output }) => output.finishReason !== null);
  if (last === undefined) throw new Error('no output with finish_reason');
  return last.output;
}

async function tokensOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const outputs = await generate(run, engine, { maxTokens: 9 });
  const tokens = outputs.flatMap(({ output }) => [...output.newTokenIds]);
  const bad = tokens.filter((token) => !Number.isInteger(token) || token < 0);
  return judged(
    [
      ...(tokens.length === 9 ? [] : [`${tokens.length} tokens instead of 9`]),
      ...bad.map((token) => `a token id of ${token}`),
    ],
    `9 tokens in ${outputs.length} messages`,
  );
}

async function logprobsOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const outputs = await generate(run, engine, { maxTokens: 3, logprobs: 2 });
  const problems: string[] = [];
  let numRead = 0;
  for (const { heard, output } of outputs) {
    const { newTokenIds, newLogprobs } = output;
    if (newTokenIds.length === 0) continue;
    // Of a message that is wrong elsewhere nothing is known here.
    if (heard.problem !== null && !heard.problem.includes('logprobs')) continue;
    numRead += 1;
    if (heard.problem !== null) run.fate.told.add('new_logprobs');
    if (newLogprobs === null) {
      problems.push('tokens without new_logprobs');
      continue;
    }
    const wanted = `${newTokenIds.length} × 3`;
    for (const name of ['logprobTokenIds', 'logprobs'] as const) {
      const shape = newLogprobs[name].shape.join(' × ');
      if (shape !== wanted) problems.push(`${name} of shape ${shape} instead of ${wanted}`);
    }
    const ranks = newLogprobs.sampledTokenRanks.shape.join(' × ');
    if (ranks !== `${newTokenIds.length}`) problems.push(`sampled_token_ranks of shape ${ranks}`);
    const { lowest, highest } = rangeOf(newLogprobs.logprobs);
    // With --logprobs-mode raw_logits they are above 0 too, but not all of them from 0 to 1.
    if (lowest >= 0 && highest > MAX_LOGPROB && highest <= 1)
      problems.push(`a logprob of ${highest.toFixed(3)}: a probability?`);
    const first = firstIdOf(newLogprobs.logprobTokenIds);
    if (first !== null && first !== newTokenIds[0])
      problems.push(`the row of token ${newTokenIds[0]} begins with ${first}`);
  }
  if (numRead === 0) return notApplicable(UNREADABLE);
  return judged(problems, `${numRead} outputs with new_logprobs`);
}

const UNREADABLE = 'no message can be read as it should be, which outputs.readable tells';

/** The logarithm of 1, and what float32 may make of it. */
const MAX_LOGPROB = 0.001;

interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/** Of an array of another type none is known. */
function rangeOf({ dtype, data }: { dtype: string; data: Uint8Array }): Range {
  const buffer = Buffer.from(data);
  const count = /f4$|float32/.test(dtype) ? Math.floor(buffer.length / 4) : 0;
  const values = Array.from({ length: count }, (_, i) => buffer.readFloatLE(4 * i));
  return { lowest: Math.min(...values), highest: Math.max(...values) };
}

function firstIdOf({ dtype, data }: { dtype: string; data: Uint8Array }): number | null {
  const buffer = Buffer.from(data);
  if (/i4$|int32/.test(dtype) && buffer.length >= 4) return buffer.readInt32LE();
  if (/i8$|int64/.test(dtype) && buffer.length >= 8) return Number(buffer.readBigInt64LE());
  return null;
}

async function prefillOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const { table } = run.structs.engineCoreOutput;
  if (!table.fields.some(({ wire }) => wire === 'prefill_stats'))
    return notApplicable(`vLLM ${run.version.vllmVersion} has no such field`);
  const outputs = await generate(
    run,
    engine,
    { maxTokens: 3 },
    { promptTokenIds: [5, 6, 7, 8, 9] },
  );
  const stats = outputs.map(({ output }) => output.prefillStats);
  const [first, ...others] = stats;
  if (first === null || first === undefined) return failed('the first output has none');
  return judged(
    [
      ...(first.numPromptTokens === 5
        ? []
        : [`num_prompt_tokens ${first.numPromptTokens} of a prompt of 5 tokens`]),
      ...(others.every((one) => one === null) ? [] : ['later outputs have some too']),
    ],
    'num_prompt_tokens 5 in the first output',
  );
}

async function clientOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const { requests, frontend } = run;
  if (!frontend.hasGreeted(engine, 1))
    return notApplicable('the engine is not at the second input socket, which init.inputs tells');
  const outputs = await generate(run, engine, { maxTokens: 3 }, { clientIndex: 1 });
  const callId = requests.call(engine, 'is_scheduler_paused', [], { client: 1 });
  await frontend.wait(() => frontend.answersOf(callId).length > 0, run.answerMs);
  const own = await generate(run, engine, { maxTokens: 1 });
  const wrong = [
    ...outputs.map(({ heard }) => [heard.client, 1] as const),
    ...frontend.answersOf(callId).map(({ heard }) => [heard.client, 1] as const),
    ...own.map(({ heard }) => [heard.client, 0] as const),
  ].filter(([client, wanted]) => client !== wanted);
  return judged(
    [
      ...wrong.map(([client, wanted]) => `for client ${wanted}, at client ${client}`),
      ...(frontend.numCopies > 0 ? [`${frontend.numCopies} messages at both clients`] : []),
    ],
    'outputs of clients 0 and 1 at their own sockets',
  );
}
