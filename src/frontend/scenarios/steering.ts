/** What a server is asked of loads and scenarios. The desks are made, and their code is read, with the first such question. */
import type { ServerPlace } from '../../scenario/server-connection.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Timers } from '../../shared/timers.ts';
import type { FaultDesk } from '../faults/fault-desk.ts';
import type { SteeringQuestion, TwinAnswer } from '../twin/twin-question.ts';
import type { LoadDesk } from './load-desk.ts';
import type { ScenarioDesk } from './scenario-desk.ts';

export interface SteeringOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  /** The server's own place; null while it does not listen. */
  readonly place: () => ServerPlace | null;
  /** Ranks are from 0 to one less. */
  readonly numEngines: number;
  /** Null with --faults none. */
  readonly faults: FaultDesk | null;
}

interface Desks {
  readonly loads: LoadDesk;
  readonly scenarios: ScenarioDesk;
}

export class Steering {
  readonly #options: SteeringOptions;
  #desks: Promise<Desks> | null = null;

  constructor(options: SteeringOptions) {
    this.#options = options;
  }

  async ask(question: SteeringQuestion): Promise<TwinAnswer> {
    this.#desks ??= openDesks(this.#options);
    const { loads, scenarios } = await this.#desks;
    switch (question.ask) {
      case 'loads':
        return { isOk: true, value: { loads: loads.loads } };
      case 'begin-load':
        return loads.ask(question.request);
      case 'end-load':
        return loads.end(question.handle);
      case 'scenarios':
        return { isOk: true, value: { scenarios: scenarios.scenarios } };
      case 'begin-scenario':
        return scenarios.ask(question.request);
      case 'end-scenario':
        return scenarios.end(question.handle);
    }
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    const desks = await this.#desks;
    await desks?.scenarios.close();
    await desks?.loads.close();
  }
}

async function openDesks(options: SteeringOptions): Promise<Desks> {
  const [{ LoadDesk }, { ScenarioDesk }] = await Promise.all([
    import('./load-desk.ts'),
    import('./scenario-desk.ts'),
  ]);
  const loads = new LoadDesk(options);
  return { loads, scenarios: new ScenarioDesk({ ...options, loads }) };
}
