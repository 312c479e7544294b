/**
 * The faults of a running engine, by handle: begun by a call or by the engine's own plan, ended by a call or by their time.
 * Times are kept here, so that a fault ends though nobody outside could end it.
 */
import { describeDuration } from '../../shared/duration.ts';
import type { Injection } from '../../shared/faults/injection.ts';
import { readFaultParameters } from '../../shared/faults/read-parameters.ts';
import type { ScheduledFault } from '../../shared/faults/scheduled-fault.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Timer, Timers } from '../../shared/timers.ts';
import type { EndFault, EngineFaultHost } from './engine-fault.ts';
import { FaultError } from './fault-error.ts';
import { findEngineFault } from './registry.ts';

export interface EngineFaultsOptions {
  readonly host: EngineFaultHost;
  readonly timers: Pick<Timers, 'after'>;
  readonly logger: Pick<Logger, 'info'>;
}

/** One handle's. */
export const MAX_ENGINE_FAULTS = 1_000;
/** What the handles of the engine's own plan begin with; those of calls do not. */
const PLANNED = 'plan-';

export class EngineFaults {
  readonly #options: EngineFaultsOptions;
  readonly #active = new Map<string, () => void>();
  readonly #planned = new Set<Timer>();

  constructor(options: EngineFaultsOptions) {
    this.#options = options;
  }

  /** Begins a fault under a handle that is not in use. Throws FaultError, and has changed nothing then. */
  inject(handle: string, { fault, forMs, parameters }: Omit<Injection, 'engine'>): void {
    const known = findEngineFault(fault);
    if (known === null) throw new FaultError(`a running engine has no fault ${fault}`);
    if (this.#active.has(handle)) throw new FaultError(`the handle ${handle} is in use`);
    if (this.#active.size >= MAX_ENGINE_FAULTS)
      throw new FaultError(`${MAX_ENGINE_FAULTS} faults are active: end some of them first`);
    const read = readFaultParameters(known.spec, parameters);
    if (!read.isOk) throw new FaultError(read.message);
    const end = known.begin(read.values, this.#options.host);
    if (end !== null) this.#hold(handle, { fault, forMs, endFault: end });
  }

  /** Ends a fault; false where the handle has none. */
  clear(handle: string): boolean {
    const end = this.#active.get(handle);
    end?.();
    return end !== undefined;
  }

  /** The engine's own: from now on, each at its time. Those before HELLO are over by now. */
  follow(plan: readonly ScheduledFault[]): void {
    for (const [index, { atMs, injection }] of plan.entries()) {
      if (atMs === null) continue;
      const timer = this.#options.timers.after(atMs, () => {
        this.#planned.delete(timer);
        this.#injectPlanned(`${PLANNED}${index}`, injection);
      });
      this.#planned.add(timer);
    }
  }

  /** Ends all of them, and what is planned. */
  close(): void {
    for (const timer of this.#planned) timer.cancel();
    this.#planned.clear();
    for (const end of [...this.#active.values()]) end();
  }

  #injectPlanned(handle: string, injection: Injection): void {
    const { logger } = this.#options;
    const { fault, forMs } = injection;
    logger.info(
      `Fault ${fault} begins${forMs === null ? '' : `, for ${describeDuration(forMs)}`} (by the scenario)`,
    );
    try {
      this.inject(handle, injection);
    } catch (error) {
      if (!(error instanceof FaultError)) throw error;
      logger.info(`Fault ${fault} is refused: ${error.message}`);
    }
  }

  #hold(
    handle: string,
    { fault, forMs, endFault }: { fault: string; forMs: number | null; endFault: EndFault },
  ): void {
    let timer: Timer | null = null;
    const end = (): void => {
      timer?.cancel();
      this.#active.delete(handle);
      endFault();
      if (handle.startsWith(PLANNED))
        this.#options.logger.info(`Fault ${fault} ends (by the scenario)`);
    };
    this.#active.set(handle, end);
    if (forMs !== null) timer = this.#options.timers.after(forMs, end);
  }
}
