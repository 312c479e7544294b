/** What engines and the DP coordinator say to each other, where there are several engines. */
import { failed, judged, notApplicable, type Outcome, passed } from '../run-checks.ts';
import type { EngineCheck, EngineRun } from './engine-check.ts';
import { checkOfEngine, checkOfEngines, generate } from './exchange.ts';
import type { HeardEngine } from './heard.ts';

const SOCKETS = 'vllm/v1/engine/core.py EngineCoreProc.process_input_sockets';
const COUNTS = 'vllm/v1/engine/core.py EngineCoreProc._maybe_publish_request_counts';
const WAVES = 'vllm/v1/engine/core.py DPEngineCoreProc';
const ALONE = 'one engine has no coordinator: name --data-parallel-size 2';
const DENSE = 'waves are for ranks of one mixture-of-experts model: see --moe';

export const COORDINATOR_CHECKS: readonly EngineCheck[] = [
  checkOfEngine(
    'coordinator.subscribe',
    'Each engine subscribes to the coordinator, and says READY only when that has said it.',
    SOCKETS,
    subscribeOutcome,
  ),
  checkOfEngines(
    'coordinator.counts',
    'An engine tells the coordinator how many requests run and wait whenever that has changed: scheduler_stats alone.',
    COUNTS,
    countsOutcome,
  ),
  checkOfEngines(
    'coordinator.finished',
    'With a coordinator that balances, finished_requests name the requests that have ended.',
    'vllm/v1/core/sched/scheduler.py Scheduler.update_from_output, include_finished_set',
    async (run, engine) => {
      if (run.size === 1) return notApplicable(ALONE);
      const [output] = await generate(run, engine, { maxTokens: 2 });
      const id = output?.output.requestId ?? '';
      const named = (): boolean =>
        run.frontend.outputs.some(({ outputs }) => outputs?.finishedRequests?.includes(id));
      return (await run.frontend.wait(named, run.answerMs))
        ? passed('the request was named')
        : failed('no finished_requests with the request');
    },
  ),
  checkOfEngine(
    'wave.start',
    'A request for engines that stand still begins a wave: its engine, or before 0.33.0 rank 0, tells the coordinator with start_wave.',
    `${WAVES}.add_request, run_busy_loop`,
    (run, engine) => waveOutcome(run, engine, 'start'),
  ),
  checkOfEngine(
    'wave.complete',
    'When no rank has anything left, rank 0 says wave_complete, once, and the next wave has the next number.',
    `${WAVES}.run_busy_loop`,
    (run, engine) => waveOutcome(run, engine, 'complete'),
  ),
];

function subscribeOutcome({ frontend, codec, size }: EngineRun): Outcome {
  if (size === 1) return notApplicable(ALONE);
  const numSubscribed = frontend.subscriptions.filter(
    ({ frames }) => codec.decodeSubscription(frames) === true,
  ).length;
  if (numSubscribed < size) return failed(`${numSubscribed} of ${size} engines subscribed`);
  const readyN = frontend.coordinatorReadyN ?? 0;
  const early = frontend.handshakes.filter(({ status, n }) => status === 'READY' && n < readyN);
  return early.length === 0
    ? passed(`${numSubscribed} subscriptions`)
    : failed(`${early.length} engines were READY before the coordinator`);
}

async function countsOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  if (run.size === 1) return notApplicable(ALONE);
  const { frontend } = run;
  const since = frontend.toCoordinator.length;
  const counts = (): readonly string[] =>
    frontend.toCoordinator.slice(since).flatMap(({ outputs }) => {
      const stats = outputs?.schedulerStats ?? null;
      return stats === null || outputs?.engineIndex !== (engine.rank ?? outputs?.engineIndex)
        ? []
        : [`${stats.numRunningReqs}+${stats.numWaitingReqs}`];
    });
  await generate(run, engine, { maxTokens: 3 });
  await frontend.wait(() => counts().length > 1 && counts().at(-1) === '0+0', run.answerMs);
  const seen = counts();
  const repeated = seen.filter((count, i) => count === seen[i - 1]);
  return judged(
    [
      ...(seen.length === 0 ? ['no counts came'] : []),
      ...(seen.length > 0 && seen.every((count) => count === '0+0')
        ? ['no count of the request']
        : []),
      ...(seen.length > 0 && seen.at(-1) !== '0+0' ? [`${seen.at(-1)} after its end`] : []),
      ...repeated.map((count) => `${count} twice in a row`),
    ],
    seen.join(', '),
  );
}

async function waveOutcome(
  run: EngineRun,
  engine: HeardEngine,
  what: 'start' | 'complete',
): Promise<Outcome> {
  if (!run.isMoe) return notApplicable(DENSE);
  const { frontend, answerMs } = run;
  const { startedBy, isStartReported } = run.version.waves;
  if (what === 'start' && startedBy === 'frontend' && !isStartReported)
    return notApplicable(`ranks of vLLM ${run.version.vllmVersion} do not tell that they run`);
  const said = (from: number, key: 'startWave' | 'waveComplete') =>
    frontend.toCoordinator.slice(from).flatMap(({ outputs }) => {
      const wave = outputs?.[key] ?? null;
      return wave === null ? [] : [{ wave, rank: outputs?.engineIndex }];
    });
  const waves: number[] = [];
  const problems: string[] = [];
  for (let round = 0; round < 2; round++) {
    await standingStill(run);
    const from = frontend.toCoordinator.length;
    await generate(run, engine, { maxTokens: 2 });
    await frontend.wait(() => said(from, 'waveComplete').length > 0, answerMs);
    await frontend.wait(() => false, run.quietMs);
    const starts = said(from, 'startWave');
    const completes = said(from, 'waveComplete');
    const starters = startedBy === 'engine' ? [engine.rank] : [engine.rank, 0];
    // An engine that names no rank may be any.
    const hasStarted = starts.some(
      ({ rank = null }) => engine.rank === null || starters.includes(rank),
    );
    if (what === 'start' && !hasStarted)
      problems.push(`no start_wave of engine ${starters.at(-1)}`);
    if (what === 'complete') {
      if (completes.length !== 1) problems.push(`wave_complete ${completes.length} times`);
      if (completes.some(({ rank }) => rank !== 0)) problems.push('wave_complete of another rank');
      waves.push(...completes.map(({ wave }) => wave));
    }
  }
  const [first, second] = waves;
  if (first !== undefined && second !== undefined && second !== first + 1)
    problems.push(`wave ${second} behind wave ${first}`);
  return judged(
    [...new Set(problems)],
    what === 'start' ? 'start_wave with each wave' : `waves ${waves.join(', ')}`,
  );
}

/** Until the wave of earlier requests is over, if one is; at most `answerMs`. */
async function standingStill({ frontend, answerMs, quietMs }: EngineRun): Promise<void> {
  const isOver = (): boolean => {
    const last = frontend.toCoordinator.findLast(
      ({ outputs }) => outputs !== null && (outputs.startWave ?? outputs.waveComplete) !== null,
    );
    return last === undefined || last.outputs?.waveComplete !== null;
  };
  await frontend.wait(isOver, answerMs);
  await frontend.wait(() => false, quietMs);
}
