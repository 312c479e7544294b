/** What checks do with an engine: ask, run requests, wait. */
import { reasonOf } from '../../shared/errors.ts';
import type { SamplingParams } from '../../shared/protocol/request.ts';
import { failed, notApplicable, type Outcome, secondsText } from '../run-checks.ts';
import { type EngineCheck, type EngineRun, engineCheck } from './engine-check.ts';
import type { HeardEngine, HeardOutput } from './heard.ts';
import { readyNumber } from './ready-response-checks.ts';
import { PROMPT } from './requests.ts';

/** A check that needs the engines to be there: where one of them is gone since another check, that one tells. */
export function whileThere({ spec, run: judge }: EngineCheck): EngineCheck {
  return {
    spec,
    async run(run) {
      const { fate } = run;
      if (fate.doubtful !== null && fate.goneSince === null && (await servesNothing(run)))
        fate.goneSince = fate.doubtful;
      if (fate.goneSince !== null)
        return notApplicable(`an engine serves nothing any more since ${fate.goneSince}`);
      const hadAnswered = run.frontend.outputs.length > 0;
      fate.doubtful = hadAnswered ? spec.id : null;
      const outcome = await judge(run);
      if (outcome.verdict !== 'failed') fate.doubtful = null;
      return outcome;
    },
  };
}

type JudgeEngine = (context: EngineRun, engine: HeardEngine) => Outcome | Promise<Outcome>;

/**
 * A check of what an engine does by itself, on the lowest rank and then on the highest: those between are their like, and a run
 * has its bounds. It fails where no engine is there.
 */
export function checkOfEngines(
  id: string,
  does: string,
  source: string,
  run: JudgeEngine,
): EngineCheck {
  return engineCheck(id, does, source, async (context) => {
    const { engines } = context.frontend;
    const lowest = engines[0];
    if (lowest === undefined) return NOBODY;
    const outcome = await run(context, lowest);
    const highest = engines.at(-1) ?? lowest;
    if (highest === lowest || outcome.verdict !== 'passed') return outcome;
    const other = await ofRank(highest, () => run(context, highest));
    return other.verdict === 'failed' ? other : outcome;
  });
}

/** What it throws, too, says whose it is. */
async function ofRank(
  { rank }: HeardEngine,
  judge: () => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  try {
    const outcome = await judge();
    return { ...outcome, got: `rank ${rank}: ${outcome.got}` };
  } catch (error) {
    return failed(`rank ${rank}: ${reasonOf(error)}`);
  }
}

/** A check of one engine, the lowest rank: of what all do together, or of what may cost an engine. */
export function checkOfEngine(
  id: string,
  does: string,
  source: string,
  run: JudgeEngine,
): EngineCheck {
  return engineCheck(id, does, source, (context) => {
    const [engine] = context.frontend.engines;
    return engine === undefined ? NOBODY : run(context, engine);
  });
}

const NOBODY = failed('no engine greeted the input sockets');

/** Runs a request to its end. Throws where it does not come to one in time; it is aborted then. */
export async function generate(
  run: EngineRun,
  engine: HeardEngine,
  params: Partial<SamplingParams>,
  fields: Parameters<EngineRun['requests']['add']>[2] = {},
): Promise<readonly HeardOutput[]> {
  const { requests } = run;
  const id = requests.add(engine, params, fields);
  await mustFinish(run, engine, [id]);
  return requests.outputsOf(id);
}

/** A first request may find an engine cold. */
const FIRST_TIMES = 3;

function patienceMs({ requests, answerMs }: EngineRun): number {
  return requests.numRequests > 1 ? answerMs : FIRST_TIMES * answerMs;
}

/** Throws where some are not over in time. What has not said its end is aborted. */
export async function mustFinish(
  run: EngineRun,
  engine: HeardEngine,
  ids: readonly string[],
): Promise<void> {
  const { requests } = run;
  const ms = patienceMs(run);
  const areOver = await requests.finished(ids, ms);
  const open = ids.filter((id) => !requests.hasFinished(id));
  if (open.length > 0) requests.abort(engine, open);
  if (areOver) return;
  // An end that is never said is for one check to tell.
  if (open.every((id) => requests.hasAllTokens(id))) {
    requests.isOverByTokens = true;
    return;
  }
  const tokens = open.map((id) => `${requests.numTokensOf(id)} tokens`).join(', ');
  throw new Error(
    `nothing within ${secondsText(ms)}: ${open.length} of ${ids.length} requests did not end (${tokens})`,
  );
}

/** The result of a call. Throws where none comes, or a failure does. */
export async function result(
  { requests, answerMs }: EngineRun,
  engine: HeardEngine,
  method: string,
  args: readonly unknown[] = [],
): Promise<unknown> {
  const answer = await requests.ask(engine, method, args, answerMs);
  if (answer === null)
    throw new Error(`nothing within ${secondsText(answerMs)}: no answer to ${method}`);
  if (answer.failureMessage !== null) throw new Error(answer.failureMessage);
  return answer.result;
}

/** Resolves once nothing has come for a while; at most `answerMs`. */
export async function quiet({ frontend, clock, quietMs, answerMs }: EngineRun): Promise<void> {
  const endMs = clock.monotonicMs() + answerMs;
  for (;;) {
    const seen = frontend.outputs.length;
    const hasCome = await frontend.wait(() => frontend.outputs.length > seen, quietMs);
    if (!hasCome || clock.monotonicMs() >= endMs) return;
  }
}

/** How long a request runs while something else is done to it: it comes to its end in time. */
const WHILE_MS = 500;
/** How long one runs that is to be ended before: and where it is not, it does not run on under all other checks. */
export const LONG_MS = 1_000;
const NUM_MEASURED_TOKENS = 6;
const MAX_WHILE_TOKENS = 60;
const MAX_LONG_TOKENS = 10_000;

/** So many tokens that a request runs for `WHILE_MS`, and few of a fast engine. */
export function tokensForAWhile(run: EngineRun, engine: HeardEngine): Promise<number> {
  return tokensWithin(run, engine, { ms: WHILE_MS, most: MAX_WHILE_TOKENS });
}

/** At the engine's own pace: tens of milliseconds for a token are nothing unusual of a large model. */
async function tokensWithin(
  run: EngineRun,
  engine: HeardEngine,
  { ms, most }: { readonly ms: number; readonly most: number },
): Promise<number> {
  const { requests } = run;
  const [first] = await generate(run, engine, { maxTokens: NUM_MEASURED_TOKENS });
  const pace = first === undefined ? null : requests.paceOf(first.output.requestId);
  const count = pace === null || pace <= 0 ? most : Math.floor(ms / pace);
  const room = (readyNumber(run, 'max_model_len') ?? Number.POSITIVE_INFINITY) - PROMPT.length;
  return Math.max(NUM_MEASURED_TOKENS, Math.min(count, most, room));
}

/** So many tokens that a request still runs when it is to be ended. */
export function tokensForLong(run: EngineRun, engine: HeardEngine): Promise<number> {
  return tokensWithin(run, engine, { ms: LONG_MS, most: MAX_LONG_TOKENS });
}

/** A request that is running: its first token has come. Throws where none does. */
export async function running(run: EngineRun, engine: HeardEngine): Promise<string> {
  const { requests, frontend } = run;
  const ms = patienceMs(run);
  const id = requests.add(engine, { maxTokens: await tokensForLong(run, engine) });
  if (await frontend.wait(() => requests.numTokensOf(id) > 0, ms)) return id;
  requests.abort(engine, [id]);
  throw new Error(`nothing within ${secondsText(ms)}: no token of a request`);
}

/** A call to every engine at once, as a frontend makes it; throws as `result`. */
export function onAll(
  run: EngineRun,
  method: string,
  args: readonly unknown[] = [],
): Promise<readonly unknown[]> {
  return Promise.all(run.frontend.engines.map((engine) => result(run, engine, method, args)));
}

/** Whether an engine serves no request any more: it is gone, or stands still for good. */
async function servesNothing(run: EngineRun): Promise<boolean> {
  const { frontend, requests, answerMs } = run;
  const ids = frontend.engines.map((engine) => requests.add(engine, { maxTokens: 1 }));
  return !(await frontend.wait(
    () => ids.every((id) => requests.outputsOf(id).length > 0),
    answerMs,
  ));
}
