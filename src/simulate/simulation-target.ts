/** A simulation as what a scenario is played on. */
import type { Load } from '../scenario/load.ts';
import type { ScenarioTarget } from '../scenario/scenario-target.ts';
import { findFault } from '../shared/faults/catalogue.ts';
import { type Injection, injectionRequest } from '../shared/faults/injection.ts';
import type { Simulation } from './simulation.ts';

export class SimulationTarget implements ScenarioTarget {
  readonly #simulation: Simulation;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  readonly restart = (): Promise<void> => this.#simulation.restart();

  async inject(injection: Injection): Promise<string | null> {
    if (!this.#simulation.isUp) throw new Error('there is no server: it has ended');
    const answer = await this.#simulation.inject(injectionRequest(injection));
    if (!answer.isOk) throw new Error(answer.message);
    return findFault(injection.fault)?.isMomentary === true ? null : answer.value.handle;
  }

  async clear(handle: string): Promise<void> {
    await this.#simulation.clear(handle);
  }

  async load(load: Load): Promise<() => Promise<void>> {
    const runner = this.#simulation.load(load);
    return () => runner.stop();
  }

  async scrape(): Promise<string> {
    const answer = await this.#simulation.scrape();
    if (answer === null) throw new Error('nobody answers');
    if (answer.status !== 200) throw new Error(`/metrics answers ${answer.status}`);
    return answer.body;
  }

  async status(path: string): Promise<number | null> {
    return (await this.#simulation.get(path))?.status ?? null;
  }
}
