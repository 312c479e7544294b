/** SchedulerStats: how often they come, and what they say. */
import { DecodeFault } from '../../shared/protocol/msgpack-reader.ts';
import type { StructTable } from '../../shared/protocol/struct-table.ts';
import { FieldWalk, type WalkedField } from '../../shared/tap/field-walk.ts';
import { failed, judged, notApplicable, type Outcome, passed } from '../run-checks.ts';
import type { EngineCheck, EngineRun } from './engine-check.ts';
import { checkOfEngines, generate, mustFinish, quiet, tokensForAWhile } from './exchange.ts';
import type { HeardEngine, HeardOutputs } from './heard.ts';
import { readyNumber } from './ready-response-checks.ts';

const STATS = 'vllm/v1/metrics/stats.py SchedulerStats';
const CADENCE = 'vllm/v1/core/sched/scheduler.py Scheduler.update_from_output, make_stats';
const FIELDS = 'stats.fields';
const NONE = 'no scheduler_stats: was the engine started with --disable-log-stats?';

/** Where statistics are missing, or cannot be read, it is another check that tells. */
function statsCheck(...[id, does, source, judge]: Parameters<typeof checkOfEngines>): EngineCheck {
  return checkOfEngines(id, does, source, async (run, engine) => {
    const since = run.frontend.outputs.length;
    const outcome = await judge(run, engine);
    if (outcome.verdict !== 'failed') return outcome;
    const withTokens = run.frontend.outputs
      .slice(since)
      .filter(({ outputs }) => outputs?.outputs.some((one) => one.newTokenIds.length > 0));
    if (!withTokens.every(hasStats))
      return notApplicable('messages without scheduler_stats, which stats.cadence tells');
    return id !== FIELDS && run.fate.told.has('scheduler_stats')
      ? notApplicable('scheduler_stats cannot be read as they should be, which stats.fields tells')
      : outcome;
  });
}

function hasStats({ outputs }: HeardOutputs): boolean {
  return (outputs?.schedulerStats ?? null) !== null;
}

export const STATS_CHECKS: readonly EngineCheck[] = [
  checkOfEngines(
    'stats.cadence',
    'Each step that gives tokens brings scheduler_stats once, to one of the frontends.',
    CADENCE,
    async (run, engine) => {
      const alone = await generate(run, engine, { maxTokens: 6 });
      const both = [1, 2].map(() => run.requests.add(engine, { maxTokens: 6 }));
      await mustFinish(run, engine, both);
      const together = both.flatMap((id) => run.requests.outputsOf(id));
      const outputs = [...alone, ...together].filter(({ output }) => output.newTokenIds.length > 0);
      const without = outputs.filter(({ heard }) => !hasStats(heard));
      if (without.length === outputs.length) return failed(NONE);
      return without.length === 0
        ? passed(`with each of ${outputs.length} messages`)
        : failed(`none with ${without.length} of ${outputs.length} messages`);
    },
  ),
  statsCheck(
    FIELDS,
    'They have all fields, each of its type: a frontend takes them as they are.',
    STATS,
    fieldsOutcome,
  ),
  statsCheck(
    'stats.running',
    'num_running_reqs counts the requests that run.',
    CADENCE,
    runningOutcome,
  ),
  statsCheck(
    'stats.idle',
    'The last ones after a request has ended say that none runs and none waits.',
    CADENCE,
    async (run, engine) => {
      await generate(run, engine, { maxTokens: 2 });
      const counts = (): readonly (number | undefined)[] => {
        const last = statsSince(run, 0).at(-1)?.outputs?.schedulerStats;
        return [last?.numRunningReqs, last?.numWaitingReqs];
      };
      const isIdle = (): boolean => counts().every((count) => count === 0);
      // They may come behind the last output.
      await run.frontend.wait(isIdle, run.answerMs);
      await quiet(run);
      const [numRunning, numWaiting] = counts();
      if (numRunning === undefined) return failed(NONE);
      return isIdle()
        ? passed('0 running, 0 waiting')
        : failed(`${numRunning} running, ${numWaiting} waiting`);
    },
  ),
  statsCheck(
    'stats.usage',
    'kv_cache_usage is a fraction from 0 to 1, and above 0 while a request has blocks.',
    'vllm/v1/core/kv_cache_manager.py KVCacheManager.usage',
    async (run, engine) => {
      const since = run.frontend.outputs.length;
      await generate(run, engine, { maxTokens: 8 });
      const values = statsSince(run, since).map(
        ({ outputs }) => outputs?.schedulerStats?.kvCacheUsage ?? 0,
      );
      if (values.length === 0) return failed(NONE);
      const outside = values.filter((value) => !(value >= 0 && value <= 1));
      return judged(
        [
          ...outside.map((value) => `kv_cache_usage ${value}`),
          ...(values.some((value) => value > 0) ? [] : ['0 while a request runs']),
          ...(isPercent(run, values)
            ? [`${Math.min(...values.filter((value) => value > 0))} for a few tokens: percent?`]
            : []),
        ],
        `up to ${Math.max(...values)}`,
      );
    },
  ),
  statsCheck(
    'stats.prefix-cache',
    "prefix_cache_stats count a request's prompt tokens once, as queries.",
    'vllm/v1/core/kv_cache_manager.py KVCacheManager.get_computed_blocks',
    async (run, engine) => {
      await quiet(run);
      const since = run.frontend.outputs.length;
      await generate(run, engine, { maxTokens: 1 }, { promptTokenIds: PROMPT_OF_40 });
      await quiet(run);
      const stats = statsSince(run, since);
      if (stats.length === 0) return failed(NONE);
      const queries = stats.reduce(
        (sum, { outputs }) => sum + (outputs?.schedulerStats?.prefixCacheStats.queries ?? 0),
        0,
      );
      // Without prefix caching nothing is looked up.
      return queries === 40 || queries === 0
        ? passed(`queries ${queries}`)
        : failed(`queries ${queries} for a prompt of 40 tokens`);
    },
  ),
];

const PROMPT_OF_40 = Array.from({ length: 40 }, (_, i) => 5 + i);

/** Messages with statistics, of the one engine that has something to do, behind the first `since` messages of all. */
function statsSince({ frontend }: EngineRun, since: number): readonly HeardOutputs[] {
  return frontend.outputs
    .slice(since)
    .filter(({ outputs }) => outputs !== null && outputs.schedulerStats !== null);
}

async function fieldsOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const outputs = await generate(run, engine, { maxTokens: 2 });
  const problems = new Set<string>();
  let numSeen = 0;
  for (const { heard } of outputs) {
    const stats = fieldsOfMessage(run, heard).find(({ name }) => name === 'scheduler_stats');
    if (stats === undefined || (stats.fields === null && stats.problem === null)) continue;
    numSeen += 1;
    if (stats.fields === null) problems.add(`${stats.problem}`);
    for (const problem of fieldProblems(stats.fields ?? [])) problems.add(problem);
  }
  if (numSeen === 0)
    return outputs.some(({ heard }) => (heard.outputs?.schedulerStats ?? null) !== null)
      ? notApplicable('no message can be read as it should be, which outputs.readable tells')
      : failed(NONE);
  if (problems.size > 0) run.fate.told.add('scheduler_stats');
  const count = run.structs.schedulerStats.table.fields.length;
  return judged([...problems], `${count} fields in each of ${numSeen}`);
}

/** None of a message that is no array: outputs.readable tells. */
function fieldsOfMessage(
  { structs, version: { vllmVersion } }: EngineRun,
  { frames }: HeardOutputs,
): readonly WalkedField[] {
  try {
    const { table } = structs.engineCoreOutputs;
    return new FieldWalk(frames, 0, { vllmVersion }).struct(table as unknown as StructTable);
  } catch (error) {
    if (error instanceof DecodeFault) return [];
    throw error;
  }
}

function fieldProblems(fields: readonly WalkedField[]): readonly string[] {
  return fields.flatMap(({ name, bytes, problem, fields: inside }) => [
    ...(bytes === null ? [`no ${name}`] : []),
    ...(problem === null ? [] : [`${name}: ${problem}`]),
    ...fieldProblems(inside ?? []).map((text) => `${name}.${text}`),
  ]);
}

async function runningOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const { requests, frontend } = run;
  await quiet(run);
  const since = frontend.outputs.length;
  const maxTokens = await tokensForAWhile(run, engine);
  const ids = [requests.add(engine, { maxTokens }), requests.add(engine, { maxTokens })];
  const wanted = readyNumber(run, 'max_num_seqs') === 1 ? 1 : 2;
  const counts = (): readonly number[] =>
    statsSince(run, since).map(({ outputs }) => outputs?.schedulerStats?.numRunningReqs ?? 0);
  const saw = await frontend.wait(() => counts().includes(wanted), run.answerMs);
  await requests.finished(ids, run.answerMs);
  if (counts().length === 0) return failed(NONE);
  return saw
    ? passed(`${wanted} while two requests are there`)
    : failed(`${[...new Set(counts())].join(', ')} while two requests are there`);
}

/** Blocks that no request has at its first tokens, however many groups of layers its model has. */
const MANY_BLOCKS = 100;

/** A large cache hides percent: a block of it is less than a hundredth. */
function isPercent(run: EngineRun, values: readonly number[]): boolean {
  const numBlocks = readyNumber(run, 'num_gpu_blocks');
  const least = Math.min(...values.filter((value) => value > 0));
  return numBlocks !== null && least <= 1 && least * numBlocks >= MANY_BLOCKS - 0.5;
}
