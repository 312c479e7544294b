/** Faults at the processes beside the engines: the coordinator, and API servers that are several. By signals to their pids. */
import type { Timers } from '../../shared/timers.ts';
import type { TwinAnswer } from '../twin/twin-question.ts';

export interface ProcessFaultsOptions {
  /** Null where there is none. */
  readonly coordinatorPid: () => number | null;
  /** By index; empty where the only API server is the process that started the others. */
  readonly apiServerPids: () => readonly number[];
  readonly kill: (pid: number) => void;
  /** Lets a process stand still, until what it gives is called, or this process has ended. */
  readonly stop: (pid: number) => () => void;
  readonly timers: Pick<Timers, 'after'>;
}

/** An API server may be the one that was asked: its answer goes out before. */
const ANSWER_MS = 100;

export class ProcessFaults {
  readonly #options: ProcessFaultsOptions;

  constructor(options: ProcessFaultsOptions) {
    this.#options = options;
  }

  /** Gives what ends it. */
  begin(
    fault: string,
    parameters: Readonly<Record<string, unknown>>,
  ): TwinAnswer<() => Promise<TwinAnswer<null>>> {
    const pid = fault.startsWith('coordinator.')
      ? this.#coordinatorPid(fault)
      : this.#apiServerPid(fault, Number(parameters['index']));
    if (typeof pid !== 'number') return pid;
    const { kill, stop, timers } = this.#options;
    let goOn = (): void => {};
    const timer = timers.after(ANSWER_MS, () => {
      if (fault.endsWith('.kill')) kill(pid);
      else goOn = stop(pid);
    });
    const end = async (): Promise<TwinAnswer<null>> => {
      timer.cancel();
      goOn();
      return { isOk: true, value: null };
    };
    return { isOk: true, value: end };
  }

  #coordinatorPid(fault: string): number | (TwinAnswer & { isOk: false }) {
    const pid = this.#options.coordinatorPid();
    if (pid !== null) return pid;
    const message = `${fault}: this server has no coordinator of its own; it has one with --data-parallel-size above 1`;
    return { isOk: false, status: 409, message };
  }

  #apiServerPid(fault: string, index: number): number | (TwinAnswer & { isOk: false }) {
    const pids = this.#options.apiServerPids();
    const pid = pids[index];
    if (pid !== undefined) return pid;
    if (pids.length === 0) {
      const message = `${fault}: this server's only API server is the process that holds the others; start it with --api-server-count of at least 2`;
      return { isOk: false, status: 409, message };
    }
    const allowed = `a whole number from 0 to ${pids.length - 1}`;
    const message = `${fault}: index is ${index}, not ${allowed}`;
    return { isOk: false, status: 400, message, param: 'index', allowed };
  }
}
