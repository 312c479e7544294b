/** ABORT and UTILITY. */
import { FinishReason } from '../../shared/protocol/outputs.ts';
import { failed, judged, notApplicable, type Outcome, passed, secondsText } from '../run-checks.ts';
import type { EngineCheck, EngineRun } from './engine-check.ts';
import {
  checkOfEngines,
  generate,
  onAll,
  quiet,
  result,
  running,
  tokensForAWhile,
  tokensForLong,
} from './exchange.ts';
import type { HeardEngine } from './heard.ts';

const ABORT = 'vllm/v1/core/sched/scheduler.py Scheduler.finish_requests';
const CALL = 'vllm/v1/engine/core.py EngineCoreProc._handle_client_request';
const INVOKE = 'vllm/v1/engine/core.py EngineCoreProc._invoke_utility_method';

export const ABORT_CHECKS: readonly EngineCheck[] = [
  checkOfEngines(
    'abort.running',
    'ABORT ends a running request: no token of it comes behind what was under way, and no output tells of its end.',
    ABORT,
    async (run, engine) => {
      const id = await running(run, engine);
      run.requests.abort(engine, [id]);
      return silentOutcome(run, engine, id, true);
    },
  ),
  checkOfEngines(
    'abort.others',
    'It ends the requests that it names and no other.',
    ABORT,
    async (run, engine) => {
      const { requests } = run;
      const numTokens = await tokensForAWhile(run, engine);
      const maxTokens = await tokensForLong(run, engine);
      const kept = requests.add(engine, { maxTokens: numTokens });
      const ended = [1, 2].map(() => requests.add(engine, { maxTokens }));
      requests.abort(engine, ended);
      await requests.finished([kept], run.answerMs);
      const got = `${requests.numTokensOf(kept)} of ${numTokens} tokens`;
      const numGoingOn = await numThatGoOn(run, ended);
      requests.abort(engine, ended.slice(0, 1));
      requests.abort(engine, ended.slice(1));
      // Where no ABORT is heeded, abort.running tells.
      const isDeaf = numGoingOn === 2 && (await numThatGoOn(run, ended)) > 0;
      if (numGoingOn > 0 && !isDeaf)
        return failed(`of two requests that it names ${numGoingOn} run on`);
      return requests.isOver(kept) ? passed(got) : failed(got);
    },
  ),
  checkOfEngines(
    'abort.unknown',
    'ABORT of an id that nobody knows changes nothing.',
    ABORT,
    async (run, engine) => {
      run.requests.abort(engine, ['conform-unknown']);
      const outputs = await generate(run, engine, { maxTokens: 3 });
      const told = run.requests.outputsOf('conform-unknown').length;
      return told === 0
        ? passed(`the next request ended in ${outputs.length} messages`)
        : failed('an output of the unknown request');
    },
  ),
];

/** Behind those of pausing, by which a request is held. */
export const ABORT_WAITING_CHECKS: readonly EngineCheck[] = [
  checkOfEngines(
    'abort.waiting',
    'ABORT ends a request that waits: it is never begun.',
    ABORT,
    async (run, engine) => {
      await onAll(run, 'pause_scheduler', ['keep', false]);
      const id = run.requests.add(engine, { maxTokens: 3 });
      run.requests.abort(engine, [id]);
      await onAll(run, 'resume_scheduler');
      return silentOutcome(run, engine, id, false);
    },
  ),
];

export const UTILITY_CHECKS: readonly EngineCheck[] = [
  checkOfEngines(
    'utility.result',
    'A call is answered with its result, as [null, value]: is_sleeping says false.',
    CALL,
    async (run, engine) => {
      const value = await result(run, engine, 'is_sleeping');
      return value === false ? passed('false') : failed(JSON.stringify(value) ?? 'no result');
    },
  ),
  checkOfEngines(
    'utility.tasks',
    'get_supported_tasks says what the model is for; a model that completes texts says generate.',
    'vllm/v1/engine/core.py EngineCore.get_supported_tasks',
    async (run, engine) => {
      const tasks = await result(run, engine, 'get_supported_tasks');
      return Array.isArray(tasks) && tasks.includes('generate')
        ? passed(JSON.stringify(tasks))
        : failed(JSON.stringify(tasks) ?? 'no result');
    },
  ),
  checkOfEngines(
    'utility.unknown',
    'A method that there is not is answered with failure_message, which names it, and without a result.',
    INVOKE,
    (run, engine) => failureOutcome(run, engine, 'no_such_method', []),
  ),
  checkOfEngines(
    'utility.arguments',
    'So is a call with too many arguments.',
    INVOKE,
    (run, engine) => failureOutcome(run, engine, 'is_sleeping', [1, 2, 3]),
  ),
  checkOfEngines(
    'utility.call-id',
    'call_id comes back as it was sent: 64 bits, unsigned.',
    'vllm/v1/engine/core_client.py AsyncMPClient._call_utility_async',
    async (run, engine) => {
      const rank = BigInt(engine.rank ?? 0);
      const sent = [0xfff1_0203_0405_0607n, 0x7fff_ffff_ffff_0ff1n, 4_294_967_297n].map(
        (callId) => callId + rank,
      );
      const { frontend, requests } = run;
      for (const callId of sent) requests.call(engine, 'is_sleeping', [], { callId });
      await frontend.wait(
        () => sent.every((callId) => frontend.answersOf(callId).length > 0),
        run.answerMs,
      );
      const missing = sent.filter((callId) => frontend.answersOf(callId).length === 0);
      return judged(
        missing.map((callId) => `no answer with call_id ${callId}`),
        sent.join(', '),
      );
    },
  ),
  checkOfEngines('utility.once', 'Each call is answered once.', INVOKE, async (run, engine) => {
    const { frontend, requests } = run;
    const ids = [1, 2, 3].map(() => requests.call(engine, 'is_sleeping'));
    await frontend.wait(() => ids.every((id) => frontend.answersOf(id).length > 0), run.answerMs);
    await quiet(run);
    const counts = ids.map((id) => frontend.answersOf(id).length);
    return counts.every((count) => count === 1)
      ? passed('3 calls, 3 answers')
      : failed(`answers to 3 calls: ${counts.join(', ')}`);
  }),
  checkOfEngines(
    'utility.reset-prefix-cache',
    'reset_prefix_cache says true where no request holds blocks.',
    'vllm/v1/core/block_pool.py BlockPool.reset_prefix_cache',
    async (run, engine) => {
      await generate(run, engine, { maxTokens: 1 });
      await quiet(run);
      const value = await result(run, engine, 'reset_prefix_cache');
      return value === true ? passed('true') : failed(JSON.stringify(value) ?? 'no result');
    },
  ),
];

/** How many of the requests still get tokens, or have been run to their end. */
async function numThatGoOn(
  { requests, frontend, quietMs }: EngineRun,
  ids: readonly string[],
): Promise<number> {
  const before = ids.map((id) => requests.numTokensOf(id));
  await frontend.wait(() => false, quietMs);
  return ids.filter(
    (id, i) => requests.hasFinished(id) || requests.numTokensOf(id) > (before[i] ?? 0),
  ).length;
}

/** Nothing of the request comes once a call behind its ABORT is answered. */
async function silentOutcome(
  run: EngineRun,
  engine: HeardEngine,
  id: string,
  wasRunning: boolean,
): Promise<Outcome> {
  const { requests } = run;
  await result(run, engine, 'is_sleeping');
  const reasons = requests
    .outputsOf(id)
    .flatMap(({ output }) => (output.finishReason === null ? [] : [output.finishReason]));
  if (reasons.includes(FinishReason.LENGTH))
    return wasRunning
      ? notApplicable('it had ended by itself before ABORT arrived')
      : failed('it was run to its end');
  const before = requests.outputsOf(id).length;
  await quiet(run);
  const after = requests.outputsOf(id);
  if (after.length > before) {
    requests.abort(engine, [id]);
    // Where nothing ends it, it comes to its end before the next check.
    await requests.finished([id], run.answerMs);
    return failed(`${after.length - before} further outputs of it`);
  }
  return reasons.length === 0
    ? passed(`nothing behind its ${before} outputs`)
    : failed(`an output with finish_reason ${reasons.join(', ')}`);
}

async function failureOutcome(
  run: EngineRun,
  engine: HeardEngine,
  method: string,
  args: readonly unknown[],
): Promise<Outcome> {
  const answer = await run.requests.ask(engine, method, args, run.answerMs);
  if (answer === null) return failed(`nothing within ${secondsText(run.answerMs)}`);
  const { failureMessage } = answer;
  if (failureMessage === null) return failed(`a result: ${JSON.stringify(answer.result)}`);
  return failureMessage.includes(method) && answer.result === undefined
    ? passed(failureMessage)
    : failed(`failure_message '${failureMessage}', result ${JSON.stringify(answer.result)}`);
}
