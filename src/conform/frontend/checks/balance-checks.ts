/** Which engine gets a request, and what the coordinator says where there is one. */
import { answerWhole } from '../answer-request.ts';
import { compared, NotApplicable, outcome } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import type { FrontendRun } from '../frontend-run.ts';

const BALANCER = 'vllm/v1/engine/core_client.py DPLBAsyncMPClient.get_core_engine_for_request';
const COORDINATOR = 'vllm/v1/engine/coordinator.py DPCoordinatorProc.process_input_socket';
/** Requests for each engine. */
const PER_ENGINE = 4;
const MOST = 1.5 * PER_ENGINE;
/** The coordinator publishes every 100 ms. */
const PUBLISHED_MS = 350;
const MAX_LOOKS = 3;
const BUSY = 60;

/** Sends so many requests at once, waits until all have come, answers them. How many each engine got. */
async function spread(run: FrontendRun, count: number, numTokens: number): Promise<number[]> {
  const before = run.adds.length;
  run.hold();
  const completions = Array.from({ length: count }, () =>
    run.complete({ max_tokens: numTokens, ignore_eos: true }),
  );
  await run.waitFor(`${count} ADDs`, () => run.adds[before + count - 1]);
  const adds = run.adds.slice(before);
  const counts = run.engines.map((engine) => adds.filter((add) => add.engine === engine).length);
  for (const add of adds) {
    run.close(add);
    answerWhole(add);
  }
  await Promise.all(completions);
  return counts;
}

/** How many requests each engine got when none of them had anything to do. */
function spreadOfIdle(run: FrontendRun): Promise<number[]> {
  return run.once('spread', async () => {
    for (const engine of run.engines) engine.tellStats({});
    await run.quiet(PUBLISHED_MS);
    return spread(run, PER_ENGINE * run.engines.length, 21);
  });
}

function needCoordinator(run: FrontendRun): void {
  const addresses = run.engines[0]?.inits[0]?.value?.addresses;
  const { coordinatorInput = null, coordinatorOutput = null } = addresses ?? {};
  if (coordinatorInput === null || coordinatorOutput === null)
    throw new NotApplicable('INIT names no coordinator');
}

export const BALANCE_CHECKS: readonly FrontendCheck[] = [
  {
    id: 'frontend.balance.spread',
    does: 'Requests that run at once are spread over the engines: each gets some, and none more than half as much again as its share.',
    source: BALANCER,
    async run(run) {
      run.needHttp();
      run.needSeveralEngines();
      const counts = await spreadOfIdle(run);
      // What engines have told meanwhile takes the place of what the frontend has counted: no more is sure.
      const isSpread = Math.min(...counts) > 0 && Math.max(...counts) <= MOST;
      return outcome(isSpread, `about ${PER_ENGINE} on each engine`, counts);
    },
  },
  {
    id: 'frontend.balance.stats',
    does: 'An engine that says that many requests wait gets none while others are idle.',
    source: BALANCER,
    async run(run) {
      run.needHttp();
      run.needSeveralEngines();
      const counts = await spreadOfIdle(run);
      if (counts.filter((count) => count > 0).length === 1)
        throw new NotApplicable('one engine gets all requests, which balance.spread tells');
      const [busy] = run.engines;
      busy?.tellStats({ numWaitingReqs: BUSY, numRunningReqs: BUSY });
      let onBusy = PER_ENGINE;
      // The coordinator publishes when it comes to it: what was sent before that goes by what was known.
      for (let i = 0; i < MAX_LOOKS && onBusy > 0; i++) {
        await run.quiet(PUBLISHED_MS);
        onBusy = (await spread(run, PER_ENGINE, 22))[0] ?? 0;
      }
      busy?.tellStats({});
      await run.quiet(PUBLISHED_MS);
      return compared({ on_busy_engine: onBusy }, { on_busy_engine: 0 });
    },
  },
  {
    id: 'frontend.coordinator.ready',
    does: 'The coordinator says READY to every engine once all have subscribed.',
    source: COORDINATOR,
    async run(run) {
      needCoordinator(run);
      for (const { rank, fromCoordinator } of run.engines) {
        const what = `READY of the coordinator for engine ${rank}`;
        await run.waitFor(what, () => fromCoordinator.includes('READY') || null);
      }
      return outcome(true, 'READY', 'READY');
    },
  },
  {
    id: 'frontend.coordinator.start_wave',
    does: 'The coordinator passes the wave that an idle mixture-of-experts engine starts on to all engines.',
    source: COORDINATOR,
    async run(run) {
      needCoordinator(run);
      if (run.engines[0]?.isOfMoe !== true) {
        throw new NotApplicable('the model is no mixture of experts: its ranks have no waves');
      }
      run.engines[0]?.tellCoordinator({ startWave: 1 });
      for (const { rank, fromCoordinator } of run.engines) {
        const what = `START_DP_WAVE for engine ${rank}`;
        await run.waitFor(what, () => fromCoordinator.includes('START_DP_WAVE') || null);
      }
      return outcome(true, 'START_DP_WAVE', 'START_DP_WAVE');
    },
  },
];
