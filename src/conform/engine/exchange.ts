/** What checks do with an engine: ask, run requests, wait. */
import { reasonOf } from '../../shared/errors.ts';
import type { SamplingParams } from '../../shared/protocol/request.ts';
import { failed, type Outcome, secondsText } from '../run-checks.ts';
import { type EngineCheck, type EngineRun, engineCheck } from './engine-check.ts';
import type { HeardEngine, HeardOutput } from './heard.ts';

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

/** Throws where some have not ended in time; all are aborted then. */
export async function mustFinish(
  run: EngineRun,
  engine: HeardEngine,
  ids: readonly string[],
): Promise<void> {
  const { requests } = run;
  const ms = patienceMs(run);
  if (await requests.finished(ids, ms)) return;
  requests.abort(engine, ids);
  const open = ids.filter((id) => !requests.hasFinished(id));
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

/** Enough tokens that a request is running while something else is done to it. */
export const LONG: Partial<SamplingParams> = { maxTokens: 100_000 };

/** A request that is running: its first token has come. Throws where none does. */
export async function running(
  run: EngineRun,
  engine: HeardEngine,
  fields: Parameters<EngineRun['requests']['add']>[2] = {},
): Promise<string> {
  const { requests, frontend } = run;
  const ms = patienceMs(run);
  const id = requests.add(engine, LONG, fields);
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
