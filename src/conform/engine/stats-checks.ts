/** SchedulerStats: how often they come, and what they say. */
import type { StructTable } from '../../shared/protocol/struct-table.ts';
import { FieldWalk, type WalkedField } from '../../shared/tap/field-walk.ts';
import { failed, judged, type Outcome, passed } from '../run-checks.ts';
import type { EngineCheck, EngineRun } from './engine-check.ts';
import { checkOfEngines, generate, quiet, running } from './exchange.ts';
import type { HeardEngine, HeardOutputs } from './heard.ts';
import { readyFieldsOf } from './ready-response-checks.ts';

const STATS = 'vllm/v1/metrics/stats.py SchedulerStats';
const CADENCE = 'vllm/v1/core/sched/scheduler.py Scheduler.update_from_output, make_stats';
const NONE = 'no scheduler_stats: was the engine started with --disable-log-stats?';

export const STATS_CHECKS: readonly EngineCheck[] = [
  checkOfEngines(
    'stats.cadence',
    'Each step that gives tokens brings scheduler_stats once, to one of the frontends.',
    CADENCE,
    async (run, engine) => {
      const outputs = await generate(run, engine, { maxTokens: 6 });
      const without = outputs.filter(
        ({ heard }) => (heard.outputs?.schedulerStats ?? null) === null,
      );
      if (without.length === outputs.length) return failed(NONE);
      return without.length === 0
        ? passed(`with each of ${outputs.length} messages`)
        : failed(`none with ${without.length} of ${outputs.length} messages`);
    },
  ),
  checkOfEngines(
    'stats.fields',
    'They have all fields, each of its type: a frontend takes them as they are.',
    STATS,
    fieldsOutcome,
  ),
  checkOfEngines(
    'stats.running',
    'num_running_reqs counts the requests that run.',
    CADENCE,
    runningOutcome,
  ),
  checkOfEngines(
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
  checkOfEngines(
    'stats.usage',
    'kv_cache_usage is a fraction from 0 to 1, and above 0 while a request has blocks.',
    'vllm/v1/core/kv_cache_manager.py KVCacheManager.usage',
    async (run, engine) => {
      const since = run.frontend.outputs.length;
      const id = await running(run, engine);
      run.requests.abort(engine, [id]);
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
  checkOfEngines(
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
  const { structs, version } = run;
  const { vllmVersion } = version;
  const problems = new Set<string>();
  let numSeen = 0;
  for (const { heard } of outputs) {
    const message = new FieldWalk(heard.frames, 0, { vllmVersion }).struct(
      structs.engineCoreOutputs.table as unknown as StructTable,
    );
    const stats = message.find(({ name }) => name === 'scheduler_stats');
    if (stats === undefined || stats.fields === null) continue;
    numSeen += 1;
    for (const problem of fieldProblems(stats.fields)) problems.add(problem);
  }
  if (numSeen === 0) return failed(NONE);
  const count = structs.schedulerStats.table.fields.length;
  return judged([...problems], `${count} fields in each of ${numSeen}`);
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
  const ids = [requests.add(engine, { maxTokens: 200 }), requests.add(engine, { maxTokens: 200 })];
  const counts = (): readonly number[] =>
    statsSince(run, since).map(({ outputs }) => outputs?.schedulerStats?.numRunningReqs ?? 0);
  const saw = await frontend.wait(() => counts().includes(2), run.answerMs);
  requests.abort(engine, ids);
  if (counts().length === 0) return failed(NONE);
  return saw
    ? passed('2 while two requests run')
    : failed(`${[...new Set(counts())].join(', ')} while two requests run`);
}

/** Blocks that no request has at its first tokens, however many groups of layers its model has. */
const MANY_BLOCKS = 100;

/** A large cache hides percent: a block of it is less than a hundredth. */
function isPercent(run: EngineRun, values: readonly number[]): boolean {
  const [greeting] = run.frontend.greetings;
  const numBlocks = greeting && readyFieldsOf(run, greeting).values.get('num_gpu_blocks');
  const least = Math.min(...values.filter((value) => value > 0));
  return typeof numBlocks === 'number' && least < 1 && least * numBlocks >= MANY_BLOCKS - 0.5;
}
