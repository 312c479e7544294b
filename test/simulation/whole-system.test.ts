/**
 * The whole twin for some virtual hours under load, with random faults out of the catalogue and restarts after each end, looked
 * at after every event. A failing seed fails again: npm run simulate:soak -- 2 SEED.
 */
import { expect, it } from 'vitest';
import { loadOf } from '../../src/scenario/load.ts';
import { resolveArgs } from '../../src/shared/config/resolve-args.ts';
import { Prng } from '../../src/shared/prng.ts';
import { Simulation } from '../../src/simulate/simulation.ts';
import { RunningEngineChecker } from '../support/checkers/running-engine-checker.ts';
import { sampleKey, samplesByKey } from '../support/exposition.ts';
import { randomFault } from '../support/random-faults.ts';

const HOURS = Number(process.env['VLLM_TWIN_SIMULATE_HOURS'] ?? 2);
const SEED = Number(process.env['VLLM_TWIN_SIMULATE_SEED'] ?? 12);
const NUM_ENGINES = 3;
const NUM_BLOCKS = 33;
const MAX_TIMERS = 10_000;

const ARGS = Object.freeze({
  ...resolveArgs([]),
  dataParallelSize: NUM_ENGINES,
  gpu: 'L4',
  maxModelLen: 256,
  numGpuBlocksOverride: NUM_BLOCKS,
  maxNumSeqs: 16,
  stepTimeJitter: 0.2,
});

/** One life of the server, from a start to its end. */
class Life {
  readonly checkers: readonly RunningEngineChecker[];
  /** What came to the frontend is not all that the engines sent. */
  hasLost = false;
  /** What a scrape shows is not what was counted. */
  hasMasked = false;
  #counters: ReadonlyMap<string, number> = new Map();

  constructor(simulation: Simulation) {
    this.checkers = [...simulation.engines.values()].flatMap(({ core }) =>
      core === null ? [] : [new RunningEngineChecker(core)],
    );
  }

  /** Counters never fall, and every engine's are its own. */
  checkScrape(text: string): void {
    const samples = samplesByKey(text);
    if (this.hasMasked) return;
    for (const [key, value] of samples)
      if (/_(total|count|bucket)\{/.test(key)) {
        const before = this.#counters.get(key) ?? 0;
        if (value < before) throw new Error(`${key} fell from ${before} to ${value}`);
      }
    this.#counters = samples;
    for (const [rank, { lastStats, numTokens }] of this.checkers.entries()) {
      const labels = { engine: String(rank), model_name: ARGS.model };
      const of = (name: string) => samples.get(sampleKey({ name, labels, value: 0 }));
      const hits = of('vllm:prefix_cache_hits_total') ?? 0;
      if (hits > (of('vllm:prefix_cache_queries_total') ?? 0))
        throw new Error(`${rank}: ${hits} hits`);
      if (this.hasLost || lastStats === null) continue;
      if (of('vllm:generation_tokens_total') !== numTokens)
        throw new Error(
          `engine ${rank} made ${numTokens} tokens, shown: ${of('vllm:generation_tokens_total')}`,
        );
      if (of('vllm:kv_cache_usage_perc') !== lastStats.kvCacheUsage)
        throw new Error(
          `engine ${rank} has usage ${lastStats.kvCacheUsage}, shown: ${of('vllm:kv_cache_usage_perc')}`,
        );
    }
  }
}

it(`keeps its invariants for ${HOURS} virtual hours of random faults (seed ${SEED})`, {
  timeout: 60_000 + HOURS * 60_000,
}, async () => {
  console.info(`whole-system simulation: seed ${SEED}, ${HOURS} h`);
  const prng = new Prng(SEED);
  const simulation = await Simulation.create(ARGS, { seed: SEED, encodesOutputs: SEED % 2 === 0 });
  const { time } = simulation;
  let life = new Life(simulation);
  let numEvents = 0;
  let numFaults = 0;
  const ids = new Set<string>();
  time.observer = () => {
    numEvents += 1;
    for (const checker of life.checkers) checker.check();
    if (time.numTimers > MAX_TIMERS) throw new Error(`${time.numTimers} timers`);
  };
  const load = simulation.load(
    loadOf({
      rate: '0.5/s',
      prompt_tokens: { min: 1, max: 150 },
      output_tokens: { min: 1, max: 60 },
      shared_prefix: 0.5,
      abort: 0.1,
      seed: SEED,
    }),
  );
  const endMs = HOURS * 3_600_000;
  while (time.monotonicMs() < endMs) {
    await simulation.advance(1_000 * (1 + prng.nextBelow(30)));
    if (!simulation.isUp || prng.nextFloat() < 0.01) {
      await simulation.restart();
      life = new Life(simulation);
      continue;
    }
    const { request, spec } = randomFault(prng, NUM_ENGINES);
    if (spec.place === 'wire' || spec.id === 'engine.dead-message') life.hasLost = true;
    if (spec.place === 'metrics') life.hasMasked = true;
    const answer = await simulation.inject(request).catch((error: unknown) => ({
      isOk: false as const,
      message: String(error),
    }));
    numFaults += 1;
    ids.add(spec.id);
    // Nobody is there to answer once the engine has gone by the fault before.
    if (!answer.isOk && simulation.isUp)
      expect(answer.message).toMatch(/does not answer|encountered an issue|in use|has ended/);
    const scraped = simulation.isUp ? await simulation.scrape() : null;
    if (scraped?.status === 200) life.checkScrape(scraped.body);
  }
  await load.stop();
  const { sent, finished, failed, aborted, running } = load.counts;
  console.info(
    `${numEvents} events, ${numFaults} faults of ${ids.size} kinds; ${sent} requests: ${finished} finished, ${failed} failed, ${aborted} aborted`,
  );
  expect(running).toBe(0);
  expect(sent).toBe(finished + failed + aborted);
  expect(finished).toBeGreaterThan(HOURS * 1_000);
  expect(aborted).toBeGreaterThan(HOURS * 50);
  expect(numEvents).toBeGreaterThan(HOURS * 100_000);
  await simulation.close();
});
