/** Loads that a server sends to itself, by handle: begun, counted, ended. In the process that started the others. */

import { describeLoad } from '../../scenario/describe-step.ts';
import { loadEngineProblem } from '../../scenario/engine-problem.ts';
import { beginHttpLoad } from '../../scenario/http-load.ts';
import { type Load, loadRecord, readLoad } from '../../scenario/load.ts';
import type { LoadRunner } from '../../scenario/load-runner.ts';
import type { ServerPlace } from '../../scenario/server-connection.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Timers } from '../../shared/timers.ts';
import type { BegunLoad, LoadEntry } from '../../shared/twin-api/steering.ts';
import type { TwinAnswer } from '../twin/twin-question.ts';

export const MAX_RUNNING_LOADS = 64;
/** Ended ones that are still told of, the latest. */
export const MAX_ENDED_LOADS = 256;

export interface LoadDeskOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Pick<Logger, 'info'>;
  /** The server's own place; null while it does not listen. */
  readonly place: () => ServerPlace | null;
  /** Ranks are from 0 to one less. */
  readonly numEngines: number;
}

export class LoadDesk {
  readonly #options: LoadDeskOptions;
  /** In the order of their begin. */
  readonly #loads = new Map<string, LoadRunner>();
  #lastHandle = 0;
  #isClosed = false;

  constructor(options: LoadDeskOptions) {
    this.#options = options;
  }

  ask(request: unknown): TwinAnswer<BegunLoad> {
    const read = readLoad(request);
    if (!read.isOk) {
      const { message, param, allowed } = read;
      return { isOk: false, status: 400, message, param, allowed };
    }
    const problem = loadEngineProblem(read.value, this.#options.numEngines);
    if (problem !== null) return { isOk: false, status: 400, ...problem };
    const begun = this.begin(read.value);
    if (!begun.isOk) return begun;
    return { isOk: true, value: { handle: begun.value, ...loadRecord(read.value) } };
  }

  /** Gives its handle. */
  begin(load: Load): TwinAnswer<string> {
    const { clock, timers, logger, place } = this.#options;
    const server = place();
    if (server === null || this.#isClosed)
      return { isOk: false, status: 503, message: 'the server does not serve: it starts or ends' };
    const numRunning = [...this.#loads.values()].filter(({ state }) => state === 'running').length;
    if (numRunning >= MAX_RUNNING_LOADS) {
      const message = `${MAX_RUNNING_LOADS} loads are running: end some of them first`;
      return { isOk: false, status: 409, message };
    }
    this.#lastHandle += 1;
    const handle = `l${this.#lastHandle}`;
    logger.info(`Load ${describeLoad(load)} begins (handle ${handle})`);
    const runner = beginHttpLoad(load, { place: server, clock, timers });
    this.#loads.set(handle, runner);
    void runner.over.then(() => {
      const { sent, finished, failed, aborted } = runner.counts;
      logger.info(
        `Load ends: ${sent} requests sent, ${finished} finished, ${failed} failed, ${aborted} aborted (handle ${handle})`,
      );
      this.#forgetOldest();
    });
    return { isOk: true, value: handle };
  }

  get loads(): readonly LoadEntry[] {
    return [...this.#loads].map(([handle, { load, counts, state }]) => {
      const { lastError, ...numbers } = counts;
      return { handle, load: loadRecord(load), ...numbers, state, last_error: lastError };
    });
  }

  async end(handle: string): Promise<TwinAnswer<null>> {
    const runner = this.#loads.get(handle);
    if (runner !== undefined && runner.state === 'running') {
      await runner.stop();
      return { isOk: true, value: null };
    }
    const running = [...this.#loads].filter(([, { state }]) => state === 'running');
    const known = running.map(([name]) => name).join(', ');
    const which = known === '' ? 'none is running' : `running are ${known}`;
    return { isOk: false, status: 404, message: `no load ${handle}, or it is over: ${which}` };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#loads.values()].map((runner) => runner.stop()));
  }

  #forgetOldest(): void {
    const ended = [...this.#loads].filter(([, { state }]) => state === 'ended');
    for (const [handle] of ended.slice(0, Math.max(0, ended.length - MAX_ENDED_LOADS)))
      this.#loads.delete(handle);
  }
}
