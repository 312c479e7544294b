/**
 * Where faults take hold of an engine's start: what is to become of each message, asked as the start goes along. A start
 * without faults has none of this.
 */
import { describeDuration } from '../../shared/duration.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { ParameterValues } from '../../shared/faults/parameter.ts';
import type { ScheduledFault } from '../../shared/faults/scheduled-fault.ts';
import type { Logger } from '../../shared/logger.ts';
import type { FieldChange } from '../../shared/protocol/messages/startup-messages.ts';
import { systemTimers, type Timers } from '../../shared/timers.ts';
import type { StartupFaultHost, StartupMessage } from './startup-fault.ts';
import { findStartupFault } from './startup-registry.ts';

const WORDS: Readonly<Record<StartupMessage, string>> = {
  hello: 'HELLO',
  'ready-response': 'the ready response',
  ready: 'READY',
};

export class StartupPoints implements StartupFaultHost {
  /** The rank whose identity the engine's sockets have; null for its own. */
  claimedRank: number | null = null;
  isPlaceTurned = false;
  isHelloRepeated = false;
  /** First to last; null where engines report as they come. */
  reportOrder: readonly number[] | null = null;
  readonly fieldChanges: FieldChange[] = [];
  readonly #logger: Pick<Logger, 'info'>;
  readonly #timers: Timers;
  readonly #delays = new Map<StartupMessage, number>();
  readonly #replaced = new Map<StartupMessage, Uint8Array>();
  #lastMessage: StartupMessage | null = null;
  #changeHash: ((own: string) => string) | null = null;

  constructor(logger: Pick<Logger, 'info'>, timers: Timers = systemTimers) {
    this.#logger = logger;
    this.#timers = timers;
  }

  delay(message: StartupMessage, ms: number): void {
    this.#delays.set(message, (this.#delays.get(message) ?? 0) + ms);
  }

  stopBefore(message: StartupMessage): void {
    this.#lastMessage = message;
  }

  repeatHello(): void {
    this.isHelloRepeated = true;
  }

  replace(message: StartupMessage, bytes: Uint8Array): void {
    this.#replaced.set(message, bytes);
  }

  claimRank(rank: number): void {
    this.claimedRank = rank;
  }

  turnPlace(): void {
    this.isPlaceTurned = true;
  }

  changeHash(change: (own: string) => string): void {
    this.#changeHash = change;
  }

  changeField(change: FieldChange): void {
    this.fieldChanges.push(change);
  }

  reportInOrder(ranks: readonly number[]): void {
    this.reportOrder = ranks;
  }

  /** Resolves when the message may go: at once, later, or never. */
  async before(message: StartupMessage): Promise<void> {
    if (this.#lastMessage === message) {
      this.#logger.info(`The engine stops its start before ${WORDS[message]} (by the scenario)`);
      return new Promise(() => {});
    }
    const ms = this.#delays.get(message) ?? 0;
    if (ms === 0) return;
    this.#logger.info(
      `${WORDS[message]} is held back for ${describeDuration(ms)} (by the scenario)`,
    );
    await this.#timers.pause(ms);
  }

  /** What goes in the message's place. */
  framesOf(message: StartupMessage, own: readonly Uint8Array[]): readonly Uint8Array[] {
    const bytes = this.#replaced.get(message);
    return bytes === undefined ? own : [bytes];
  }

  /** Throws E_BAD_FILE where the engine sends none. */
  hashOf(own: string | null): string | null {
    if (this.#changeHash === null) return own;
    if (own !== null) return this.#changeHash(own);
    throw new ConfigError(
      'E_BAD_FILE',
      'handshake.hash-mismatch: this engine sends no parallel_config_hash: only ranks of a mixture-of-experts model do, ' +
        'with --data-parallel-size above 1; serve such a model, or leave the fault out',
    );
  }
}

/** What the plan has before HELLO. Null for nothing. Throws E_BAD_FILE for what is no fault of a start. */
export function readStartupPlan(
  plan: readonly ScheduledFault[],
  logger: Pick<Logger, 'info'>,
  timers: Timers = systemTimers,
): StartupPoints | null {
  const planned = plan.filter(({ atMs }) => atMs === null);
  if (planned.length === 0) return null;
  const points = new StartupPoints(logger, timers);
  for (const { injection } of planned) {
    const known = findStartupFault(injection.fault);
    if (known === null) {
      throw new ConfigError(
        'E_BAD_FILE',
        `${injection.fault} is no fault of a start-up: give it a time after the start instead of at: start`,
      );
    }
    logger.info(`Fault ${injection.fault} begins (by the scenario)`);
    // The cast: whoever read the scenario has checked them, and JSON read twice is not what it was.
    known.begin(injection.parameters as ParameterValues<typeof known.spec.parameters>, points);
  }
  return points;
}
