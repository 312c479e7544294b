/** A scenario on virtual time from its start to its end, scraped as Prometheus would. */
import { ScenarioPlayer } from '../scenario/player.ts';
import { hasExpectations, type Scenario, startFaultsOf } from '../scenario/scenario.ts';
import type { ScenarioEvent } from '../scenario/scenario-event.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { findFault } from '../shared/faults/catalogue.ts';
import type { Timer } from '../shared/timers.ts';
import type { ScrapeSink } from './scrape/scraped.ts';
import { Scraper, type ScrapeTarget } from './scrape/scraper.ts';
import { Simulation, type SimulationOptions } from './simulation.ts';
import { SimulationTarget } from './simulation-target.ts';

export interface RunOptions extends Omit<SimulationOptions, 'startFaults'> {
  readonly args: EngineArgs;
  readonly scenario: Scenario;
  /** Null: until the scenario is over; it has an end then (`hasEnd`). */
  readonly durationMs: number | null;
  readonly scrapeIntervalMs: number;
  readonly target: ScrapeTarget;
  readonly sinks: readonly ScrapeSink[];
  readonly onEvent: (event: ScenarioEvent) => void;
  /** Told after each scrape, of the virtual milliseconds that have passed. */
  readonly onProgress: (elapsedMs: number) => void;
}

/** Prometheus gives up on an answer after its scrape_timeout, which is at most the interval. */
const MAX_SCRAPE_MS = 10_000;
/** As long as any scenario can last. */
const FOREVER_MS = 2 * 366 * 24 * 3_600_000;

/** A scenario ends by itself where it has expectations, or nothing in it goes on. */
export function hasEnd(scenario: Scenario): boolean {
  return (
    hasExpectations(scenario) ||
    scenario.steps.every(({ action }) => {
      if (action.kind === 'load') return action.load.forMs !== null;
      if (action.kind !== 'inject' || action.injection.forMs !== null) return true;
      return findFault(action.injection.fault)?.isMomentary === true;
    })
  );
}

/** True where every step came out as the scenario has it. Throws what breaks a start, and bugs that show on the way. */
export async function runSimulation(options: RunOptions): Promise<boolean> {
  const { sinks } = options;
  try {
    const isMet = await run(options);
    for (const sink of sinks) sink.close();
    return isMet;
  } catch (error) {
    for (const sink of sinks) sink.abandon();
    throw error;
  }
}

async function run(options: RunOptions): Promise<boolean> {
  const { args, scenario } = options;
  const startFaults = startFaultsOf(scenario);
  const simulation = await Simulation.create(args, { ...options, startFaults });
  try {
    return await play(simulation, options);
  } finally {
    await simulation.close();
  }
}

async function play(simulation: Simulation, options: RunOptions): Promise<boolean> {
  const { scenario, durationMs, onEvent } = options;
  const { time } = simulation;
  const target = new SimulationTarget(simulation);
  const player = new ScenarioPlayer({ scenario, target, clock: time, timers: time, onEvent });
  const scraping = new Scraping(simulation, options);
  const playing = player.play();
  playing.catch(() => {});
  const end = durationMs === null ? playing : time.pause(durationMs);
  await time.settle(Promise.race([end, scraping.failed]), durationMs ?? FOREVER_MS);
  // What is due at the end is part of it.
  await time.runUntil(time.monotonicMs());
  await time.settle(scraping.stop(), MAX_SCRAPE_MS);
  player.stop();
  await time.settle(playing, MAX_SCRAPE_MS);
  return playing;
}

/** At the start and then at every interval, an answer that comes late shifting none of them. */
class Scraping {
  readonly #simulation: Simulation;
  readonly #options: RunOptions;
  readonly #scraper: Scraper;
  readonly #startMs: number;
  /** Rejects where what was scraped cannot be kept. */
  readonly failed: Promise<never>;
  #timer: Timer | null = null;
  #underWay: Promise<void> = Promise.resolve();
  #fail: (error: unknown) => void = () => {};
  #numScrapes = 0;

  constructor(simulation: Simulation, options: RunOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.#scraper = new Scraper(options.target);
    this.#startMs = simulation.time.monotonicMs();
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
    this.#planNext();
  }

  /** Lets the last one end. */
  stop(): Promise<void> {
    this.#timer?.cancel();
    return this.#underWay;
  }

  #planNext(): void {
    const { time } = this.#simulation;
    const dueMs = this.#startMs + this.#numScrapes * this.#options.scrapeIntervalMs;
    this.#timer = time.after(dueMs - time.monotonicMs(), () => {
      this.#numScrapes += 1;
      this.#underWay = this.#scrape().catch(this.#fail);
      this.#planNext();
    });
  }

  async #scrape(): Promise<void> {
    const { time } = this.#simulation;
    const { sinks, onProgress, scrapeIntervalMs } = this.#options;
    const atMs = time.wallMs();
    const answer = await this.#simulation.get(
      '/metrics',
      Math.min(scrapeIntervalMs, MAX_SCRAPE_MS),
    );
    const scraped = this.#scraper.take(atMs, answer, time.wallMs() - atMs);
    for (const sink of sinks) sink.take(scraped);
    onProgress(time.monotonicMs() - this.#startMs);
  }
}
