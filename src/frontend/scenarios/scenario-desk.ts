/** Scenarios that are played on the server that they were given to, by handle. In the process that started the others. */

import { describeEvent } from '../../scenario/describe-step.ts';
import { engineProblem } from '../../scenario/engine-problem.ts';
import { HttpTarget } from '../../scenario/http-target.ts';
import { ScenarioPlayer } from '../../scenario/player.ts';
import { readScenario, type Scenario, startProblem } from '../../scenario/scenario.ts';
import type { ScenarioTarget } from '../../scenario/scenario-target.ts';
import type { ServerPlace } from '../../scenario/server-connection.ts';
import type { Clock } from '../../shared/clock.ts';
import type { ParameterProblem } from '../../shared/faults/fault-spec.ts';
import { injectionRequest } from '../../shared/faults/injection.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Timers } from '../../shared/timers.ts';
import type { BegunScenario, ScenarioEntry } from '../../shared/twin-api/steering.ts';
import { type FaultDesk, NO_FAULTS } from '../faults/fault-desk.ts';
import type { TwinAnswer } from '../twin/twin-question.ts';
import type { LoadDesk } from './load-desk.ts';

export const MAX_RUNNING_SCENARIOS = 16;
/** Of those that are over, the latest. */
export const MAX_ENDED_SCENARIOS = 100;

export interface ScenarioDeskOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  readonly place: () => ServerPlace | null;
  readonly loads: LoadDesk;
  readonly numEngines: number;
  /** Null with --faults none. */
  readonly faults: FaultDesk | null;
}

interface Played {
  readonly name: string;
  readonly player: ScenarioPlayer;
  readonly over: Promise<void>;
  state: ScenarioEntry['state'];
}

export class ScenarioDesk {
  readonly #options: ScenarioDeskOptions;
  readonly #played = new Map<string, Played>();
  #lastHandle = 0;
  #isClosed = false;

  constructor(options: ScenarioDeskOptions) {
    this.#options = options;
  }

  ask(request: unknown): TwinAnswer<BegunScenario> {
    const read = readScenario(request);
    if (!read.isOk) return refused(read);
    const problem =
      startProblem(read.value) ??
      engineProblem(read.value, this.#options.numEngines) ??
      this.#faultProblem(read.value);
    if (problem !== null) return refused(problem);
    const place = this.#options.place();
    if (place === null || this.#isClosed)
      return { isOk: false, status: 503, message: 'the server does not serve: it starts or ends' };
    if (this.#running().length >= MAX_RUNNING_SCENARIOS) {
      const message = `${MAX_RUNNING_SCENARIOS} scenarios are running: end some of them first`;
      return { isOk: false, status: 409, message };
    }
    this.#lastHandle += 1;
    const handle = `s${this.#lastHandle}`;
    this.#play(handle, read.value, place);
    return { isOk: true, value: { handle, name: read.value.name } };
  }

  get scenarios(): readonly ScenarioEntry[] {
    return [...this.#played].map(([handle, { name, state, player }]) => ({
      handle,
      name,
      state,
      unmet: player.unmet,
    }));
  }

  async end(handle: string): Promise<TwinAnswer<null>> {
    const played = this.#played.get(handle);
    if (played?.state === 'running') {
      played.player.stop();
      await played.over;
      return { isOk: true, value: null };
    }
    const known = this.#running().join(', ');
    const which = known === '' ? 'none is running' : `running are ${known}`;
    return { isOk: false, status: 404, message: `no scenario ${handle}, or it is over: ${which}` };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { player } of this.#played.values()) player.stop();
    await Promise.all([...this.#played.values()].map(({ over }) => over));
  }

  #play(handle: string, scenario: Scenario, place: ServerPlace): void {
    const { clock, timers, logger } = this.#options;
    const http = new HttpTarget({ place, clock, timers, restart: null });
    const { name } = scenario;
    logger.info(`Scenario ${name} begins (handle ${handle})`);
    const player = new ScenarioPlayer({
      scenario,
      target: this.#targetOver(http),
      clock,
      timers,
      onEvent: (event) => {
        const line = `Scenario ${name} (handle ${handle}): ${describeEvent(event)}`;
        if (event.kind === 'unmet') logger.error(line);
        else logger.info(line);
      },
    });
    const over = player.play().then((isPassed) => {
      http.close();
      played.state = isPassed ? 'done' : 'failed';
      logger.info(`Scenario ${name} ends: ${played.state} (handle ${handle})`);
      this.#forgetOldest();
    });
    const played: Played = { name, player, over, state: 'running' };
    this.#played.set(handle, played);
  }

  /** Faults and loads are those of the server's own desks, and shown there. */
  #targetOver(http: HttpTarget): ScenarioTarget {
    const { loads, faults } = this.#options;
    return {
      restart: null,
      scrape: () => http.scrape(),
      status: (path) => http.status(path),
      async inject(injection) {
        const answer = await faults?.inject(injectionRequest(injection));
        if (answer?.isOk === true) return answer.value.handle;
        throw new Error(answer?.message ?? NO_FAULTS);
      },
      async clear(handle) {
        await faults?.clear(handle);
      },
      async load(load) {
        const begun = loads.begin(load);
        if (!begun.isOk) throw new Error(begun.message);
        return async () => {
          await loads.end(begun.value);
        };
      },
    };
  }

  #faultProblem({ steps }: Scenario): ParameterProblem | null {
    if (this.#options.faults !== null) return null;
    const step = steps.find(({ action }) => action.kind === 'inject');
    if (step === undefined) return null;
    return {
      param: 'inject',
      allowed: 'nothing',
      message: `step ${step.number}: ${NO_FAULTS}`,
    };
  }

  #running(): readonly string[] {
    return [...this.#played].flatMap(([handle, { state }]) =>
      state === 'running' ? [handle] : [],
    );
  }

  #forgetOldest(): void {
    const over = [...this.#played].filter(([, { state }]) => state !== 'running');
    for (const [handle] of over.slice(0, Math.max(0, over.length - MAX_ENDED_SCENARIOS)))
      this.#played.delete(handle);
  }
}

function refused({ message, param, allowed }: ParameterProblem): TwinAnswer<never> {
  return { isOk: false, status: 400, message, param, allowed };
}
